"""``create_app``: a configuration as a FastAPI application."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI
from starlette.datastructures import URLPath
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, NoMatchFound
from starlette.types import Message, Receive, Scope, Send

from aggregator.config.loading import Config
from aggregator.errors import AggregatorError
from aggregator.parts.events import NOBODY, Listeners
from aggregator.runtime.answers.answer import problem
from aggregator.runtime.request.identity import HEADER as REQUEST_ID
from aggregator.runtime.request.identity import request_id
from aggregator.server.application.docs import add_docs
from aggregator.server.application.probes import probe_routes
from aggregator.server.connection.direct import DirectDoor
from aggregator.server.generations.generation import Generation
from aggregator.server.generations.plan_source import FixedSource, PlanFiles
from aggregator.server.generations.running import PlanSource, Running
from aggregator.server.routing.dispatch import Dispatcher, tell_refused
from aggregator.server.routing.paths import path_of
from aggregator.server.routing.routes import EndpointRoute


class Application(FastAPI):
    """FastAPI whose declared endpoints are found by an index and served without dependency solving."""

    running: Running
    dispatcher: Dispatcher
    _bare: bool | None = None

    @property
    def routes(self) -> list[BaseRoute]:
        """All routes: those of FastAPI and those that the configuration declares."""
        generation = self.running.generation
        declared = generation.routes if generation is not None else map(EndpointRoute, self.running.plan.endpoints)
        return [*self.router.routes, *declared]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a declared endpoint at once, unless something has been put around the application."""
        if scope["type"] == "http" and self.is_bare():
            scope["app"] = self
            if await self.dispatcher.answer(scope, receive, send):
                return
        if scope["type"] == "lifespan":
            send = _told_in_one_line(send)
        await super().__call__(scope, receive, send)

    def url_path_for(self, name: str, /, **path_params: Any) -> URLPath:
        """Give the path of the route *name*, be it of FastAPI or declared; raises ``NoMatchFound``."""
        for route in self.routes:
            with suppress(NoMatchFound):
                return route.url_path_for(name, **path_params)
        raise NoMatchFound(name, path_params)

    def is_bare(self) -> bool:
        """Say whether nothing stands between a request and its endpoint: no middleware, telemetry or prefix."""
        if self._bare is None:
            telemetry = getattr(self, "_native_telemetry", None)
            self._bare = not (self.user_middleware or self.root_path or (telemetry and telemetry.enabled()))
        return self._bare

    @property
    def door(self) -> DirectDoor:
        """The way to endpoints that need no ASGI; closed while the server drains."""
        return DirectDoor(self._reached_directly)

    def _reached_directly(self) -> Generation | None:
        running = self.running
        return running.generation if not running.draining and (self._bare or self.is_bare()) else None


def create_app(
    config: Config | str | os.PathLike[str] | None = None,
    *,
    transport: httpx.AsyncBaseTransport | None = None,
    env: Mapping[str, str] | None = None,
) -> FastAPI:
    """Return the application that serves *config*, a path to ``routes.yaml`` or what ``load_config`` gave.

    *transport* carries all calls in place of the built-in engine (``httpx.MockTransport`` in tests). *env* replaces
    the environment. Without *config* the file is the one that ``AGGREGATOR_CONFIG`` names, or ``routes.yaml``, so that
    ``uvicorn --factory aggregator:create_app`` works. Raises ``ConfigError`` with every problem of the file.
    ``app.state.http_client`` is the shared client while the application runs.
    """
    if config is None:
        config = (os.environ if env is None else env).get("AGGREGATOR_CONFIG") or "routes.yaml"
    source: PlanSource = FixedSource(config) if isinstance(config, Config) else PlanFiles(Path(config), env)
    return application(source, transport)


def application(
    source: PlanSource, transport: httpx.AsyncBaseTransport | None = None, listeners: Listeners = NOBODY
) -> Application:
    """Return the application over the plans of *source*; *listeners* hear of its events. Raises ``ConfigError``."""
    running = Running(source, source.load(), transport, listeners)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await running.open()
        app.state.http_client = running.client
        try:
            yield
        finally:
            await running.close()

    server = running.plan.server
    app = Application(
        title=server.title, version=server.version, description=server.description, lifespan=lifespan,
        docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False,
    )  # fmt: skip
    app.running = running
    app.router.routes.extend(probe_routes(running))
    add_docs(app, lambda: running.plan)
    app.add_exception_handler(HTTPException, _as_problem)
    app.add_exception_handler(Exception, _as_fault)
    app.dispatcher = Dispatcher(lambda: running.generation, lambda: running.draining, app.router)
    app.router.middleware_stack = app.dispatcher
    return app


def _told_in_one_line(send: Send) -> Send:
    """Give *send* without the traceback that Starlette tells the server of when a lifespan fails."""

    async def told(message: Message) -> None:
        if message["type"].endswith(".failed"):
            error = sys.exception()
            if isinstance(error, AggregatorError | asyncio.CancelledError):  # the latter when nobody waits any more
                message = {**message, "message": str(error)}
        await send(message)

    return told


async def _as_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    detail = _nothing_at(request) if error.status_code == 404 else str(error.detail)
    return _problem(request, error.status_code, detail, dict(error.headers or {}))


def _nothing_at(request: Request) -> str:
    """Return what is said of a path without an endpoint: where its twin leads, with or without a slash at the end."""
    running: Running = request.app.running
    generation, path = running.generation, path_of(request.scope)
    twin = path[:-1] if path.endswith(b"/") else path + b"/"
    if generation is not None and len(twin) > 1 and generation.index.methods(twin):
        slash = "without the slash" if path.endswith(b"/") else "with a slash"
        return f"Nothing is served at this path, but at the one {slash} at its end."
    if path == b"/" and running.plan.server.docs:
        return "Nothing is served at this path; /docs shows what is."
    return "Nothing is served at this path."


async def _as_fault(request: Request, _: Exception) -> Response:
    return _problem(request, 500, "The server made a mistake; its log tells more.", {})


def _problem(request: Request, status: int, detail: str, headers: Mapping[str, Any]) -> Response:
    identity = request_id(request.scope["headers"])
    answer = problem(status, detail, request_id=identity)
    if status < 500:
        tell_refused(request.app.running.generation, request.scope, status, detail, identity)
    response = Response(answer.body, status)
    response.raw_headers = [
        *answer.headers,
        (b"content-length", str(len(answer.body)).encode()),
        (REQUEST_ID, identity.encode()),
    ]
    response.raw_headers.extend((key.lower().encode(), str(value).encode()) for key, value in headers.items())
    return response
