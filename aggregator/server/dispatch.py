"""The way of a request to its endpoint, and what is said when there is none: 400, 404, 405 as problems."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from aggregator.errors import ExpressionError
from aggregator.runtime.answer import Answer, problem
from aggregator.runtime.identity import HEADER as REQUEST_ID
from aggregator.runtime.identity import request_id
from aggregator.server.generation import Generation
from aggregator.server.routes import EndpointRoute
from aggregator.telemetry.logging import log

_log = logging.getLogger("aggregator.server")
NOT_STARTED = "The application has not been started: run it in a server, or enter its lifespan first."


class Dispatcher:
    """An ASGI application over the current generation; what no endpoint answers goes to *fallback*."""

    __slots__ = ("_current", "_draining", "_fallback")

    def __init__(
        self, current: Callable[[], Generation | None], draining: Callable[[], bool], fallback: ASGIApp
    ) -> None:
        self._current = current
        self._draining = draining
        self._fallback = fallback

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or hand it on."""
        if scope["type"] != "http" or not await self.answer(scope, receive, send):
            await self._fallback(scope, receive, send)

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> bool:
        """Answer a request if its path is declared (or malformed); say whether that was so."""
        generation = self._current()
        if generation is None:
            await refuse(scope, send, 503, NOT_STARTED, [(b"retry-after", b"1")])
            return True
        try:
            match = generation.index.find(path_of(scope))
        except ExpressionError as error:
            await refuse(scope, send, 400, f"The path is not well formed: {error}.")
            return True
        if match is None:
            return False
        method = scope["method"]
        route = match.methods.get(method) or (match.methods.get("GET") if method == "HEAD" else None)
        if route is None:
            await self._wrong_method(match.methods, scope, send)
            return True
        if self._draining():
            scope["aggregator.draining"] = True
        scope["route"] = route
        await self._serve(generation, route, match.segments, scope, receive, send)
        return True

    async def _serve(
        self,
        generation: Generation,
        route: EndpointRoute,
        segments: tuple[bytes, ...],
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> None:
        generation.in_flight += 1
        try:
            await route.handler(scope, receive, send, segments)
        except asyncio.CancelledError:
            raise
        except Exception as error:
            log(
                _log,
                logging.ERROR,
                "An endpoint failed by a fault of the program.",
                endpoint=route.plan.key,
                error=repr(error),
            )
            _log.debug("The fault.", exc_info=error)
            await refuse(scope, send, 500, "The server made a mistake; its log tells more.")
        finally:
            generation.leave()

    async def _wrong_method(self, methods: Mapping[str, Any], scope: Scope, send: Send) -> None:
        allowed = sorted({*methods, *(("HEAD",) if "GET" in methods else ()), "OPTIONS"})
        allow = (b"allow", ", ".join(allowed).encode())
        if scope["method"] == "OPTIONS":
            await send({"type": "http.response.start", "status": 204, "headers": [allow]})
            await send({"type": "http.response.body", "body": b""})
            return
        await refuse(scope, send, 405, f"This path answers to {', '.join(allowed)}.", [allow])


def path_of(scope: Scope) -> bytes:
    """Give the path as it was sent, still percent-encoded, without the prefix that a proxy has taken off."""
    raw: bytes | None = scope.get("raw_path")
    path = raw if raw else quote(scope["path"]).encode()
    root = scope.get("root_path")
    if root and path.startswith(root.encode()):
        return path[len(root) :] or b"/"
    return path


async def refuse(
    scope: Scope, send: Send, status: int, detail: str, headers: list[tuple[bytes, bytes]] | None = None
) -> None:
    """Answer with a problem document."""
    identity = request_id(scope["headers"])
    await send_answer(problem(status, detail, request_id=identity, headers=headers or ()), identity, send)


async def send_answer(answer: Answer, identity: str, send: Callable[[Message], Any]) -> None:
    """Send *answer* with its length and the request id."""
    headers = [*answer.headers, (b"content-length", str(len(answer.body)).encode()), (REQUEST_ID, identity.encode())]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
