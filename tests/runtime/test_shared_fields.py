"""Headers and query parameters of an upstream are expressions, which read what each of its calls can read."""

from __future__ import annotations

import base64

SHARED = """
upstreams:
  a:
    url: http://a.test
    headers: {authorization: "Basic {{ 'me:pass' | b64encode }}", x-id: "{{ request.id }}", x-page: "{{ query.page }}"}
    query: {key: "{{ 'a&b' }}", lang: "{{ headers['accept-language'] }}", n: 1, on: true}
"""


def test_a_constant_one_is_computed_at_load(serve) -> None:
    """What reads nothing of a request is bytes before the first one."""
    gateway = serve(f"{SHARED}endpoints: {{GET /x: {{call: 'a:/x'}}}}", {"/x": {}})
    gateway.ask("GET", "/x", headers={"accept-language": "de"})
    sent = gateway.upstream.last
    assert sent.headers["authorization"] == f"Basic {base64.b64encode(b'me:pass').decode()}"
    assert sent.url.params.multi_items() == [("key", "a&b"), ("n", "1"), ("on", "true"), ("lang", "de")]


def test_one_that_reads_the_request_is_rendered_for_each(serve) -> None:
    """A null one is left out, as in a call."""
    gateway = serve(f"{SHARED}endpoints: {{GET /x: {{call: 'a:/x'}}}}", {"/x": {}})
    gateway.ask("GET", "/x?page=2", headers={"x-request-id": "abc-123"})
    assert (gateway.upstream.last.headers["x-page"], gateway.upstream.last.headers["x-id"]) == ("2", "abc-123")
    gateway.ask("GET", "/x")
    assert "x-page" not in gateway.upstream.last.headers
    assert "lang" not in gateway.upstream.last.url.params


def test_a_call_says_it_otherwise(serve) -> None:
    """Its own header takes the place of the one of its upstream, whether that is constant or not."""
    call = "{url: 'a:/x', headers: {X-Id: mine, authorization: null}}"
    gateway = serve(f"{SHARED}endpoints: {{GET /x: {{call: {call}}}}}", {"/x": {}})
    gateway.ask("GET", "/x")
    assert gateway.upstream.last.headers.get_list("x-id") == ["mine"]
    assert "authorization" not in gateway.upstream.last.headers


def test_a_part_that_it_names_comes_first(serve) -> None:
    """A token that another call fetched goes with every call of the upstream that can see it."""
    gateway = serve(
        """
        upstreams:
          a: {url: http://a.test}
          b: {url: http://b.test, headers: {authorization: "Bearer {{ login.token }}"}}
        endpoints:
          GET /x: {fan_out: {data: "b:/data", login: "POST a:/login"}}
        """,
        {"/login": {"token": "t1"}, "/data": {"ok": True}},
    )
    assert gateway.ask("GET", "/x").json() == {"data": {"ok": True}, "login": {"token": "t1"}}
    assert gateway.upstream.lines == ["POST /login", "GET /data"]
    assert gateway.upstream.last.headers["authorization"] == "Bearer t1"


def test_what_a_client_sends_takes_no_ones_place(serve) -> None:
    """A header or a parameter that the upstream sets is never forwarded, constant or not."""
    forward = "forward: {headers: [x-id, x-other], query: [lang, key, other]}"
    gateway = serve(f"{SHARED}endpoints: {{GET /x: {{call: {{url: 'a:/x', {forward}}}}}}}", {"/x": {}})
    gateway.ask(
        "GET", "/x?lang=xx&key=yy&other=zz", headers={"x-id": "evil", "x-other": "fine", "accept-language": "de"}
    )
    sent = gateway.upstream.last
    assert sent.headers["x-id"] != "evil"
    assert sent.headers["x-other"] == "fine"
    assert sent.url.params.multi_items() == [
        ("key", "a&b"),
        ("n", "1"),
        ("on", "true"),
        ("lang", "de"),
        ("other", "zz"),
    ]


def test_constant_ones_leave_nothing_to_do_in_a_request(plan_of) -> None:
    """The plan holds their bytes, and no template."""
    request = plan_of(
        """
        upstreams: {a: {url: 'http://a.test', headers: {x-a: "{{ 'A' | lower }}"}, query: {q: "{{ 1 + 1 }}"}}}
        endpoints: {GET /x: {call: 'a:/x'}}
        """
    ).endpoints[0].fan.parts[0].calls[0].request  # fmt: skip
    assert b"x-a: a\r\n" in request.constant_headers
    assert (request.constant_query, request.headers, request.query) == (b"q=2", (), ())
