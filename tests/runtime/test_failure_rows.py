"""What failures become: rows at call, endpoint, upstream and defaults, on status, class, cause, part and expression."""

from __future__ import annotations

import httpx
import pytest

from aggregator.errors import Cause, ConfigError

TIMEOUTS = (Cause.DEADLINE, Cause.CONNECT_TIMEOUT, Cause.READ_TIMEOUT, Cause.WRITE_TIMEOUT)
NETWORK = (Cause.REFUSED, Cause.DNS, Cause.TLS, Cause.RESET, Cause.UNREACHABLE, Cause.INCOMPLETE, Cause.PROTOCOL)
BODIES = (Cause.MALFORMED, Cause.TOO_LARGE, Cause.CODING, Cause.CONTENT_TYPE)
LIMITS = (Cause.QUEUE_FULL, Cause.QUEUE_TIMEOUT)


def failed(rig, cause=None, status=None, rows="", body=None):
    """Return the rig of an endpoint whose one part failed by *cause*, or with *status*."""
    one = rig(f"fan_out: {{x: {{url: a:/x, status_map: {rows or '{}'}}}}}").start()
    if cause is not None:
        one["/x"].fail(cause)
    else:
        one["/x"].answer(body, status=status)
    return one


@pytest.mark.parametrize(
    ("causes", "status"), [(TIMEOUTS, 504), (NETWORK, 502), (BODIES, 502), (LIMITS, 503), ((Cause.FAULT,), 500)]
)
def test_causes_have_a_default(rig, causes, status):
    """Timeouts are 504, network and bodies 502, our own limits 503, our own faults 500."""
    for cause in causes:
        one = failed(rig, cause)
        assert (one.answer.status, one.body["cause"]) == (status, cause.value)


@pytest.mark.parametrize(
    ("status", "answered"),
    [(404, 404), (400, 502), (401, 502), (409, 502), (429, 502), (500, 502), (503, 502), (302, 502)],
)
def test_statuses_have_a_default(rig, status, answered):
    """404 is 404; any other status names the upstream and what it answered."""
    one = failed(rig, status=status)
    assert one.answer.status == answered
    assert (one.body["upstream"], one.body["upstream_status"], one.body["cause"]) == ("a", status, "status")


def test_our_own_limits_say_when_to_come_back(rig):
    """A 503 has a Retry-After, and so has what an upstream asks to wait for."""
    assert failed(rig, Cause.QUEUE_FULL).header("retry-after") == "1"
    one = rig("fan_out: {x: a:/x}").start()
    one["/x"].answer({}, status=429, retry_after="7")
    assert (one.answer.status, one.header("retry-after")) == (502, "7")


@pytest.mark.parametrize(
    ("key", "cause", "status"),
    [
        ("404", None, 404), ("4xx", None, 404), ("status", None, 404), ("any", None, 404), ("5xx", None, 503),
        ("3xx", None, 301), ("timeout", Cause.READ_TIMEOUT, None), ("read_timeout", Cause.READ_TIMEOUT, None),
        ("deadline", Cause.DEADLINE, None), ("network", Cause.TLS, None), ("tls", Cause.TLS, None),
        ("invalid_body", Cause.TOO_LARGE, None), ("too_large", Cause.TOO_LARGE, None),
        ("overloaded", Cause.QUEUE_FULL, None), ("queue_full", Cause.QUEUE_FULL, None), ("any", Cause.DNS, None),
        ("connect", Cause.DNS, None), ("connect", Cause.CONNECT_TIMEOUT, None), ("reset", Cause.INCOMPLETE, None),
    ],
)  # fmt: skip
def test_rows_match_a_status_a_class_a_cause_or_its_family(rig, key, cause, status):
    """Everything that a failure can be called, it can be called in a row."""
    assert failed(rig, cause, status, f"{{'{key}': 555}}").answer.status == 555


@pytest.mark.parametrize(
    ("key", "cause", "status"),
    [("404", None, 400), ("4xx", None, 500), ("5xx", Cause.REFUSED, None), ("status", Cause.DEADLINE, None),
     ("network", Cause.DEADLINE, None), ("timeout", None, 504), ("refused", Cause.RESET, None), ("connect", Cause.RESET, None),
     ("reset", Cause.REFUSED, None)],
)  # fmt: skip
def test_rows_match_nothing_else(rig, key, cause, status):
    """A status of an upstream is no cause of ours, and the other way round."""
    assert failed(rig, cause, status, f"{{'{key}': 555}}").answer.status != 555


def test_the_first_row_that_matches_decides(rig):
    """In the order of the file, not by how particular a row is."""
    rows = '[{"on": 5xx, when: \'{{ this.body }}\', status: 551}, {"on": 503, status: 552}, {"on": any, status: 553}]'
    assert failed(rig, status=503, rows=rows, body=1).answer.status == 551
    assert failed(rig, status=503, rows=rows, body=0).answer.status == 552
    assert failed(rig, status=404, rows=rows).answer.status == 553


def test_rows_can_depend_on_the_answer_of_the_upstream(rig):
    """``when`` sees status, headers, body and cause of the failure as ``this``, beside everything else."""
    rows = "[{\"on\": 4xx, when: \"{{ this.body.code == 'gone' and this.headers['content-type'] }}\", status: 410}]"
    assert failed(rig, status=400, rows=rows, body={"code": "gone"}).answer.status == 410
    assert failed(rig, status=400, rows=rows, body={"code": "other"}).answer.status == 502
    by_cause = '[{"on": any, when: "{{ this.cause == \'dns\' }}", status: 599}]'
    assert failed(rig, Cause.DNS, rows=by_cause).answer.status == 599


def test_the_body_of_a_failure_may_be_anything(rig):
    """What is no JSON is text to an expression."""
    one = rig("fan_out: {x: {url: a:/x, status_map: {500: {detail: '{{ this.body | upper }}'}}}}").start()
    one["/x"].answer(body=b"oops", status=500, content_type="text/html")
    assert one.body["detail"] == "OOPS"


def test_a_row_says_status_title_detail_and_headers(rig):
    """The problem document is the row's own; null headers are left out, numbers are text."""
    one = failed(
        rig,
        status=404,
        body={"n": 7},
        rows="""
        {404: {status: 410, title: Gone, detail: "item {{ this.body.n }}",
               headers: {x-n: "{{ this.body.n }}", x-none: "{{ this.body.x }}"}}}
    """.strip(),
    )
    assert one.answer.status == 410
    assert (one.body["title"], one.body["detail"], one.body["status"]) == ("Gone", "item 7", 410)
    assert (one.header("x-n"), one.header("x-none")) == ("7", None)


def test_a_row_without_a_status_keeps_the_default(rig):
    """Only the text changes."""
    assert failed(rig, status=404, rows="{404: {detail: none}}").answer.status == 404


@pytest.mark.parametrize(
    ("body", "content_type", "expected"),
    [("{a: '{{ this.status }}'}", "application/json", b'{"a":404}'), ("null", "application/json", b"null"),
     ("'so {{ this.status }}'", "text/plain; charset=utf-8", b"so 404")],
)  # fmt: skip
def test_a_row_can_bring_its_own_body(rig, body, content_type, expected):
    """Text is text, anything else is JSON; never cached unless the row says so."""
    one = failed(rig, status=404, rows=f"{{404: {{status: 200, body: {body}}}}}")
    assert (one.answer.status, one.answer.body, one.header("content-type")) == (200, expected, content_type)
    assert one.header("cache-control") == "no-store"


def test_a_row_can_replace_the_headers_of_a_failure(rig):
    """Content type and caching are the row's to say."""
    one = failed(
        rig, status=404, rows="{404: {body: <b>, headers: {content-type: text/html, cache-control: max-age=5}}}"
    )
    assert (one.header("content-type"), one.header("cache-control"), one.answer.body) == (
        "text/html",
        "max-age=5",
        b"<b>",
    )
    headers = [name for name, _ in one.answer.headers]
    assert len(headers) == len(set(headers))


def test_a_row_with_a_status_that_has_no_body(rig):
    """204 is an answer without one."""
    one = failed(rig, status=404, rows="{404: 204}")
    assert (one.answer.status, one.answer.body, one.header("content-type")) == (204, b"", None)


def test_pass_lets_the_upstream_speak(rig):
    """Status, body and content type as they came; in a fan-out too, with the parts told in a header."""
    one = failed(rig, status=409, body={"their": "words"}, rows="{4xx: {pass: true, headers: {x-v: '1'}}}")
    assert (one.answer.status, one.body, one.header("content-type")) == (409, {"their": "words"}, "application/json")
    assert (one.header("x-v"), one.header("cache-control")) == ("1", "no-store")
    assert "x;state=failed;status=409" in one.header("aggregator-parts")


def test_pass_can_change_the_status(rig):
    """The body passes under another status."""
    one = failed(rig, status=418, body=1, rows="{418: {pass: true, status: 400}}")
    assert (one.answer.status, one.answer.body) == (400, b"1")


def test_there_is_nothing_to_pass_when_nobody_answered(rig):
    """A row for any failure still gives a problem where there is no reply."""
    one = failed(rig, Cause.REFUSED, rows="{any: {pass: true}}")
    assert (one.answer.status, one.header("content-type")) == (502, "application/problem+json")


def test_pass_works_from_inside_a_group_and_after_a_fallback(rig):
    """The reply that was the reason is the one that passes."""
    one = rig("""
        fan_out:
          g: {fan_out: {inner: {url: a:/x, fallback: ['b:/y']}}}
        status_map: {4xx: {pass: true}}
    """).start()
    one["/x"].fail()
    one["/y"].answer({"why": "not"}, status=422)
    assert (one.answer.status, one.body) == (422, {"why": "not"})


LEVELS = """
    upstreams: {a: {url: 'http://a.test', status_map: {401: 543, 402: 543, 403: 543}}}
    defaults: {status_map: {400: 544, 401: 544, 402: 544, 403: 544}}
    endpoints:
      GET /x:
        fan_out: {x: {url: a:/x, status_map: {403: 541}}}
        status_map: {402: 542, 403: 542}
"""


@pytest.mark.parametrize(("status", "answered"), [(403, 541), (402, 542), (401, 543), (400, 544), (405, 502)])
def test_the_nearest_map_has_the_say(rig, status, answered):
    """Call, then endpoint, then upstream, then defaults, then what is built in."""
    one = rig(LEVELS).start()
    one["/x"].answer({}, status=status)
    assert one.answer.status == answered


def test_a_row_of_an_endpoint_can_speak_of_one_part(rig):
    """``part`` names it; the name of a group or a race stands for what is in it."""
    text = """
        fan_out: {x: a:/x, y: a:/y, g: {fan_out: {inner: a:/g}}}
        status_map: [{part: y, "on": any, status: 551}, {part: g, "on": any, status: 552}, {"on": any, status: 553}]
    """
    for target, answered in [("/x", 553), ("/y", 551), ("/g", 552)]:
        one = rig(text).start()
        one[target].fail()
        assert one.answer.status == answered


def test_an_answer_that_cannot_be_made_is_a_part_called_response(rig):
    """Rows for ``response`` speak of joins, merges and expressions of the answer itself."""
    one = rig("""
        fan_out: {x: a:/x}
        response: {body: {n: "{{ x.n + 1 }}"}}
        status_map: [{part: x, "on": any, status: 551}, {part: response, "on": expression, status: 552, detail: sorry}]
    """).start()
    one["/x"].answer({"n": "a"})
    assert (one.answer.status, one.body["detail"]) == (552, "sorry")


@pytest.mark.parametrize(
    ("expression", "detail"),
    [
        ("{{ x.n / 0 }}", "An expression divides by zero."),
        ("{{ x.n ** 9999999 }}", "A number is too large."),
    ],
)
def test_what_an_expression_could_not_do_is_a_sentence(rig, expression, detail):
    """The detail of a problem is a sentence, whoever speaks: expressions do so in phrases."""
    one = rig(f'fan_out: {{x: a:/x}}\nresponse: {{body: {{n: "{expression}"}}}}').start()
    one["/x"].answer({"n": 7})
    assert (one.answer.status, one.body["detail"]) == (502, detail)


def test_a_row_that_cannot_be_applied_is_a_502(rig):
    """A status map that fails on the data of a failure does not hide it."""
    one = failed(rig, status=500, body={"n": "x"}, rows="[{\"on\": any, when: '{{ this.body.n > 1 }}', status: 599}]")
    assert one.answer.status == 502
    assert one.body["detail"].startswith("The status map could not be applied")


def test_rows_of_single_calls(serve):
    """One call is mapped like a part; what it answered passes only where a row says so."""
    gateway = serve(
        """
        endpoints:
          GET /x/{n}:
            call: {url: 'a:/x/{n}', status_map: {404: {detail: User not found}, 409: {pass: true}, network: 599}}
        """,
        {
            "/x/1": httpx.Response(404, text="inner"),
            "/x/2": httpx.Response(409, text="theirs"),
            "/x/3": httpx.ConnectError("10.0.0.1"),
        },
    )
    first = gateway.get("/x/1")
    assert (first.status_code, first.json()["detail"]) == (404, "User not found")
    assert "part" not in first.json()
    assert (gateway.get("/x/2").status_code, gateway.get("/x/2").text) == (409, "theirs")
    third = gateway.get("/x/3")
    assert third.status_code == 599
    assert "10.0.0.1" not in third.text


def test_what_cannot_match_is_a_load_error(plan_of):
    """Unknown causes, unknown parts and rows behind one that takes everything are refused at load."""
    for rows in ("{timeuot: 504}", "[{part: y, status: 500}]", "{any: 500, 404: 404}"):
        with pytest.raises(ConfigError):
            plan_of(f"endpoints: {{GET /x: {{fan_out: {{x: a:/x}}, status_map: {rows}}}}}")


def test_a_title_is_an_expression(serve):
    """It sees what the detail sees; one that is the same for every request is text before the first."""
    gateway = serve(
        """
        endpoints:
          GET /x/{id}:
            call: a:/x
            status_map:
              404: {status: 404, title: "No {{ id }} ({{ this.status }})"}
              500: {status: 502, title: "{{ 'con' ~ 'stant' }}"}
        """,
        {"/x": httpx.Response(404)},
    )
    assert gateway.ask("GET", "/x/7").json()["title"] == "No 7 (404)"


@pytest.mark.parametrize("row", ["", "pass: true, "])
@pytest.mark.parametrize(
    ("cookies", "lines"),
    [("['a=1', 'b={{ this.status }}', null]", [b"a=1", b"b=401"]), ("a=1", [b"a=1"]), ("'{{ this.body.none }}'", [])],
)
def test_a_row_sets_several_cookies(rig, row, cookies, lines):
    """Cookies are the one field that cannot be joined: each of a list has a line."""
    one = failed(rig, status=401, rows=f"[{{on: 401, status: 401, {row}headers: {{set-cookie: {cookies}}}}}]", body={})
    assert [value for name, value in one.answer.headers if name == b"set-cookie"] == lines
