"""The application is FastAPI: middleware, routes and handlers of users work around declared endpoints."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from fastapi import Depends, FastAPI, HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import JSONResponse
from starlette.routing import Match, NoMatchFound
from starlette.testclient import TestClient

from aggregator.server.application.app import create_app

ROUTES = """
version: 1
upstreams: {up: {url: "http://up.test"}}
endpoints:
  GET /users/{id}: {call: "up:/users/{id}"}
  GET /files/{rest:path}: {operation_id: files, call: "up:/files/{rest:path}"}
"""


@pytest.fixture
def app(tmp_path) -> FastAPI:
    """An application whose upstream says its path."""
    path = tmp_path / "routes.yaml"
    path.write_text(ROUTES)
    return create_app(path, transport=httpx.MockTransport(lambda request: httpx.Response(200, json=request.url.path)))


def test_middleware_wraps_declared_endpoints(app):
    """A middleware that is added before the start sees every request and every answer."""

    @app.middleware("http")
    async def stamp(request, call_next):
        response = await call_next(request)
        response.headers["x-stamp"] = request.scope["route"].path
        return response

    with TestClient(app) as client:
        answer = client.get("/users/1")
    assert (answer.status_code, answer.json(), answer.headers["x-stamp"]) == (200, "/users/1", "/users/{id}")


def test_cors(app):
    """The usual middleware answers preflights of declared endpoints, and marks their answers."""
    app.add_middleware(CORSMiddleware, allow_origins=["https://shop.example"])
    lines = {"origin": "https://shop.example", "access-control-request-method": "GET"}
    with TestClient(app) as client:
        assert client.options("/users/1", headers=lines).headers["access-control-allow-origin"] == lines["origin"]
        assert client.get("/users/1", headers=lines).headers["access-control-allow-origin"] == lines["origin"]


def test_middleware_after_the_start_is_refused(app):
    """As in any FastAPI application, it is too late then."""
    with TestClient(app) as client:
        client.get("/users/1")
        with pytest.raises(RuntimeError):
            app.add_middleware(CORSMiddleware)


def test_routes_of_users_work_beside_declared_ones(app):
    """With parameters and dependencies, documented or not, before and after declared paths."""

    def header(limit: int = 10) -> int:
        return limit

    @app.get("/mine/{number}")
    async def mine(number: int, limit: int = Depends(header)) -> dict[str, int]:
        return {"number": number, "limit": limit}

    @app.post("/users/{number}")
    async def other_method(number: int) -> dict[str, int]:
        return {"posted": number}

    with TestClient(app) as client:
        assert client.get("/mine/3?limit=5").json() == {"number": 3, "limit": 5}
        assert client.post("/users/3").json() == {"posted": 3}
        assert client.get("/users/3").json() == "/users/3"
        assert client.get("/mine/x").status_code == 422
        assert client.delete("/users/3").status_code == 405


def test_a_path_that_no_endpoint_could_have_is_for_routes_of_users_first(app):
    """A doubled slash is refused (400) only where no route that somebody added takes it."""

    @app.get("/old//{rest:path}")
    async def old(rest: str) -> str:
        return rest

    with TestClient(app) as client:
        assert client.get("/old//a//b").json() == "a//b"
        assert client.get("/new//a").status_code == 400


def test_routes_of_users_work_without_the_lifespan(app):
    """A test of a user's own route needs no start."""

    @app.get("/mine")
    async def mine() -> int:
        return 1

    assert TestClient(app).get("/mine").json() == 1


def test_errors_of_users_are_problems(app):
    """An HTTPException is a problem document with its status, detail and headers; a fault tells nothing."""

    @app.get("/teapot")
    async def teapot():
        raise HTTPException(418, "short and stout", {"x-a": "1"})

    @app.get("/fault")
    async def fault():
        raise ValueError("secret")

    with TestClient(app, raise_server_exceptions=False) as client:
        answer = client.get("/teapot")
        assert (answer.status_code, answer.headers["x-a"], answer.json()["detail"]) == (418, "1", "short and stout")
        broken = client.get("/fault")
        assert (broken.status_code, "secret" in broken.text) == (500, False)
        assert broken.headers["content-type"] == "application/problem+json"


def test_handlers_of_users_win(app):
    """An exception handler of one's own replaces ours."""
    app.add_exception_handler(404, lambda request, error: JSONResponse("mine", 404))
    with TestClient(app) as client:
        assert client.get("/nope").json() == "mine"


@pytest.mark.parametrize("prefix", ["/api", "/api/"])
def test_a_prefix_that_a_proxy_has_taken_off(app, prefix):
    """With root_path set by the server, paths are found with and without it."""
    with TestClient(app, root_path=prefix) as client:
        assert client.get("/users/1").json() == "/users/1"
        assert client.get("/api/users/1").json() == "/users/1"
        assert client.get("/apiary/users/1").status_code == 404


def test_mounted_in_another_application(tmp_path):
    """Mounted under a prefix, with its lifespan entered by the outer application, it serves."""
    path = tmp_path / "routes.yaml"
    path.write_text(ROUTES)
    inner = create_app(path, transport=httpx.MockTransport(lambda request: httpx.Response(200, json=request.url.path)))
    outer = FastAPI(lifespan=lambda _: inner.router.lifespan_context(inner))
    outer.mount("/gateway", inner)
    with TestClient(outer) as client:
        assert client.get("/gateway/users/1").json() == "/users/1"
        assert client.get("/users/1").status_code == 404
        assert "/users/{id}" in client.get("/gateway/openapi.json").json()["paths"]


def test_mounted_without_its_lifespan(tmp_path):
    """Forgotten, it says so."""
    path = tmp_path / "routes.yaml"
    path.write_text(ROUTES)
    outer = FastAPI()
    outer.mount("/gateway", create_app(path))
    with TestClient(outer) as client:
        assert client.get("/gateway/users/1").status_code == 503


def test_routes_can_be_looked_at(app):
    """Tools that list routes, match a request or build a path find declared endpoints like any other route."""
    routes = {route.name: route for route in app.routes if hasattr(route, "plan")}
    assert set(routes) == {"get_users_by_id", "files"}
    route = routes["get_users_by_id"]
    assert (route.path, route.methods, route.include_in_schema) == ("/users/{id}", {"GET", "HEAD"}, True)
    scope = {"type": "http", "method": "GET", "path": "/users/1", "raw_path": b"/users/1"}
    assert route.matches(scope)[0] is Match.FULL
    assert route.matches({**scope, "method": "PUT"})[0] is Match.PARTIAL
    assert route.matches({**scope, "path": "/x", "raw_path": b"/x"})[0] is Match.NONE
    assert route.matches({"type": "websocket"})[0] is Match.NONE
    assert route.matches({**scope, "path": "/users/..", "raw_path": b"/users/.."})[0] is Match.NONE
    with pytest.raises(NoMatchFound):
        app.url_path_for("get_users_by_id", nobody="1")
    assert app.url_path_for("files", rest="a b/c") == "/files/a%20b/c"
    assert app.url_path_for("get_users_by_id", id="a/b") == "/users/a%2Fb"


def test_a_route_that_was_matched_can_be_handled(app):
    """Code that walks over routes, as routers do, reaches the endpoint too."""
    sent = []

    async def receive():
        return {"type": "http.request"}

    async def send(message):
        sent.append(message)

    async def main():
        async with app.router.lifespan_context(app):
            scope = {
                "type": "http",
                "method": "GET",
                "path": "/users/7",
                "raw_path": b"/users/7",
                "query_string": b"",
                "headers": [],
            }
            for route in app.routes:
                match, more = route.matches(scope)
                if match is Match.FULL:
                    await route.handle(scope | more, receive, send)

    asyncio.run(main())
    assert sent[1]["body"] == b'"/users/7"'


def test_the_application_runs_in_any_server(tmp_path):
    """Any ASGI server will do; here the application is called as the specification says."""
    path = tmp_path / "routes.yaml"
    path.write_text("version: 1\nendpoints: {GET /hello: {respond: {body: 1}}}")
    app = create_app(path)

    async def main():
        async with app.router.lifespan_context(app):
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
                return (await client.get("/hello")).status_code

    assert asyncio.run(main()) == 200
