"""A single call: status, body and content type pass through, byte for byte."""

from __future__ import annotations

import httpx
import pytest

CALL = "endpoints: {GET /x: {call: a:/x}, POST /x: {call: POST a:/x}}"


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json; charset=utf-8", b' {"a" : 1.0}\n'),
        ("text/html", b"<b>hi</b>"),
        ("image/png", b"\x89PNG\x00\xff"),
        ("text/csv", b"a;b\r\n"),
        ("application/vnd.x+json", b"{}"),
    ],
)
def test_a_body_passes_as_it_came(serve, content_type, body):
    """Whatever it is, JSON or not, nobody touches it."""
    gateway = serve(CALL, {"/x": httpx.Response(200, content=body, headers={"content-type": content_type})})
    answer = gateway.get("/x")
    assert (answer.content, answer.headers["content-type"]) == (body, content_type)


@pytest.mark.parametrize("status", [200, 201, 202, 203, 206, 226])
def test_the_status_of_a_success_passes(serve, status):
    """Any 2xx reaches the client."""
    gateway = serve(CALL, {"/x": httpx.Response(status, json=1)})
    assert gateway.post("/x").status_code == status


@pytest.mark.parametrize("status", [204, 205])
def test_an_empty_success_stays_empty(serve, status):
    """No content is no failure, and no `null`."""
    gateway = serve(CALL, {"/x": httpx.Response(status, headers={"content-type": "application/json"})})
    answer = gateway.get("/x")
    assert (answer.status_code, answer.content) == (status, b"")
    assert "content-type" not in answer.headers


def test_an_empty_body_with_200_passes(serve):
    """A 200 without a byte is passed on without a byte."""
    gateway = serve(CALL, {"/x": httpx.Response(200)})
    assert (gateway.get("/x").status_code, gateway.get("/x").content) == (200, b"")


def test_a_body_that_claims_to_be_json_has_to_be(serve):
    """An answer that is not what it says is a failure of the upstream."""
    broken = httpx.Response(200, content=b'{"a": ', headers={"content-type": "application/json"})
    answer = serve(CALL, {"/x": broken}).get("/x")
    assert (answer.status_code, answer.json()["cause"]) == (502, "malformed")


LONG = 'application/json; profile="' + "x" * 300 + '"'
ODD = [
    "application/json; charset",
    "application/json, application/json",
    "application/hal+json;<>",
    "text/json a",
    LONG,
]


@pytest.mark.parametrize("content_type", ODD)
@pytest.mark.parametrize("plain", [True, False])
def test_an_odd_parameter_does_not_hide_what_a_body_claims(serve, content_type, plain):
    """JSON is told by its type alone, in a body that is copied and in one that is read."""
    served = CALL if plain else "endpoints: {GET /x: {fan_out: {x: a:/x}}}"
    bodies = iter([b"{bad}", b'{"a":1}'])
    gateway = serve(
        served,
        {"/x": lambda _: httpx.Response(200, content=next(bodies), headers={"content-type": content_type})},
    )
    answer = gateway.get("/x")
    assert (answer.status_code, answer.json()["cause"]) == (502, "malformed")
    answer = gateway.get("/x")
    assert (answer.status_code, answer.json()) == (200, {"a": 1} if plain else {"x": {"a": 1}})
    assert answer.headers["content-type"] == (content_type if plain else "application/json")


@pytest.mark.parametrize("row", ["", ", status_map: {4xx: {pass: true}}"])
def test_a_second_content_type_is_not_passed_on(serve, row):
    """A body makes one claim: the first type is what it is judged by, and all that the client hears of."""
    twice = [("content-type", "text/plain"), ("content-type", "application/json")]
    reply = httpx.Response(404 if row else 200, content=b"{bad}", headers=twice)
    answer = serve(f"endpoints: {{GET /x: {{call: {{url: a:/x{row}}}}}}}", {"/x": reply}).get("/x")
    assert (answer.status_code, answer.content) == (404 if row else 200, b"{bad}")
    assert answer.headers.get_list("content-type") == ["text/plain"]


def test_head_is_answered_by_get(serve):
    """HEAD calls what GET calls, and answers without a body."""
    gateway = serve(CALL, {"/x": {"a": 1}})
    answer = gateway.ask("HEAD", "/x")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert gateway.upstream.lines == ["GET /x"]


@pytest.mark.parametrize(("fixed", "expected"), [(201, 201), (None, 200)])
def test_a_fixed_status_takes_the_place_of_the_upstreams(serve, fixed, expected):
    """``response.status`` replaces it; the body still passes as it came."""
    response = "" if fixed is None else f", response: {{status: {fixed}}}"
    gateway = serve(
        f"endpoints: {{GET /x: {{call: a:/x{response}}}}}",
        {"/x": httpx.Response(200, content=b"raw", headers={"content-type": "text/plain"})},
    )
    answer = gateway.get("/x")
    assert (answer.status_code, answer.content, answer.headers["content-type"]) == (expected, b"raw", "text/plain")


def test_a_redirect_is_not_followed_and_not_passed(serve):
    """By default it is a failure that says what it was, without telling where it leads."""
    answer = serve(CALL, {"/x": httpx.Response(302, headers={"location": "http://inside.test/secret"})}).get("/x")
    assert answer.status_code == 502
    assert "redirect (302)" in answer.json()["detail"]
    assert "inside" not in answer.text


REDIRECTS = "endpoints: {GET /x: {call: {url: a:/x, redirects: 2}}, POST /x: {call: {url: POST a:/x, redirects: 2}}}"


@pytest.mark.parametrize("location", ["/y?a=1", "http://a.test/y?a=1", "y?a=1", "//a.test/y?a=1", "/y?a=1#part"])
def test_redirects_within_the_origin_are_followed_when_declared(serve, location):
    """Absolute, relative, with or without a fragment, as long as the origin is the same (RFC 9110 §15.4)."""
    gateway = serve(REDIRECTS, {"/x": httpx.Response(307, headers={"location": location}), "/y?a=1": {"there": 1}})
    assert gateway.get("/x").json() == {"there": 1}


def redirected(serve, method, status):
    """Return what is asked of an upstream that answers a call of *method* with a redirect of *status*."""
    gateway = serve(
        f"endpoints: {{GET /x: {{call: {{url: {method} a:/x, redirects: 2}}}}}}",
        {"/x": httpx.Response(status, headers={"location": "/y"}), "/y": httpx.Response(200)},
    )
    gateway.get("/x")
    return gateway.upstream.lines


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_every_redirect_of_a_get_is_followed(serve, method, status):
    """Also 303, which leads to what is to be fetched instead (RFC 9110 §15.4.4)."""
    assert redirected(serve, method, status) == [f"{method} /x", f"{method} /y"]


@pytest.mark.parametrize(
    ("method", "status"), [("GET", 300), ("GET", 304), ("GET", 305), ("OPTIONS", 303), ("POST", 303), ("PUT", 307)]
)
def test_other_redirects_are_not_followed(serve, method, status):
    """A 303 is followed by GET alone, so it would be another request; a choice and a proxy are no redirects."""
    assert redirected(serve, method, status) == [f"{method} /x"]


@pytest.mark.parametrize(
    "location",
    ["http://evil.test/", "https://a.test/y", "http://a.test:81/y", "http://u@a.test/y", "http://[", "/a b", ""],
)
def test_redirects_never_lead_elsewhere(serve, location):
    """Our headers are not for another origin, and a target is never anything but a target."""
    gateway = serve(REDIRECTS, {"/x": httpx.Response(302, headers={"location": location} if location else {})})
    assert gateway.get("/x").status_code == 502
    assert gateway.upstream.lines == ["GET /x"]


def test_redirects_end(serve):
    """No more are followed than declared, and none of a request that may change something."""
    gateway = serve(REDIRECTS, {"/x": httpx.Response(302, headers={"location": "/x"})})
    assert gateway.get("/x").status_code == 502
    assert gateway.upstream.lines == ["GET /x"] * 3
    assert gateway.post("/x").status_code == 502
    assert gateway.upstream.lines[3:] == ["POST /x"]


def test_the_rest_of_a_path_reaches_the_upstream_with_its_slashes(serve):
    """``{rest:path}`` takes several segments and gives them on as they were sent; encoded slashes stay encoded."""
    gateway = serve(
        """
        endpoints:
          GET /files/{rest:path}: {call: "a:/v1/{rest:path}"}
          GET /one/{rest:path}: {call: "a:/v1/{rest}"}
        """,
        lambda _: httpx.Response(200, json=1),
    )
    gateway.get("/files/a/b%2Fc/d%20e")
    gateway.get("/one/a/b")
    assert gateway.upstream.lines == ["GET /v1/a/b%2Fc/d%20e", "GET /v1/a%2Fb"]
    assert gateway.get("/files/a/%2e%2e/b").status_code == 400


def test_a_call_may_take_less_than_its_upstream_sends(serve):
    """``max_body`` of a call refuses what is larger, and lets through what is as large."""
    gateway = serve("endpoints: {GET /x: {call: {url: 'a:/{query.n}', max_body: 10}}}",
                    {"/ten": httpx.Response(200, content=b"0123456789", headers={"content-type": "text/plain"}),
                     "/more": httpx.Response(200, content=b"0123456789+", headers={"content-type": "text/plain"})})  # fmt: skip
    assert gateway.get("/x?n=ten").content == b"0123456789"
    refused = gateway.get("/x?n=more")
    assert (refused.status_code, refused.json()["cause"]) == (502, "too_large")
