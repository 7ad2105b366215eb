"""The way of a request to its endpoint, and what is said when there is none: 400, 404, 405 as problems."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable

from starlette.routing import Match, Router
from starlette.types import Message, Receive, Scope, Send

from aggregator.edge.forwarded import Origin
from aggregator.edge.networks import NO_NETWORKS, Networks
from aggregator.errors import ExpressionError
from aggregator.exchange import Exchange
from aggregator.http import first
from aggregator.runtime.answers.answer import Answer, problem
from aggregator.runtime.answers.replying import fault_answer, send_answer, tell_fault
from aggregator.runtime.request.identity import peer_of, request_id
from aggregator.server.generations.generation import Generation
from aggregator.server.limiting.load import place_in, shed_answer
from aggregator.server.routing.paths import path_of
from aggregator.server.routing.routes import Handler
from aggregator.server.routing.sites import Site
from aggregator.telemetry.logging import log

_log = logging.getLogger("aggregator.server")

NOT_STARTED = "The application has not been started: run it in a server, or enter its lifespan first."
STOPPING = "The server is stopping."
_SOON = [(b"retry-after", b"1")]


class Dispatcher:
    """An ASGI application over the current generation; what no endpoint answers goes to the routes of *router*."""

    __slots__ = ("_current", "_draining", "_router", "_routes")

    def __init__(self, current: Callable[[], Generation | None], draining: Callable[[], bool], router: Router) -> None:
        self._current = current
        self._draining = draining
        self._router = router
        self._routes = router.app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request to an endpoint, or hand it on to the routes of FastAPI."""
        if scope["type"] != "http" or not await self.answered(scope, receive, send):
            generation = self._current()
            if scope["type"] == "http" and generation is not None and generation.finish is not None:
                send = _Finishing(generation, scope, send)
            await self._routes(scope, receive, send)

    async def answered(self, scope: Scope, receive: Receive, send: Send) -> bool:
        """Return whether a request has been answered here; a fault of ours on the way to its endpoint is, by 500."""
        try:
            return await self.answer(scope, receive, send)
        except Exception as error:
            identity = request_id(scope["headers"])
            await send_answer(send, fault_answer(f"{scope['method']} {scope['path']}", error, identity), identity)
            return True

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> bool:
        """Answer a request if its path is declared or malformed; return whether it was."""
        generation = self._current()
        if generation is None:
            return await self._not_running(scope, send)
        path, site = path_of(scope), site_of(scope, generation)
        if scope["method"] == "OPTIONS" and site.preflights is not None:
            allowed = site.preflights.answer(path, scope["headers"])
            if allowed is not None:
                await send_answer(send, allowed, request_id(scope["headers"]))
                return True
        try:
            match = site.index.find(scope["method"], path)
            methods = () if match is not None else site.index.methods(path)
        except ExpressionError as error:
            if self._has_route(scope):
                return False
            await refuse(generation, scope, send, 400, f"The path is not well formed: {error}.")
            return True
        if match is None:
            if not methods and generation.plan.server.redirects_slash:
                return await self._to_its_twin(generation, site, path, scope, send)
            return bool(methods) and await self._wrong_method(generation, methods, scope, send)
        if self._draining():
            scope["aggregator.draining"] = True
        handler, segments = match
        scope["route"] = generation.route_of[handler]
        if generation.load is None:
            await self._serve(generation, handler, segments, scope, receive, send)
            return True
        place = await place_in(generation.load, origin_in(scope, generation.plan.server.trusted_proxies).client)
        if isinstance(place, int):
            await _shed(generation, handler, place, scope, send)
            return True
        try:
            await self._serve(generation, handler, segments, scope, receive, send)
        finally:
            place.leave()
        return True

    async def _serve(
        self,
        generation: Generation,
        handler: Handler,
        segments: tuple[bytes, ...],
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> None:
        sending = _Sending(send, is_head=scope["method"] == "HEAD")
        generation.in_flight += 1
        try:
            await handler(scope, receive, sending, segments)
        except asyncio.CancelledError:
            if not self._draining():
                raise
            log(_log, logging.WARNING, "A request was cut off: the grace of the stopping server was over.",
                endpoint=handler.plan.key)  # fmt: skip
            if not sending.started:
                answer = problem(503, STOPPING, headers=_SOON)
                await _send(generation, scope, send, answer)
        except Exception as error:
            identity = request_id(scope["headers"])
            answer = fault_answer(handler.plan.key, error, identity)
            if not sending.started:
                trusted = generation.plan.server.trusted_proxies
                _finish_fault(handler, exchange_of(scope, identity, trusted), answer)
                await send_answer(send, answer, identity)
        finally:
            generation.leave()

    async def _not_running(self, scope: Scope, send: Send) -> bool:
        if self._has_route(scope):
            return False
        await refuse(None, scope, send, 503, STOPPING if self._draining() else NOT_STARTED, _SOON)
        return True

    async def _wrong_method(self, generation: Generation, methods: Iterable[str], scope: Scope, send: Send) -> bool:
        if self._has_route(scope):
            return False
        allowed = sorted({*methods, "OPTIONS"})
        allow = (b"allow", ", ".join(allowed).encode())
        if scope["method"] == "OPTIONS":
            await _send(generation, scope, send, Answer(204, [allow], b""))
        else:
            await refuse(generation, scope, send, 405, f"This path answers to {', '.join(allowed)}.", [allow])
        return True

    async def _to_its_twin(self, generation: Generation, site: Site, path: bytes, scope: Scope, send: Send) -> bool:
        """Send a path to its twin with, or without, a slash at its end, if that is declared (RFC 9110 §15.4.9)."""
        twin = path[:-1] if path.endswith(b"/") else path + b"/"
        if len(twin) < 2 or not site.index.methods(twin) or self._has_route(scope):
            return False
        query = b"?" + scope["query_string"] if scope["query_string"] else b""
        location = scope.get("root_path", "").rstrip("/").encode() + twin + query
        await _send(generation, scope, send, Answer(308, [(b"location", location)], b""))
        return True

    def _has_route(self, scope: Scope) -> bool:
        """Return whether a route beside the declared endpoints, such as one of a user, takes the request."""
        return any(route.matches(scope)[0] is Match.FULL for route in self._router.routes)


class _Sending:
    """A ``send`` that knows whether the answer has begun, and sends no body to HEAD, which not every server drops."""

    __slots__ = ("_is_head", "_send", "started")

    def __init__(self, send: Send, *, is_head: bool) -> None:
        self._send = send
        self._is_head = is_head
        self.started = False

    async def __call__(self, message: Message) -> None:
        self.started = True
        if self._is_head and message.get("body"):
            message = {**message, "body": b""}
        await self._send(message)


def _finish_fault(handler: Handler, exchange: Exchange, answer: Answer) -> None:
    """Finish the *answer* to a fault like every answer of its endpoint, unless finishing is what fails."""
    try:
        handler.finish(exchange, answer)
    except Exception as error:
        tell_fault(handler.plan.key, error, exchange.id)


async def _shed(generation: Generation, handler: Handler, status: int, scope: Scope, send: Send) -> None:
    """Answer a request that found no place, and report it like the endpoint's own answers."""
    identity = request_id(scope["headers"])
    exchange = exchange_of(scope, identity, generation.plan.server.trusted_proxies)
    exchange.started = asyncio.get_running_loop().time()
    answer = shed_answer(status, identity)
    handler.finish(exchange, answer)
    await send_answer(send, answer, identity)
    generation.report.answered(handler.plan.key, exchange, answer.status, ())


async def refuse(
    generation: Generation | None, scope: Scope, send: Send, status: int, detail: str,
    headers: list[tuple[bytes, bytes]] | None = None,
) -> None:  # fmt: skip
    """Answer with a problem document; *generation*, if there is one, logs and counts it."""
    identity = request_id(scope["headers"])
    answer = problem(status, detail, request_id=identity, headers=headers or ())
    await _send(generation, scope, send, answer, identity)
    tell_refused(generation, scope, status, detail, identity)


async def _send(
    generation: Generation | None, scope: Scope, send: Send, answer: Answer, identity: str | None = None
) -> None:
    """Send *answer*, which is of no endpoint, with the headers that every answer of *generation* carries."""
    identity = identity or request_id(scope["headers"])
    finish_own(generation, scope, answer, identity)
    await send_answer(send, answer, identity)


def finish_own(generation: Generation | None, scope: Scope, answer: Answer, identity: str) -> None:
    """Add to *answer*, which is of no endpoint, the headers that every answer of *generation* carries."""
    if generation is not None and generation.finish is not None:
        generation.finish(exchange_of(scope, identity, generation.plan.server.trusted_proxies), answer)


def site_of(scope: Scope, generation: Generation) -> Site:
    """Return the endpoints of the host that an ASGI request is for."""
    sites, headers = generation.sites, scope["headers"]
    if sites.is_one:
        return sites.main
    return sites.of(first(headers, b"host") or b"", headers, peer_of(scope), scope.get("scheme", "http"))


def host_of(scope: Scope, generation: Generation | None) -> str:
    """Return the name of the virtual host that an ASGI request is for, empty for none."""
    return "" if generation is None else site_of(scope, generation).name


def exchange_of(scope: Scope, identity: str, trusted: Networks = NO_NETWORKS) -> Exchange:
    """Return the request of *scope* as expressions see it, behind the proxies that are *trusted*."""
    exchange = Exchange(scope["method"], scope["path"], scope["query_string"], scope["headers"])
    exchange.scheme, exchange.peer, exchange.trusted = scope.get("scheme", "http"), peer_of(scope), trusted
    exchange.id = identity
    return exchange


class _Finishing:
    """A ``send`` that adds to answers of routes beside the endpoints what every answer carries."""

    __slots__ = ("_generation", "_scope", "_send")

    def __init__(self, generation: Generation, scope: Scope, send: Send) -> None:
        self._generation = generation
        self._scope = scope
        self._send = send

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [(name.lower(), value) for name, value in message.get("headers", ())]
            answer = Answer(message["status"], headers, b"")
            finish_own(self._generation, self._scope, answer, request_id(self._scope["headers"]))
            message = {**message, "headers": answer.headers}
        await self._send(message)


def tell_refused(generation: Generation | None, scope: Scope, status: int, reason: str, identity: str) -> None:
    """Report a request that met none of the endpoints of *generation*."""
    if generation is not None:
        exchange = exchange_of(scope, identity, generation.plan.server.trusted_proxies)
        generation.report.refused(exchange, status, reason)


def origin_in(scope: Scope, trusted: Networks) -> Origin:
    """Return who sent an ASGI request, behind the proxies that are *trusted*, and by which address they asked."""
    return exchange_of(scope, "", trusted).origin
