"""Where requests lead: whole answers of an application, with and without something around it, and of one that does not run."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from http import HTTPStatus
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from starlette.types import Message, Receive, Scope, Send

from aggregator import create_app, load_config
from aggregator.server.application.serving import Application

FILE = """
version: 1
server:
  redirect_paths: [slash]
  headers: {x-frame-options: DENY}
  limits: {in_flight: 10}
  cors: {origins: ["https://shop.test"]}
endpoints:
  GET /a: {respond: {body: 1}}
  POST /a: {respond: {body: {posted: true}}}
  GET /b/: {respond: {body: 2}}
  PUT /c/{name}: {respond: {status: 201, body: "{{ [name] }}"}}
  OPTIONS /o: {respond: {body: 3}}
  GET /o: {cors: none, respond: {body: 4}}
  GET /private: {cors: none, respond: {body: 4}}
  DELETE /beside/{name}: {respond: {body: 5}}
"""


class Answer(NamedTuple):
    """What a client gets."""

    status: int
    headers: dict[str, str]
    body: bytes


Ask = Callable[..., Coroutine[Any, Any, Answer]]


class Around:
    """Something around the application that changes nothing."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand everything on."""
        await self._app(scope, receive, send)


def asking(app: Application, root: str = "") -> Ask:
    """Return the function from method, target and lines of headers to the answer of *app*, mounted at *root*."""

    async def ask(method: str, target: str, *lines: str) -> Answer:
        path, _, query = target.partition("?")
        said: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Message) -> None:
            said.append(message)

        fields = [line.encode().split(b": ", 1) for line in ("host: a", "x-request-id: r1", *lines)]
        await app(
            {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "path": root + path,
             "raw_path": (root + path).encode(), "query_string": query.encode(), "headers": [tuple(one) for one in fields],
             "scheme": "http", "client": ("192.0.2.1", 1), "server": ("a", 80), "root_path": root},
            receive, send,
        )  # fmt: skip
        head, *bodies = said
        headers = {name.decode(): value.decode() for name, value in head["headers"]}
        assert len(headers) == len(head["headers"])
        return Answer(head["status"], headers, b"".join(body["body"] for body in bodies))

    return ask


@pytest.fixture
def app(tmp_path: Path) -> Application:
    """The application of the file, which does not run."""
    (tmp_path / "routes.yaml").write_text(FILE)
    made = create_app(load_config(tmp_path / "routes.yaml"))
    assert isinstance(made, Application)
    return made


EVERY = {"vary": "Origin", "x-frame-options": "DENY"}
IDENTITY = {"x-request-id": "r1"}


def answer(status: int, body: bytes, **headers: str) -> Answer:
    """Return the answer of an endpoint, or of a path."""
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    length = {} if status == 204 else {"content-length": str(len(body))}
    return Answer(status, {**fields, **EVERY, **length, **IDENTITY}, body)


def found(body: bytes, status: int = 200) -> Answer:
    """Return the answer of an endpoint, as JSON."""
    return answer(status, body, content_type="application/json")


def refused(status: int, detail: str, **headers: str) -> Answer:
    """Return the answer of a path that is none, or of no such method."""
    told = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    body = json.dumps({**told, "request_id": "r1"}, separators=(",", ":")).encode()
    return answer(status, body, cache_control="no-store", content_type="application/problem+json", **headers)


PREFLIGHT = ("origin: https://shop.test", "access-control-request-method: GET")
BAD_ESCAPE = "The path is not well formed: a `%` in the path is not followed by two hexadecimal digits."
BAD_SEGMENT = "The path is not well formed: a path segment cannot be empty, `.` or `..`."
NOTHING = "Nothing is served at this path."
HEAD = found(b"1")._replace(body=b"")
ALIVE = answer(200, b"ok\n", content_type="text/plain; charset=utf-8", cache_control="no-store")
ANSWERS: list[tuple[tuple[str, ...], Answer]] = [
    (("GET", "/a"), found(b"1")),
    (("HEAD", "/a"), HEAD),
    (("POST", "/a"), found(b'{"posted":true}')),
    (("PUT", "/c/x%20y"), found(b'["x y"]', 201)),
    (("DELETE", "/a"), refused(405, "This path answers to GET, HEAD, OPTIONS, POST.", allow="GET, HEAD, OPTIONS, POST")),
    (("OPTIONS", "/a"), answer(204, b"", allow="GET, HEAD, OPTIONS, POST")),
    (("GET", "/c/x"), refused(405, "This path answers to OPTIONS, PUT.", allow="OPTIONS, PUT")),
    (("GET", "/a/"), answer(308, b"", location="/a")),
    (("GET", "/a/?x=1"), answer(308, b"", location="/a?x=1")),
    (("GET", "/b"), answer(308, b"", location="/b/")),
    (("GET", "/none"), refused(404, NOTHING)),
    (("OPTIONS", "/none"), refused(404, NOTHING)),
    (("GET", "/"), refused(404, "Nothing is served at this path; /docs shows what is.")),
    (("GET", "/a//b"), refused(400, BAD_SEGMENT)),
    (("GET", "/c/%2e"), refused(400, BAD_SEGMENT)),
    (("GET", "/%zz"), refused(400, BAD_ESCAPE)),
    (("OPTIONS", "/o", *PREFLIGHT), found(b"3")._replace(headers={
        **found(b"3").headers, "access-control-allow-origin": "https://shop.test"})),
    (("OPTIONS", "/a", *PREFLIGHT), Answer(204, {
        "access-control-allow-origin": "https://shop.test", "access-control-allow-methods": "GET, HEAD, POST",
        "vary": "Origin, Access-Control-Request-Method, Access-Control-Request-Headers", "x-frame-options": "DENY",
        "x-request-id": "r1"}, b"")),
    (("OPTIONS", "/private", *PREFLIGHT), Answer(204, {
        "allow": "GET, HEAD, OPTIONS", "x-frame-options": "DENY", "x-request-id": "r1"}, b"")),
    (("GET", "/livez"), ALIVE._replace(headers={key: ALIVE.headers[key] for key in ALIVE.headers if key not in IDENTITY})),
    (("GET", "/beside/x"), Answer(200, {**EVERY, "content-length": "8", "content-type": "application/json"}, b'"beside"')),
    (("DELETE", "/beside/x"), found(b"5")),
]  # fmt: skip


@pytest.mark.anyio
@pytest.mark.parametrize("is_around", [False, True])
async def test_every_request_leads_somewhere(app: Application, is_around: bool) -> None:
    """To its endpoint, to a route beside the endpoints, to the twin of its path, or to a problem that says what is wrong."""
    app.get("/beside/{name}")(lambda: "beside")
    if is_around:
        app.add_middleware(Around)
    ask = asking(app)
    async with app.router.lifespan_context(app):
        assert [(asked, await ask(*asked)) for asked, _ in ANSWERS] == ANSWERS


@pytest.mark.anyio
async def test_a_probe_has_its_methods(app: Application) -> None:
    """Another one is refused like that of an endpoint; its methods, and those of a user's route, are in order."""
    app.add_api_route("/many", lambda: "many", methods=["PUT", "TRACE", "GET", "PATCH", "DELETE", "POST"])
    async with app.router.lifespan_context(app):
        told = await asking(app)("POST", "/livez")
        many = await asking(app)("OPTIONS", "/many")
    assert told == refused(405, "Method Not Allowed", allow="GET, HEAD")
    assert many.headers["allow"] == "DELETE, GET, PATCH, POST, PUT, TRACE"


@pytest.mark.anyio
async def test_below_a_prefix_a_twin_is_below_it_too(app: Application) -> None:
    """A slash behind the prefix is not doubled."""
    async with app.router.lifespan_context(app):
        below = [await asking(app, root)("GET", "/a/?x=1") for root in ("/api", "/api/v1")]
    assert [(one.status, one.headers["location"]) for one in below] == [(308, "/api/a?x=1"), (308, "/api/v1/a?x=1")]


@pytest.mark.anyio
async def test_nothing_is_served_before_the_start_and_after_the_end(app: Application) -> None:
    """A problem says which of both it is, and when to come again; a route of one's own is served all the same."""
    app.get("/own")(lambda: "own")
    ask = asking(app)
    before = await ask("GET", "/a")
    own = await ask("GET", "/own")
    async with app.router.lifespan_context(app):
        pass
    after = await ask("GET", "/a")
    details = (
        "The application has not been started: run it in a server, or enter its lifespan first.",
        "The server is stopping.",
    )
    wanted = [refused(503, detail, retry_after="1") for detail in details]
    assert [before, after] == [
        one._replace(headers={name: one.headers[name] for name in one.headers if name not in EVERY}) for one in wanted
    ]
    assert (own.status, own.body) == (200, b'"own"')


@pytest.mark.anyio
async def test_an_end_of_something_else_is_not_taken_for_ours(app: Application) -> None:
    """A request that somebody cancels while the server does not stop is not answered."""
    waiting = asyncio.Event()

    async def send(_: Message) -> None:
        waiting.set()
        await asyncio.Event().wait()

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    scope = {"type": "http", "method": "GET", "path": "/a", "raw_path": b"/a", "query_string": b"", "headers": []}
    async with app.router.lifespan_context(app):
        task = asyncio.ensure_future(app({**scope, "client": ("192.0.2.1", 1), "root_path": ""}, receive, send))
        await waiting.wait()
        assert app.running.in_flight == 1
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (app.running.in_flight, app.running.load.under_way) == (0, 0)
