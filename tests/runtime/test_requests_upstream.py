"""What is sent: methods, URLs, query, headers, and bodies built from params, query, headers, body, earlier results."""

from __future__ import annotations

import json
from textwrap import dedent

import httpx
import pytest


def sent(serve, call, method="POST", path="/x", **options):
    """Return the request that *call* makes when the endpoint is asked."""
    text = f"endpoints:\n  {method} /x:\n    call:\n" + "".join(
        f"      {line}\n" for line in dedent(call).strip().splitlines()
    )
    gateway = serve(text, lambda _: httpx.Response(200, json={}))
    answer = gateway.ask(method, path, **options)
    assert answer.status_code == 200, answer.text
    return gateway.upstream.last


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_every_method_can_be_an_aggregate(serve, method):
    """An endpoint that changes something may call several upstreams, each with a method of its own."""
    gateway = serve(
        f"""
        endpoints:
          {method} /x/{{id}}:
            body: {{type: object}}
            fan_out:
              stock: {{method: PUT, url: 'a:/stock/{{id}}', json: {{left: "{{{{ body.left }}}}"}}}}
              log: {{url: POST b:/log, json: {{was: "{{{{ stock.was }}}}"}}}}
              gone: {{url: DELETE c:/cart, needs: [log]}}
        """,
        {"PUT /stock/7": {"was": 3}, "POST /log": {}, "DELETE /cart": httpx.Response(204)},
    )
    answer = gateway.ask(method, "/x/7", json={"left": 2})
    assert answer.json() == {"stock": {"was": 3}, "log": {}, "gone": None}
    assert gateway.upstream.lines == ["PUT /stock/7", "POST /log", "DELETE /cart"]
    assert [request.content for request in gateway.upstream.requests] == [b'{"left":2}', b'{"was":3}', b""]


def test_a_json_body_keeps_types(serve):
    """A value that is one expression keeps its type; text around it makes text; constants stand."""
    request = sent(
        serve,
        """
        url: POST a:/x
        json:
          n: "{{ body.n }}"
          t: "n is {{ body.n }}"
          list: ["{{ body.list }}", null, true, 1.5]
          none: "{{ body.none }}"
          q: "{{ query.a }}"
          h: "{{ headers['x-a'] }}"
          m: "{{ request.method }}"
        """,
        path="/x?a=1",
        json={"n": 7, "list": [1]},
        headers={"x-a": "A"},
    )
    assert json.loads(request.content) == {
        "n": 7, "t": "n is 7", "list": [[1], None, True, 1.5], "none": None, "q": "1", "h": "A", "m": "POST",
    }  # fmt: skip
    assert request.headers["content-type"] == "application/json"


def test_a_body_of_ones_own_type_has_one_type(serve):
    """A declared content type takes the place of the usual one."""
    request = sent(serve, "url: POST a:/x\njson: {a: 1}\nheaders: {Content-Type: application/vnd.api+json}")
    assert request.headers.get_list("content-type") == ["application/vnd.api+json"]
    request = sent(serve, "url: POST a:/x\nform: {a: 1}\nheaders: {content-type: 'x/{{ query.t }}'}", path="/x?t=form")
    assert request.headers.get_list("content-type") == ["x/form"]


def test_results_are_copied_into_bodies(serve):
    """A whole earlier result goes upstream byte for byte."""
    gateway = serve(
        "endpoints: {GET /x: {fan_out: {one: a:/one, two: {url: POST a:/two, json: {all: '{{ one }}'}}}}}",
        {
            "/one": httpx.Response(200, content=b'{"price": 1.10}', headers={"content-type": "application/json"}),
            "/two": 1,
        },
    )
    gateway.get("/x")
    assert gateway.upstream.last.content == b'{"all":{"price": 1.10}}'


def test_a_form_is_built_from_values(serve):
    """Lists repeat their key, null is left out, true and false are words."""
    request = sent(
        serve,
        "url: POST a:/x\nform: {a: '{{ body.a }}', b: [1, x y], c: null, d: true}",
        json={"a": "ä&="},
    )
    assert request.content == b"a=%C3%A4%26%3D&b=1&b=x+y&d=true"
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"


def test_a_multipart_body_has_fields_and_files(serve):
    """Objects with ``content`` are files; a content type that the file names cannot take away the boundary."""
    request = sent(
        serve,
        """
        url: POST a:/x
        headers: {content-type: multipart/form-data}
        multipart:
          name: "{{ body.name }}"
          tags: [a, b]
          none: null
          n: 1.5
          doc: {filename: "{{ body.name }}.txt", content: "hello", content_type: text/plain}
          data: {content: {a: 1}, filename: null, content_type: null}
        """,
        json={"name": 'A"b'},
    )
    [kind] = request.headers.get_list("content-type")
    boundary = kind.partition("boundary=")[2].encode()
    assert request.content.count(b"--" + boundary) == 7
    assert b'name="name"\r\n\r\nA"b\r\n' in request.content
    assert b'name="tags"\r\n\r\na\r\n' in request.content
    assert b'name="n"\r\n\r\n1.5\r\n' in request.content
    assert b'filename="A%22b.txt"\r\nContent-Type: text/plain\r\n\r\nhello\r\n' in request.content
    assert (
        b'name="data"; filename="data"\r\nContent-Type: application/octet-stream\r\n\r\n{"a":1}\r\n' in request.content
    )
    assert b"none" not in request.content


def test_a_text_body_is_text(serve):
    """``body`` is sent as it is, with the type that the file names."""
    request = sent(
        serve, "url: POST a:/x\nbody: '<a>{{ body.a }}</a>'\nheaders: {content-type: text/xml}", json={"a": 1}
    )
    assert (request.content, request.headers["content-type"]) == (b"<a>1</a>", "text/xml")


def test_a_query_is_built_from_values(serve):
    """Null and missing ones are left out, lists are repeated, constants stand first, everything is encoded."""
    request = sent(
        serve,
        """
        url: a:/x?z={query.z}
        query:
          a: '{{ query.a }}'
          b: [1, '{{ query.none }}', x&y]
          c: null
          d: true
          e: 'v{{ query.a }}'
          f: '{{ query.f }}'
        """,
        method="GET",
        path="/x?a=%C3%A4&z=1%2F2",
    )
    assert request.url.raw_path.decode() == "/x?z=1%2F2&d=true&a=%C3%A4&b=1&b=x%26y&e=v%C3%A4"


def test_headers_are_built_from_values(serve):
    """Null ones are left out; numbers are written as JSON writes them."""
    request = sent(
        serve,
        """
        url: a:/x
        headers:
          {X-A: '{{ query.a }}', x-none: '{{ query.none }}', x-n: '{{ 1.5 }}', x-c: null, x-d: true, accept: text/plain}
        """,
        method="GET",
        path="/x?a=1",
    )
    assert [request.headers[name] for name in ("x-a", "x-n", "x-d", "accept")] == ["1", "1.5", "true", "text/plain"]
    assert {"x-none", "x-c"}.isdisjoint(request.headers)


@pytest.mark.parametrize("call", ["headers: {x-a: '{{ body.a }}'}", "query: {a: '{{ body.a }}'}"])
@pytest.mark.parametrize("value", [{"b": 1}, [{"b": 1}]])
def test_an_object_is_no_value_of_a_query_or_a_header(serve, call, value):
    """What has no text fails the call before it is made."""
    gateway = serve(f"endpoints: {{POST /x: {{call: {{url: POST a:/x, {call}}}}}}}")
    answer = gateway.post("/x", json={"a": value})
    assert (answer.status_code, answer.json()["cause"]) == (400, "input")
    assert gateway.upstream.lines == []


def test_a_value_cannot_add_a_header(serve):
    """A line break in a value is refused, not sent."""
    gateway = serve("endpoints: {POST /x: {call: {url: POST a:/x, headers: {x-a: '{{ body.a }}'}}}}")
    assert gateway.post("/x", json={"a": "1\r\nx-evil: 1"}).status_code == 400
    assert gateway.upstream.lines == []


def test_query_parameters_have_types_defaults_and_choices(serve):
    """What is declared arrives typed, with its default, and is refused when it does not fit."""
    gateway = serve(
        """
        endpoints:
          GET /x:
            query:
              page: {type: integer, default: 1}
              sort: {type: string, enum: [asc, desc], default: asc}
              all: boolean
            call: {url: a:/x, query: {next: "{{ query.page + 1 }}", sort: "{{ query.sort }}", all: "{{ query.all }}"}}
        """,
        lambda _: httpx.Response(200, json=1),
    )
    assert gateway.get("/x").status_code == 200
    gateway.get("/x?page=4&sort=desc&all=true")
    assert gateway.upstream.lines == ["GET /x?next=2&sort=asc", "GET /x?next=5&sort=desc&all=true"]
    assert gateway.get("/x?page=x&sort=up").status_code == 422


def test_an_upstreams_own_headers_and_query_go_with_every_call(serve):
    """They can be replaced by the call, and never by the client."""
    gateway = serve(
        """
        upstreams: {a: {url: 'http://a.test/v1', headers: {x-key: k, x-b: up}, query: {key: "1 2"}}}
        endpoints:
          GET /x: {call: {url: 'a:/x?c=1', headers: {x-b: call}, forward: {headers: [x-key], query: [key, c, d]}}}
        """,
        lambda _: httpx.Response(200, json=1),
    )
    gateway.get("/x?key=evil&c=evil&d=4", headers={"x-key": "evil"})
    request = gateway.upstream.last
    assert request.url.raw_path.decode() == "/v1/x?c=1&key=1%202&d=4"
    assert (request.headers.get_list("x-key"), request.headers.get_list("x-b")) == (["k"], ["call"])


@pytest.mark.parametrize(
    ("call", "target"),
    [
        ("a:/x", "/x?limit=10&key=k"),
        ("{url: 'a:/x', query: {limit: 3}}", "/x?key=k&limit=3"),
        ("{url: 'a:/x', query: {limit: '{{ query.n }}'}}", "/x?key=k&limit=5"),
        ("{url: 'a:/x', query: {limit: [1, 2]}}", "/x?key=k&limit=1&limit=2"),
        ("{url: 'a:/x', query: {limit: null}}", "/x?key=k"),
        ("{url: 'a:/x', query: {limit: '{{ query.none }}'}}", "/x?key=k"),
        ("'a:/x?limit=3'", "/x?limit=3&key=k"),
        ("'a:/x?%6cimit={query.n}'", "/x?limit=5&key=k"),
    ],
)
def test_a_query_parameter_of_the_call_replaces_the_upstreams(serve, call, target):
    """Nearest wins, as with headers: in the URL or in `query`, constant or not, and null takes it away."""
    gateway = serve(
        f"""
        upstreams: {{a: {{url: http://a.test, query: {{limit: 10, key: k}}}}}}
        endpoints: {{GET /x: {{call: {call}}}}}
        """,
        lambda _: httpx.Response(200, json={}),
    )
    assert gateway.get("/x?n=5").status_code == 200
    assert gateway.upstream.last.url.raw_path.decode() == target


@pytest.mark.parametrize("sent", ["Jörg".encode(), "Jörg".encode("latin-1")])
def test_a_request_header_is_read_as_utf_8_or_else_latin_1(serve, sent):
    """In URLs, JSON, text and declared inputs a name is the name that the client meant."""
    gateway = serve(
        """
        endpoints:
          GET /x:
            headers: {x-name: {type: string, maxLength: 4}}
            call: {url: 'POST a:/x/{headers.x-name}', json: {name: "{{ headers['x-name'] }}"},
                   headers: {x-len: "{{ headers['x-name'] | length }}"}}
        """,
        lambda _: httpx.Response(200, json={}),
    )
    assert gateway.get("/x", headers={"x-name": sent}).status_code == 200
    request = gateway.upstream.last
    assert request.url.raw_path == b"/x/J%C3%B6rg"
    assert json.loads(request.content) == {"name": "Jörg"}
    assert request.headers["x-len"] == "4"


def test_a_header_of_an_answer_carries_any_name(serve):
    """A value outside ISO-8859-1 is sent as UTF-8, upstream and to the client, and read as such from an upstream."""
    gateway = serve(
        """
        endpoints:
          GET /x:
            fan_out:
              one: {url: a:/x, headers: {x-name: "Łukasz €"}}
              two: {url: a:/y, headers: {x-name: "{{ one.name }}"}}
            response: {headers: {x-name: "{{ calls.two.headers['x-city'] }} {{ one.name }}"}}
        """,
        lambda _: httpx.Response(200, json={"name": "Łukasz"}, headers={"x-city": "Łódź".encode()}),
    )
    answer = gateway.get("/x")
    assert answer.status_code == 200
    assert dict(answer.headers.raw)[b"x-name"] == "Łódź Łukasz".encode()
    sent = [dict(request.headers.raw)[b"x-name"].decode() for request in gateway.upstream.requests]
    assert sent == ["Łukasz €", "Łukasz"]


def test_a_required_value_fails_the_call_and_is_not_left_out(serve):
    """Without it a call for the books of one author would ask for all books."""
    gateway = serve(
        """
        endpoints:
          GET /x:
            fan_out:
              book: a:/book
              all: {url: a:/books, query: {author: "{{ book.author | default(null) }}"}}
              same: {url: a:/books, query: {author: "{{ book.author | required }}"}}
        """,
        {"/book": {"author": None}, "/books": []},
    )
    answer = gateway.get("/x")
    assert (answer.status_code, answer.json()["cause"], answer.json()["part"]) == (502, "expression", "same")
    assert "GET /books?author" not in " ".join(gateway.upstream.lines)


def test_a_session_that_a_call_opened_is_sent_on(serve):
    """The cookies that an answer set are there by name, and every value of a header that came several times."""
    gateway = serve(
        """
        endpoints:
          GET /x:
            fan_out:
              login: POST a:/login
              page:
                url: "a:/page/{calls.login.cookies.sid}"
                headers: {cookie: "sid={{ calls.login.cookies.sid }}; lang={{ calls.login.cookies['lang'] }}"}
                query: {link: "{{ calls.login.headers.link | all }}", none: "{{ calls.login.headers.x | all }}"}
                json:
                  links: "{{ calls.login.headers.link }}"
                  all: "{{ calls.login.headers.link | all }}"
                  set: "{{ calls.login.headers['set-cookie'] | all | length }}"
                  gone: "{{ calls.login.cookies.gone }}"
                  one: "{{ calls.login.headers['content-type'] | all }}"
        """,
        lambda _: httpx.Response(
            200,
            content=b"{}",
            headers=[
                ("content-type", "application/json"),
                ("set-cookie", "sid=old"),
                ("set-cookie", "sid=a/b=; Path=/; HttpOnly; Expires=Wed, 21 Oct 2026 07:28:00 GMT"),
                ("set-cookie", "lang=de; Max-Age=60"),
                ("set-cookie", "gone=1; max-age=0"),
                ("set-cookie", "nothing"),
                ("link", "</a>; rel=next, </b>"),
                ("link", "</c>"),
            ],
        ),
    )
    assert gateway.get("/x").status_code == 200
    request = gateway.upstream.last
    assert request.url.raw_path == b"/page/a%2Fb%3D?link=%3C%2Fa%3E%3B%20rel%3Dnext%2C%20%3C%2Fb%3E&link=%3C%2Fc%3E"
    assert request.headers["cookie"] == "sid=a/b=; lang=de"
    assert json.loads(request.content) == {
        "links": "</a>; rel=next, </b>, </c>",
        "all": ["</a>; rel=next, </b>", "</c>"],
        "set": 5,
        "gone": None,
        "one": ["application/json"],
    }


def test_a_repeated_header_is_text_like_any_other(serve):
    """In a URL, a comparison, a filter, a key and a text it is its joined value."""
    gateway = serve(
        """
        endpoints:
          GET /x:
            call:
              url: POST a:/x/{headers.x-a}
              headers: {x-b: "{{ headers['x-a'] }}", x-c: "<{{ headers['x-a'] | upper }}>"}
              json: ["{{ headers['x-a'] == 'a, b' }}", "{{ {'a, b': 1}[headers['x-a']] }}", "{{ headers['x-a'] is string }}",
                     "{{ headers['x-a'] | all }}"]
        """,
        lambda _: httpx.Response(200, json={}),
    )
    assert gateway.get("/x", headers=[("x-a", "a"), ("x-a", "b")]).status_code == 200
    request = gateway.upstream.last
    assert request.url.raw_path == b"/x/a%2C%20b"
    assert (request.headers["x-b"], request.headers["x-c"]) == ("a, b", "<A, B>")
    assert json.loads(request.content) == [True, 1, True, ["a", "b"]]
