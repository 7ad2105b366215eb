"""Zero trust: nothing of the client's request goes upstream unless the file says so, and then as it was meant."""

from __future__ import annotations

import gzip

import httpx
import pytest


def asked(serve, forward, method="GET", path="/x", call="a:/x", **options):
    """Return the gateway after one request to an endpoint that forwards *forward*."""
    gateway = serve(
        f"endpoints: {{{method} /x: {{call: '{call}', forward: {{{forward}}}}}}}", lambda _: httpx.Response(200, json=1)
    )
    answer = gateway.ask(method, path, **options)
    assert answer.status_code == 200, answer.text
    return gateway


def test_nothing_is_forwarded_by_default(serve):
    """No header, no query, no body, no cookie."""
    gateway = asked(
        serve, "", "POST", "/x?a=1", "POST a:/x", content=b"body",
        headers={"cookie": "c=1", "authorization": "secret", "x-a": "1", "user-agent": "me", "accept": "text/html"},
    )  # fmt: skip
    request = gateway.upstream.last
    assert (request.url.query, request.content) == (b"", b"")
    assert {"authorization", "x-a", "cookie"}.isdisjoint(request.headers)
    assert (request.headers["user-agent"], request.headers["accept"]) == ("aggregator", "*/*")


def test_named_headers_are_forwarded(serve):
    """By name, whatever the case, as often as they were sent."""
    gateway = asked(
        serve,
        "headers: [X-A, authorization]",
        headers=[("x-a", "1"), ("X-A", "2"), ("authorization", "t"), ("x-b", "3")],
    )
    headers = gateway.upstream.last.headers
    assert (headers.get_list("x-a"), headers["authorization"]) == (["1", "2"], "t")
    assert "x-b" not in headers


def test_a_forwarded_header_takes_the_place_of_our_own(serve):
    """The client's Accept replaces ours; when it sends none, ours stands."""
    gateway = asked(serve, "headers: [accept, user-agent]", headers={"accept": "text/csv", "user-agent": "me"})
    headers = gateway.upstream.last.headers
    assert (headers.get_list("accept"), headers.get_list("user-agent")) == (["text/csv"], ["me"])
    gateway.client.headers.clear()
    gateway.get("/x")
    headers = gateway.upstream.last.headers
    assert (headers.get_list("accept"), headers.get_list("user-agent")) == (["*/*"], ["aggregator"])


def test_named_query_parameters_are_forwarded(serve):
    """In their order, as often as they were sent, in one canonical encoding."""
    gateway = asked(serve, "query: [a, 'b[]', c]", path="/x?a=1+2&x=0&b%5B%5D=%2fy&%61=3&c")
    assert gateway.upstream.lines == ["GET /x?a=1%202&b%5B%5D=%2Fy&a=3&c"]


def test_a_body_is_forwarded_without_being_read(serve):
    """Any bytes, with what says how to read them; the method is that of the client."""
    body = gzip.compress(b"anything")
    gateway = asked(
        serve,
        "body: true",
        "PUT",
        content=body,
        headers={"content-type": "x/y", "content-encoding": "gzip", "content-language": "de"},
    )
    request = gateway.upstream.last
    assert (request.method, request.content) == ("PUT", body)
    assert (request.headers["content-type"], request.headers["content-encoding"]) == ("x/y", "gzip")
    assert "content-language" not in request.headers


def test_a_body_goes_once_with_its_type(serve):
    """A content type that is forwarded by name as well is not sent twice."""
    gateway = asked(serve, "body: true, headers: [content-type]", "POST", content=b"1", headers={"content-type": "x/y"})
    assert gateway.upstream.last.headers.get_list("content-type") == ["x/y"]


@pytest.mark.parametrize("reads", ["body: {type: object}", "response: {headers: {x-id: '{{ body.id }}'}}", ""])
def test_a_body_is_forwarded_as_it_came_although_it_was_read(serve, reads):
    """Every digit, blank, escape and the order of keys, whether a schema or an expression read the body or nobody did."""
    gateway = serve(
        f"endpoints: {{POST /x: {{call: POST a:/x, forward: {{body: true}}, {reads}}}}}",
        lambda _: httpx.Response(200, json=1),
    )
    content = b' {"price": 1.10, "big":12345678901234567890123.10, "id" : "\\u00e9\\u003a", "a":{"id":1e2}}\n'
    assert gateway.post("/x", content=content, headers={"content-type": "application/json"}).status_code == 200
    assert gateway.upstream.last.content == content


@pytest.mark.parametrize(
    ("content", "key"),
    [
        (b'{"role": "admin", "role": "user"}', "role"),
        (b'{"a": [{"\\u0072ole": "admin", "role": ":"}]}', "role"),
        (b'{"role": 1, "role": "\\u003a", "b": "\\u003A"}', "role"),
    ],
)
def test_a_body_that_is_checked_has_no_key_twice(serve, content, key):
    """Of two values a check sees one, and an upstream might take the other: nobody is called."""
    gateway = serve(
        """
        endpoints:
          POST /x:
            body: {type: object, properties: {role: {enum: [user]}}}
            fan_out:
              passed: {url: POST a:/passed, forward: {body: true}}
              built: {url: POST a:/built, json: "{{ body }}"}
        """,
        lambda _: httpx.Response(200, json=1),
    )
    answer = gateway.post("/x", content=content, headers={"content-type": "application/json"})
    assert (answer.status_code, gateway.upstream.requests) == (400, [])
    assert answer.json()["detail"] == f'The request body has the key "{key}" twice in an object.'


@pytest.mark.parametrize("level", ["upstreams", "defaults"])
def test_a_wide_rule_does_not_make_a_post_of_a_lookup(serve, level):
    """What an upstream or the defaults forward goes with calls that say their method; others stay GETs."""
    rule = "forward: {body: true, headers: [x-a]}"
    upstream = f"{{url: 'http://a.test', {rule}}}" if level == "upstreams" else "{url: 'http://a.test'}"
    defaults = f"defaults: {{{rule}}}" if level == "defaults" else "defaults: {}"
    gateway = serve(
        f"""
        upstreams: {{a: {upstream}}}
        {defaults}
        endpoints:
          POST /x: {{fan_out: {{user: a:/user, made: POST a:/made, own: {{url: POST a:/own, json: 1}}}}}}
        """,
        lambda _: httpx.Response(200, json=1),
    )
    gateway.post("/x", content=b"body", headers={"x-a": "1"})
    assert gateway.upstream.lines == ["GET /user", "POST /made", "POST /own"]
    assert [request.content for request in gateway.upstream.requests] == [b"", b"body", b"1"]
    assert {request.headers["x-a"] for request in gateway.upstream.requests} == {"1"}


def test_an_empty_body_is_no_body(serve):
    """A client that sends nothing makes a call that sends nothing."""
    gateway = asked(serve, "body: true", "DELETE")
    request = gateway.upstream.last
    assert (request.method, request.content) == ("DELETE", b"")
    assert "content-type" not in request.headers


def test_rules_of_all_levels_add_up(serve):
    """Call, endpoint, upstream and defaults each name some."""
    gateway = serve(
        """
        upstreams: {a: {url: 'http://a.test', forward: {headers: [x-up]}}}
        defaults: {forward: {headers: [x-default]}}
        endpoints:
          GET /x: {call: {url: a:/x, forward: {headers: [x-call]}}, forward: {headers: [x-end]}}
        """,
        lambda _: httpx.Response(200, json=1),
    )
    names = ["x-up", "x-default", "x-call", "x-end", "x-other"]
    gateway.get("/x", headers=dict.fromkeys(names, "1"))
    assert [name for name in names if name in gateway.upstream.last.headers] == names[:4]
