"""``create_app``: a configuration as a FastAPI application."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from aggregator.config.loading import Config
from aggregator.diagnostics import render_text
from aggregator.errors import ConfigError, FactoryConfigError
from aggregator.parts.events import NO_LISTENERS, Listeners
from aggregator.runtime.answers.answer import problem
from aggregator.runtime.request.identity import HEADER as REQUEST_ID
from aggregator.runtime.request.identity import request_id
from aggregator.server.application.docs import add_docs
from aggregator.server.application.docs_place import refused
from aggregator.server.application.probes import probe_routes
from aggregator.server.application.serving import Application
from aggregator.server.application.tested import MockedTransport, TestedApplication, is_tested
from aggregator.server.generations.lasting import Keeps
from aggregator.server.generations.observing import Observers
from aggregator.server.generations.plan_source import FixedSource, PlanFiles, PlanSource
from aggregator.server.generations.running import Running
from aggregator.server.metrics.sampling import sample_all
from aggregator.server.routing.dispatch import Dispatcher, finish_own, host_of, site_of, tell_refused
from aggregator.server.routing.paths import path_of


def create_app(
    config: Config | str | os.PathLike[str] | None = None,
    *,
    transport: httpx.AsyncBaseTransport | None = None,
    env: Mapping[str, str] | None = None,
    clock: Callable[[], float] = time.time,
) -> FastAPI:
    """Return the application that serves *config*, a path to ``routes.yaml`` or what ``load_config`` gave.

    *transport* carries all calls in place of the built-in engine (``httpx.MockTransport`` in tests). *env* replaces
    the environment, *clock* gives the Unix time that is ``now`` in expressions. Without *config* the file is the one
    that ``AGGREGATOR_CONFIG`` names, or ``routes.yaml``, so that ``uvicorn --factory aggregator:create_app`` works.
    Raises ``ConfigError`` with every problem of the file; without *config* it is one that ends a process that does not
    handle it, with these problems in place of a traceback. Under pytest, what *transport* raises that no HTTP client
    raises is raised to whoever sent the request. ``app.state.http_client`` is the shared client while the application
    runs.
    """
    if config is None:
        try:
            named = (os.environ if env is None else env).get("AGGREGATOR_CONFIG") or "routes.yaml"
            return application(PlanFiles(Path(named), env), transport, clock=clock)
        except ConfigError as refused:
            raise FactoryConfigError(refused, render_text(refused.diagnostics, refused.sources)) from None
    source: PlanSource = FixedSource(config) if isinstance(config, Config) else PlanFiles(Path(config), env)
    return application(source, transport, clock=clock)


def application(
    source: PlanSource,
    transport: httpx.AsyncBaseTransport | None = None,
    listeners: Listeners = NO_LISTENERS,
    clock: Callable[[], float] = time.time,
    *,
    keeps_state: Keeps = "all",
) -> Application:
    """Return the application over the plans of *source*; *listeners* hear of its events. Raises ``ConfigError``.

    *keeps_state* says what of the folder of `state` is its own; the rest is left to the process that serves.
    """
    mocked = MockedTransport(transport) if transport is not None and is_tested() else None
    running = Running(source, source.load(), mocked or transport, listeners, clock, keeps_state=keeps_state)
    running.observers = Observers(sample=partial(sample_all, running))

    server = running.plan.server
    app = (Application if mocked is None else TestedApplication)(
        title=server.title, version=server.version, description=server.description,
        lifespan=partial(_lifespan, running, mocked), docs_url=None,
        redoc_url=None, openapi_url=None, redirect_slashes=False,
    )  # fmt: skip
    app.running = running
    if isinstance(app, TestedApplication) and mocked is not None:
        app.mocked = mocked
    app.router.routes.extend(probe_routes(running))
    add_docs(
        app,
        lambda: running.plan,
        lambda scope: host_of(scope, running.generation),
        lambda scope: refused(scope, running.generation),
    )
    app.add_exception_handler(HTTPException, _as_problem)
    app.add_exception_handler(Exception, _as_fault)
    app.dispatcher = Dispatcher(lambda: running.generation, lambda: running.draining, app.router)
    app.router.middleware_stack = app.dispatcher
    return app


@asynccontextmanager
async def _lifespan(running: Running, mocked: MockedTransport | None, app: FastAPI) -> AsyncIterator[None]:
    await running.open()
    app.state.http_client = running.client
    try:
        yield
    finally:
        await running.close()
        if mocked is not None:
            mocked.tell()  # what background calls met


async def _as_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    detail = _nothing_at(request) if error.status_code == 404 else str(error.detail)
    headers = dict(error.headers or {})
    if "Allow" in headers:  # a set of names, in another order each time that the process starts
        headers["Allow"] = ", ".join(sorted(headers["Allow"].split(", ")))
    return _problem(request, error.status_code, detail, headers)


def _nothing_at(request: Request) -> str:
    """Return what is said of a path without an endpoint: where its twin leads, with or without a slash at the end."""
    running: Running = request.app.running
    generation, path = running.generation, path_of(request.scope)
    twin = path[:-1] if path.endswith(b"/") else path + b"/"
    if generation is not None and len(twin) > 1 and site_of(request.scope, generation).index.methods(twin):
        slash = "without the slash" if path.endswith(b"/") else "with a slash"
        return f"Nothing is served at this path, but at the one {slash} at its end."
    if path == b"/" and (docs := running.plan.server.docs) is not None:
        return f"Nothing is served at this path; {docs.path} shows what is."
    return "Nothing is served at this path."


async def _as_fault(request: Request, _: Exception) -> Response:
    return _problem(request, 500, "The server made a mistake; its log tells more.", {})


def _problem(request: Request, status: int, detail: str, headers: Mapping[str, Any]) -> Response:
    identity = request_id(request.scope["headers"])
    answer = problem(status, detail, request_id=identity)
    answer.headers += [(key.lower().encode(), str(value).encode()) for key, value in headers.items()]
    finish_own(request.app.running.generation, request.scope, answer, identity)
    if status < 500:
        tell_refused(request.app.running.generation, request.scope, status, detail, identity)
    response = Response(answer.body, answer.status)
    response.raw_headers = [
        *answer.headers,
        (b"content-length", str(len(answer.body)).encode()),
        (REQUEST_ID, identity.encode()),
    ]
    return response
