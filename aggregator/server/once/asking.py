"""One request, answered in this process without a socket: the whole application, its lifespan, and a trace.

``aggregator get`` asks; what comes back is what a client would get, and what the calls behind it did.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx
from starlette.types import Message

from aggregator.errors import AggregatorError
from aggregator.http import field_text
from aggregator.parts.events import CallEnded, Listeners, RequestEnded
from aggregator.plan.explaining.finding import find_endpoint
from aggregator.plan.types import EndpointPlan, Plan
from aggregator.runtime.bars import Bar, bars_of
from aggregator.server.application.app import application
from aggregator.server.generations.plan_source import PlanFiles
from aggregator.server.routing.routes import EndpointRoute
from aggregator.templates import header_value

Headers = list[tuple[str, str]]
Begin = Callable[[int, Headers], Callable[[bytes], object] | None]
"""Told of status and headers; may give a function that takes the body piece by piece as it comes."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: *target* is path and query, *headers* are in order."""

    method: str
    target: str
    headers: Headers = field(default_factory=list)
    body: bytes = b""


@dataclass(slots=True)
class Reply:
    """What came back, in how many seconds, by which calls. *body* lacks what was taken piece by piece.

    *nearest* is a sentence about what is declared, where nothing is at the path that was asked.
    """

    status: int = 0
    headers: Headers = field(default_factory=list)
    body: bytes = b""
    seconds: float = 0.0
    bars: list[Bar] = field(default_factory=list)
    background: dict[str, Any] = field(default_factory=dict)
    secrets: frozenset[str] = field(default=frozenset(), repr=False)
    nearest: str | None = None


def ask(
    path: str,
    question: Question,
    begin: Begin | None = None,
    *,
    env: Mapping[str, str] | None = None,
    transport: httpx.AsyncBaseTransport | None = None,
) -> Reply:
    """Serve *path* for one request and return the reply, once background calls are through as well.

    Raises ``ConfigError`` and ``StartupError``.
    """
    return asyncio.run(_ask(path, question, begin, env, transport))


async def _ask(
    path: str,
    question: Question,
    begin: Begin | None,
    env: Mapping[str, str] | None,
    transport: httpx.AsyncBaseTransport | None,
) -> Reply:
    calls: list[CallEnded] = []
    requests: list[RequestEnded] = []
    listeners = Listeners(calls=(calls.append,), requests=(requests.append,))
    app = application(PlanFiles(Path(path), env), transport, listeners, keeps_state=False)
    reply = Reply(secrets=app.running.plan.secrets)
    scope = _scope(question)
    loop = asyncio.get_running_loop()
    async with app.router.lifespan_context(app):
        conversation = _Conversation(question, reply, begin)
        started = loop.time()
        await app(scope, conversation.receive, conversation.send)
        reply.seconds = loop.time() - started
        trace = [result for request in requests for result in request.parts]
        reply.bars = bars_of(trace, started, _plan_of(scope) if trace else None, calls)
    reply.background = app.running.queue.counts.as_dict()
    if reply.status in (404, 405) and _plan_of(scope) is None:
        reply.nearest = _nearest(app.running.plan, question)
    return reply


def _nearest(plan: Plan, question: Question) -> str | None:
    """Return what is declared near the path of *question*, None where that path has an endpoint after all."""
    try:
        host = next((value for name, value in question.headers if name.lower() == "host"), "")
        named = host if host in plan.virtual_hosts else ""
        find_endpoint(plan, f"{question.method} {named}{question.target.partition('?')[0]}")
    except AggregatorError as error:
        return str(error)
    return None


def _plan_of(scope: Mapping[str, Any]) -> EndpointPlan | None:
    route = scope.get("route")
    return route.plan if isinstance(route, EndpointRoute) else None


def _scope(question: Question) -> dict[str, Any]:
    path, _, query = question.target.partition("?")
    named = [] if any(name.lower() == "host" for name, _ in question.headers) else [("host", "localhost")]
    headers = [*named, *question.headers]
    if question.body:
        headers.append(("content-length", str(len(question.body))))
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": question.method,
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.lower().encode("latin-1"), header_value(value)) for name, value in headers],
        "client": ("127.0.0.1", 0),
        "server": ("localhost", 80),
    }


class _Conversation:
    """The two halves of an ASGI exchange over a reply that is being filled."""

    def __init__(self, question: Question, reply: Reply, begin: Begin | None) -> None:
        self._body: bytes | None = question.body
        self._has_body = question.method != "HEAD"  # what a server leaves out (RFC 9110 §9.3.2)
        self._reply = reply
        self._begin = begin
        self._take: Callable[[bytes], object] | None = None

    async def receive(self) -> Message:
        """Return the request once; then nothing, for this client never hangs up."""
        if self._body is None:
            await asyncio.Event().wait()
        body, self._body = self._body, None
        return {"type": "http.request", "body": body}

    async def send(self, message: Message) -> None:
        """Take the head or a piece of the body."""
        if message["type"] == "http.response.start":
            self._reply.status = message["status"]
            self._reply.headers = [(name.decode("latin-1"), field_text(value)) for name, value in message["headers"]]
            self._take = self._begin(self._reply.status, self._reply.headers) if self._begin else None
        elif message["type"] == "http.response.body" and self._has_body:
            piece = message.get("body", b"")
            if self._take is None:
                self._reply.body += piece
            else:
                self._take(piece)
