"""Bodies of upstreams are read by their content type: JSON, XML, CSV, forms, text, and what the file forces."""

from __future__ import annotations

import httpx
import pytest

PART = "endpoints: {GET /x: {fan_out: {x: {url: a:/x%s}}}}"


def answered(serve, body, content_type, options=""):
    """Return the answer when the part gets *body* as *content_type*."""
    headers = {} if content_type is None else {"content-type": content_type}
    return serve(PART % options, {"/x": httpx.Response(200, content=body, headers=headers)}).get("/x")


@pytest.mark.parametrize(
    ("content_type", "body", "value"),
    [
        ("application/json", b'{"a":1}', {"a": 1}),
        ("application/problem+json; charset=utf-8", b'{"a":1}', {"a": 1}),
        (None, b'{"a":1}', {"a": 1}),
        ("application/xml", b"<a><b>1</b><b>2</b></a>", {"a": {"b": ["1", "2"]}}),
        ("application/atom+xml", b"<a/>", {"a": None}),
        ("text/csv; charset=utf-8", b"id,name\r\n1,Ada\r\n", [{"id": "1", "name": "Ada"}]),
        ("application/x-www-form-urlencoded", b"a=1&b=x+y&b=z", {"a": "1", "b": ["x y", "z"]}),
        ("text/plain; charset=iso-8859-1", b"h\xe4", "h\u00e4"),
        ("application/x-ndjson", b'{"a":1}\n{"a":2}\n', [{"a": 1}, {"a": 2}]),
    ],
)
def test_a_body_is_read_by_its_content_type(serve, content_type, body, value):
    """Every format becomes the same kind of data."""
    assert answered(serve, body, content_type).json() == {"x": value}


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b"\xef\xbb\xbf" + '"Łä"'.encode()),
        ("application/json; charset=utf-8", b"\xef\xbb\xbf" + '"Łä"'.encode()),
        ("application/json", '"Łä"'.encode("utf-16")),
        ("application/hal+json; charset=iso-8859-2", '"Łä"'.encode("iso-8859-2")),
        ("application/json; charset=who-knows", '"Łä"'.encode()),
    ],
)
def test_json_that_is_not_plain_utf8_is_read_and_passed_on_as_that(serve, content_type, body):
    """A byte order mark tells what JSON is, else the charset that it declares; all that see it see UTF-8."""
    config = """
        endpoints:
          GET /spliced: {fan_out: {x: a:/x}}
          GET /read: {fan_out: {x: a:/x}, response: {body: "{{ x }}!"}}
          GET /passed: {call: a:/x}
    """
    gateway = serve(config, {"/x": httpx.Response(200, content=body, headers={"content-type": content_type})})
    assert gateway.get("/spliced").json() == {"x": "Łä"}
    assert gateway.get("/read").json() == "Łä!"
    passed = gateway.get("/passed")
    assert passed.content == '"Łä"'.encode()
    assert "iso" not in passed.headers["content-type"]


def test_lines_of_json_with_a_byte_order_mark_are_read(serve):
    """The mark stands before the first line only."""
    body = b"\xef\xbb\xbf" + b'{"a":1}\n{"a":2}\n'
    assert answered(serve, body, "application/x-ndjson").json() == {"x": [{"a": 1}, {"a": 2}]}


def test_a_format_can_be_forced(serve):
    """An upstream that lies about its type, or says nothing, is read as the file says."""
    assert answered(serve, b"1,2\n3,4\n", "text/plain", ", format: csv").json() == {"x": [{"1": "3", "2": "4"}]}
    assert answered(serve, b"{}", "text/html", ", format: json").json() == {"x": {}}


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b"<rss><channel><item>1</item></channel></rss>", {"rss": {"channel": {"item": ["1"]}}}),
        (b"<rss><channel><item>1</item><item/></channel></rss>", {"rss": {"channel": {"item": ["1", None]}}}),
        (b"<rss><item>1</item><channel/></rss>", {"rss": {"item": "1", "channel": None}}),
    ],
)
def test_an_element_that_is_named_is_a_list_however_often_it_comes(serve, body, value):
    """Nothing else becomes one, not even an element of the same name in another place."""
    answer = answered(serve, body, "application/xml", ", xml: {lists: [rss.channel.item]}")
    assert answer.json() == {"x": value}


@pytest.mark.parametrize(("delimiter", "sign"), [(";", ";"), (r"\t", "\t"), ("|", "|")])
def test_cells_are_parted_by_the_delimiter_that_the_file_names(serve, delimiter, sign):
    """A comma is then a sign like any other."""
    body = f"a{sign}b\n1,5{sign}2\n".encode()
    answer = answered(serve, body, "text/csv", f', csv: {{delimiter: "{delimiter}"}}')
    assert answer.json() == {"x": [{"a": "1,5", "b": "2"}]}


@pytest.mark.parametrize(
    ("body", "options", "reason"),
    [
        (b"a;b\n1;2\n", "", "the header has no `,`, but `;`"),
        (b"a\tb\n1\t2\n", "", "the header has no `,`, but tab"),
        (b"a,b\n1,2\n", ", csv: {delimiter: ';'}", "the header has no `;`, but `,`"),
    ],
)
def test_a_header_row_with_another_delimiter_is_told(serve, caplog, body, options, reason):
    """It would be one column with an odd name; the log says what the file lacks."""
    assert answered(serve, body, "text/csv", options).json()["cause"] == "malformed"
    assert any(reason in str(vars(record).get("fields")) for record in caplog.records)


def test_one_column_needs_no_delimiter(serve):
    """A list of names is CSV as well."""
    assert answered(serve, b"name\nAda\n", "text/csv").json() == {"x": [{"name": "Ada"}]}


def test_how_a_format_is_read_can_be_said_for_an_upstream(serve):
    """The call has the last word."""
    gateway = serve(
        """
        upstreams: {a: {url: 'http://a.test', csv: {delimiter: ';'}, xml: {lists: [a]}}}
        endpoints: {GET /x: {fan_out: {x: a:/x, y: {url: a:/x, csv: {delimiter: ','}}, z: a:/z}}}
        """,
        {
            "/x": httpx.Response(200, content=b"a,;b\n1,;2\n", headers={"content-type": "text/csv"}),
            "/z": httpx.Response(200, content=b"<a/>", headers={"content-type": "text/xml"}),
        },
    )
    both = [{"a,": "1,", "b": "2"}], [{"a": "1", ";b": ";2"}]
    assert gateway.get("/x").json() == {"x": both[0], "y": both[1], "z": {"a": [None]}}


def test_a_format_can_be_forced_for_an_upstream(serve):
    """The call has the last word."""
    gateway = serve(
        """
        upstreams: {a: {url: 'http://a.test', format: text}}
        endpoints: {GET /x: {fan_out: {x: a:/x, y: {url: a:/x, format: json}}}}
        """,
        {"/x": httpx.Response(200, content=b"[1]", headers={"content-type": "application/json"})},
    )
    assert gateway.get("/x").json() == {"x": "[1]", "y": [1]}


@pytest.mark.parametrize("content_type", ["text/html", "image/png", "application/octet-stream"])
def test_a_type_that_holds_no_data_fails_the_part(serve, content_type):
    """An error page with status 200 is no data; nothing of it reaches the client."""
    answer = answered(serve, b"<h1>Oops at 10.0.0.1</h1>", content_type)
    assert (answer.status_code, answer.json()["cause"]) == (502, "content_type")
    assert "Oops" not in answer.text


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b'{"a":'),
        ("application/json", b'{"a": NaN}'),
        ("application/json", b"\xff"),
        ("application/xml", b"<a>"),
        ("application/x-ndjson", b"{}\n{"),
    ],
)
def test_a_body_that_is_not_what_it_claims_fails_the_part(serve, content_type, body):
    """Broken bodies are the upstream's failure, mapped like any other."""
    answer = answered(serve, body, content_type, ", status_map: {invalid_body: 599}")
    assert (answer.status_code, answer.json()["cause"]) == (599, "malformed")


def test_an_empty_body_is_null(serve):
    """204, or a 200 without a byte, is null and no failure."""
    gateway = serve(
        "endpoints: {GET /x: {fan_out: {x: a:/x, y: DELETE a:/y}}}",
        {"/x": httpx.Response(200), "DELETE /y": httpx.Response(204)},
    )
    assert gateway.get("/x").json() == {"x": None, "y": None}


def test_a_call_whose_body_is_read_is_read_at_once(serve):
    """A single call that is shaped, or asked for a field, becomes JSON whatever it was."""
    gateway = serve(
        """
        endpoints:
          GET /shape: {call: {url: a:/x, target: a}}
          GET /body: {call: a:/x, response: {body: {b: "{{ call.a.b }}"}}}
          GET /item: {call: {for_each: "{{ [1] }}", url: a:/x}}
          GET /fields: {call: a:/x, response: {fields: true}}
        """,
        {"/x": httpx.Response(200, content=b"<a><b>1</b></a>", headers={"content-type": "text/xml"})},
    )
    assert gateway.get("/shape").json() == {"b": "1"}
    assert gateway.get("/body").json() == {"b": "1"}
    assert gateway.get("/item").json() == [{"a": {"b": "1"}}]
    assert gateway.get("/fields?fields=a.b").json() == {"a": {"b": "1"}}


def test_a_body_that_only_passes_can_still_be_named(serve):
    """Headers and background calls may read what passes through, in whatever format it is."""
    gateway = serve(
        """
        endpoints:
          GET /x:
            call: a:/x
            response: {headers: {x-b: "{{ call.a.b }}"}}
            background: [{url: POST b:/log, json: {seen: "{{ call.a.b }}"}}]
        """,
        {"/x": httpx.Response(200, content=b"<a><b>1</b></a>", headers={"content-type": "text/xml"}), "/log": 1},
    )
    answer = gateway.get("/x")
    assert (answer.content, answer.headers["x-b"]) == (b"<a><b>1</b></a>", "1")
    gateway.close()
    assert gateway.upstream.last.content == b'{"seen":"1"}'
