"""How users test a routes.yaml of their own, with respx for real: what docs/testing.md promises, and more."""

from __future__ import annotations

import httpx
import pytest
import respx
from fastapi.testclient import TestClient

from aggregator import create_app

ROUTES = """
version: 1
upstreams: {users: {url: "https://users.example.com"}, shop: {url: "https://shop.example.com"}}
endpoints:
  GET /user/{id}: {call: "users:/users/{id}"}
  GET /dashboard/{id}:
    fan_out:
      profile: users:/users/{id}
      orders: {url: "shop:/orders?user={id}", optional: true, default: []}
  GET /download/{id}: {stream: true, call: "shop:/files/{id}"}
  POST /signup:
    body: {type: object}
    call: {method: POST, url: users:/users, json: "{{ body }}"}
    background: {method: POST, url: shop:/events, json: {user: "{{ call.id }}"}}
"""


@pytest.fixture
def path(tmp_path):
    """A file of a user."""
    path = tmp_path / "routes.yaml"
    path.write_text(ROUTES)
    return path


@respx.mock
def test_with_the_decorator(path):
    """Under @respx.mock, with httpx's own transport, patterns answer the calls."""
    respx.get("https://users.example.com/users/7").respond(json={"id": 7})
    orders = respx.get("https://shop.example.com/orders", params={"user": "7"}).respond(json=[1, 2])
    with TestClient(create_app(path, transport=httpx.AsyncHTTPTransport())) as api:
        assert api.get("/dashboard/7").json() == {"profile": {"id": 7}, "orders": [1, 2]}
    assert orders.called


def test_with_a_router(path):
    """A router is a function for httpx.MockTransport; nothing is patched."""
    router = respx.Router(assert_all_called=True)
    router.get("https://users.example.com/users/7").respond(json={"id": 7})
    failing = router.get(host="shop.example.com").mock(side_effect=httpx.ConnectTimeout)
    with TestClient(create_app(path, transport=httpx.MockTransport(router.async_handler))) as api:
        answer = api.get("/dashboard/7")
    assert answer.json() == {"profile": {"id": 7}, "orders": []}
    assert "orders;state=default;cause=connect_timeout" in answer.headers["aggregator-parts"]
    assert failing.call_count == 1
    router.assert_all_called()


@respx.mock
def test_background_calls_can_be_asserted(path):
    """After the application has stopped, its background calls have been made."""
    respx.post("https://users.example.com/users").respond(201, json={"id": 11})
    events = respx.post("https://shop.example.com/events").respond(202)
    with TestClient(create_app(path, transport=httpx.AsyncHTTPTransport())) as api:
        assert api.post("/signup", json={"email": "a@b.c"}).status_code == 201
    assert events.calls.last.request.content == b'{"user":11}'


@respx.mock
@pytest.mark.parametrize(
    ("error", "status", "cause"),
    [
        (httpx.ReadTimeout, 504, "read_timeout"),
        (httpx.ConnectError, 502, "unreachable"),
        (httpx.RemoteProtocolError, 502, "protocol"),
        (httpx.PoolTimeout, 503, "queue_timeout"),
    ],
)
def test_errors_of_httpx_become_our_answers(path, error, status, cause):
    """A side effect of respx is a failure of the call, with the status that it would have on the wire."""
    respx.get("https://users.example.com/users/7").mock(side_effect=error)
    with TestClient(create_app(path, transport=httpx.AsyncHTTPTransport())) as api:
        answer = api.get("/user/7")
    assert (answer.status_code, answer.json()["cause"]) == (status, cause)


@respx.mock
def test_streams_can_be_mocked(path):
    """A streamed answer comes from a pattern like any other."""
    respx.get("https://shop.example.com/files/1").respond(content=b"abc", content_type="text/csv")
    with TestClient(create_app(path, transport=httpx.AsyncHTTPTransport())) as api:
        answer = api.get("/download/1")
    assert (answer.content, answer.headers["content-type"]) == (b"abc", "text/csv")


@respx.mock(assert_all_called=False)
def test_a_call_that_nothing_matches_shows(respx_mock, path):
    """It is a failure of the test, with the words of respx, and no answer by accident."""
    respx_mock.get("https://elsewhere.example.com/")
    with (
        TestClient(create_app(path, transport=httpx.AsyncHTTPTransport())) as api,
        pytest.raises(AssertionError, match="not mocked"),
    ):
        api.get("/user/7")


def test_the_requests_that_were_sent_can_be_inspected(path):
    """A mock sees what an upstream would see."""
    seen: list[httpx.Request] = []

    def upstream(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={})

    with TestClient(create_app(path, transport=httpx.MockTransport(upstream))) as api:
        api.get("/user/7", headers={"authorization": "Bearer x"})
    assert (seen[0].method, str(seen[0].url)) == ("GET", "https://users.example.com/users/7")
    assert "authorization" not in seen[0].headers
