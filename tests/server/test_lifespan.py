"""The one shared client: opened with the application, configured as the file says, closed with it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest
from starlette.testclient import TestClient

from aggregator.errors import ConfigError, StartupError
from aggregator.server.application.app import create_app

ROUTES = """
version: 1
upstreams: {up: {url: "http://up.test"}}
endpoints:
  GET /users/{id}: {call: "up:/users/{id}"}
  GET /hello: {respond: {body: 1}}
"""


@pytest.fixture
def write(tmp_path):
    """Writes routes.yaml and gives its path."""

    def save(text: str = ROUTES) -> Path:
        path = tmp_path / "routes.yaml"
        path.write_text(text)
        return path

    return save


def answer(request: httpx.Request) -> httpx.Response:
    """Tell what was asked."""
    return httpx.Response(200, json={"path": request.url.path, "agent": request.headers["user-agent"]})


def test_the_lifespan_opens_one_client_and_closes_it(write):
    """While the application runs, app.state.http_client is an open client; afterwards it is closed."""
    app = create_app(write())
    with TestClient(app):
        client = app.state.http_client
        assert isinstance(client, httpx.AsyncClient)
        assert not client.is_closed
        assert app.state.http_client is client
    assert client.is_closed


def test_timeouts_are_ten_seconds_and_five_to_connect(write):
    """The defaults: 10 s in all, 5 s to connect; 50 connections to each upstream, 20 of them kept idle."""
    app = create_app(write())
    with TestClient(app):
        assert app.state.http_client.timeout == httpx.Timeout(10.0, connect=5.0)
        limits = app.running.pools[0].settings.limits
        assert (limits.max_connections, limits.max_keepalive) == (50, 20)


def test_the_file_configures_the_client(write):
    """`client:` sets timeouts, limits and name; no cookies are kept, no environment is trusted, no redirect followed."""
    head = "client: {timeout: {total: 3s, connect: 1s}, limits: {max_connections: 7, max_keepalive: 3}, user_agent: shop/1}\n"
    app = create_app(write(ROUTES.replace("upstreams", head + "upstreams")))
    with TestClient(app):
        client = app.state.http_client
        assert client.timeout == httpx.Timeout(3.0, connect=1.0)
        assert client.headers["user-agent"] == "shop/1"
        assert (client.trust_env, client.follow_redirects) == (False, False)
        assert app.running.pools[0].settings.limits.max_connections == 7


def test_a_stock_client_has_the_limits_itself(write):
    """With `transport: httpx` the pool of httpx is bounded, for each upstream."""
    head = "client: {transport: httpx, limits: {max_connections: 7, max_keepalive: 3}}\n"
    app = create_app(write(ROUTES.replace("upstreams", head + "upstreams")))
    with TestClient(app):
        [transport] = app.state.http_client._transport._by_origin.values()
        pool = transport._line.transport._pool
        assert (pool._max_connections, pool._max_keepalive_connections) == (
            7 + 50,
            3,
        )  # streams have places of their own


def test_calls_go_through_a_transport_of_ones_own(write):
    """A mock transport carries every call; the answer is that of the mock."""
    with TestClient(create_app(write(), transport=httpx.MockTransport(answer))) as client:
        assert client.get("/users/7").json() == {"path": "/users/7", "agent": "aggregator"}


def test_user_code_may_use_the_client(write):
    """The shared client reaches declared upstreams and others, over the same engine."""
    app = create_app(write(), transport=httpx.MockTransport(answer))

    async def main():
        async with app.router.lifespan_context(app):
            return (await app.state.http_client.get("http://elsewhere.test/x")).json()

    assert asyncio.run(main())["path"] == "/x"


def test_without_its_lifespan_the_application_says_what_to_do(write):
    """Requests before the start are 503 with a sentence that names the fix, and routes can be looked at."""
    app = create_app(write())
    answer = TestClient(app).get("/users/1")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.json()["detail"].startswith("The application has not been started: run it in a server")
    routes = {route.path: route for route in app.routes}
    assert {"/users/{id}", "/hello", "/openapi.json", "/livez"} <= routes.keys()
    assert routes["/hello"].methods == {"GET", "HEAD"}
    with pytest.raises(StartupError):
        _ = routes["/hello"].handler


def test_what_needs_no_upstream_works_before_the_start(write):
    """The OpenAPI document and the probe of life need no lifespan."""
    client = TestClient(create_app(write()))
    assert [client.get(path).status_code for path in ("/openapi.json", "/livez", "/readyz")] == [200, 200, 503]


def test_an_application_may_be_started_again(write):
    """Each lifespan is a life of its own."""
    app = create_app(write(), transport=httpx.MockTransport(answer))
    for _ in range(2):
        with TestClient(app) as client:
            assert client.get("/readyz").status_code == 200
            assert client.get("/users/1").status_code == 200
    assert TestClient(app).get("/users/1").status_code == 503


def test_a_file_with_problems_is_refused_with_all_of_them(write):
    """create_app raises ConfigError with every diagnostic."""
    text = "version: 1\nendpoints: {GET /a: {call: nobody:/}, GET /b: {respnd: 1}}"
    with pytest.raises(ConfigError) as caught:
        create_app(write(text))
    assert len(caught.value.diagnostics) >= 2


def test_a_plug_in_that_is_missing_is_told_in_one_line(write):
    """The lifespan fails with StartupError, and tells its server the message alone, without a traceback."""
    text = ROUTES + "  GET /x: {call: {url: up:/x, transform: 'no_such_plugin:f'}}\nplugins: [no_such_plugin]\n"
    app, told = create_app(write(text)), []

    async def receive():
        return {"type": "lifespan.startup"}

    async def send(message):
        told.append(message)

    with pytest.raises(StartupError):
        asyncio.run(app({"type": "lifespan", "state": {}}, receive, send))
    assert [message["type"] for message in told] == ["lifespan.startup.failed"]
    assert told[0]["message"] == (
        "The plug-in 'no_such_plugin' cannot be imported; put it beside the configuration, or install it."
    )


def test_a_demo_upstream_lives_and_dies_with_the_application(write):
    """`demo://` needs no network: its server listens while the application runs, on a port of its own, every time."""
    app = create_app(write(ROUTES.replace("http://up.test", "demo://users")))
    for _ in range(2):
        with TestClient(app) as client:
            assert client.get("/users/1").json()["id"] == 1


def test_there_is_no_client_before_the_start(write):
    """Whoever asks too early is told."""
    with pytest.raises(StartupError, match="has not been started"):
        _ = create_app(write()).running.client


def test_the_openapi_document_is_that_of_fastapi(write):
    """app.openapi() gives the document of the declared endpoints."""
    assert "/users/{id}" in create_app(write()).openapi()["paths"]
