"""A request answered without ASGI: no task, no scope, no messages; for endpoints that only call and copy.

The ASGI application stays complete. This is a shorter way to the same handlers, which uvicorn's protocol class takes
when nothing has been put around the application and the endpoint reads no request body.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol
from urllib.parse import unquote

from msgspec import Struct

from aggregator.errors import ExpressionError
from aggregator.exchange import Exchange
from aggregator.http import UNFRAMED, HeaderList
from aggregator.runtime.answers.answer import Answer
from aggregator.runtime.answers.replying import fault_answer, tell_fault
from aggregator.runtime.endpoint.handler import EndpointHandler
from aggregator.runtime.parts.fanout import Run
from aggregator.runtime.request.identity import request_id
from aggregator.server.connection.status_lines import STATUS_LINES
from aggregator.server.connection.turns import LONG, Turns
from aggregator.server.generations.generation import Generation
from aggregator.server.limiting.load import Load, Place, shed_answer
from aggregator.transport.door import Cancelable

_BIG = 64 * 1024


class Found(Struct, frozen=True):
    """The handler that a request goes to, and what its path and query say."""

    generation: Generation
    handler: EndpointHandler
    segments: tuple[bytes, ...]
    path: bytes
    query: bytes


class Asker(Protocol):
    """The origin of a request, as far as it decides about the virtual host."""

    address: str
    scheme: str
    headers: HeaderList

    @property
    def host(self) -> bytes:
        """The ``Host`` field, empty for none."""


class DirectDoor:
    """Finds the handler of a request, if it may be answered directly. *current* gives None when nothing may be."""

    __slots__ = ("_current",)

    def __init__(self, current: Callable[[], Generation | None]) -> None:
        self._current = current

    def find(self, method: str, target: bytes, asker: Asker) -> Found | None:
        """Return where ``method target`` of *asker* goes; None when it has to take the ASGI way."""
        generation = self._current()
        if generation is None:
            return None
        index = generation.index
        if index is None or method == "OPTIONS":
            site = generation.sites.of(asker.host, asker.headers, asker.address, asker.scheme)
            if method == "OPTIONS" and site.preflights is not None:
                return None
            index = site.index
        path, _, query = target.partition(b"?")
        try:
            match = index.find(method, path)
        except ExpressionError:
            return None
        if match is None:
            return None
        handler, segments = match
        if not handler.is_direct:
            return None
        return Found(generation, handler, segments, path, query)  # type: ignore[arg-type]


class Connection(Protocol):
    """The part of the protocol that a cycle uses."""

    transport: asyncio.Transport
    loop: asyncio.AbstractEventLoop
    server_state: Any
    tls_client: dict[str, Any] | None
    scheme: str
    turns: Turns

    def close_gently(self) -> None:
        """Close when the client has had the answer."""

    def on_response_complete(self) -> None:
        """Continue with the next request, or wait for one."""


class DirectCycle:
    """One request and its answer, in the form in which uvicorn's protocol keeps them.

    The protocol sets ``disconnected`` and then calls ``message_event.set()``: the cycle is its own event.
    """

    __slots__ = ("_connection", "_exchange", "_found", "_place", "_run", "disconnected", "keep_alive", "more_body",
                 "response_complete")  # fmt: skip

    def __init__(self, connection: Connection, found: Found, keep_alive: bool) -> None:
        self._connection = connection
        self._found = found
        self._run: Cancelable | None = None
        self._place: Place | None = None
        self.keep_alive = keep_alive
        self.disconnected = False
        self.response_complete = False
        self.more_body = False

    @property
    def message_event(self) -> DirectCycle:
        """The event that the protocol sets when something has happened."""
        return self

    def begin(self, method: str, headers: HeaderList, client: str) -> None:
        """Start the answer; a fault of ours is answered, and does not take the connection along."""
        found = self._found
        found.generation.in_flight += 1
        try:
            path, sent_path, connection = found.path.decode("ascii"), b"", self._connection
            if "%" in path:
                path, sent_path = unquote(path), found.path
            self._exchange = exchange = found.handler.open(
                method, path, found.query, headers, found.segments, connection.loop.time(), sent_path, client,
                connection.scheme, connection.tls_client,
            )  # fmt: skip
            if found.generation.load is None:  # as ``_start``, without a call
                run = found.handler.begin(exchange, self._connection.loop, self._answered)
                if not self.response_complete:
                    self._run = run
            else:
                self._take_place(found.generation.load)
        except Exception as error:
            self._failed(error, method, headers)

    def _failed(self, error: Exception, method: str, headers: HeaderList) -> None:
        """Answer with 500 a request that *error* has stopped, and log that in one line."""
        if not hasattr(self, "_exchange"):
            self._exchange = Exchange(method, self._found.path.decode("ascii"), self._found.query, headers)
            self._exchange.id = request_id(headers)
        if self.response_complete:
            tell_fault(self._found.handler.plan.key, error, self._exchange.id)
        else:
            self._answered(self._finished(fault_answer(self._found.handler.plan.key, error, self._exchange.id)), None)

    def _finished(self, answer: Answer) -> Answer:
        """Return *answer* with what each of the endpoint carries; without it, if that is what fails."""
        try:
            self._found.handler.finish(self._exchange, answer)
        except Exception as error:
            tell_fault(self._found.handler.plan.key, error, self._exchange.id)
        return answer

    def _take_place(self, load: Load) -> None:
        place = load.enter(self._exchange.client, self._connection.loop, self._start, self._shed)
        if isinstance(place, int):
            self._shed(place)
            return
        self._place = place
        if not place.is_waiting:
            self._start()

    def _shed(self, status: int) -> None:
        self._place = None
        self._answered(self._finished(shed_answer(status, self._exchange.id)), None)

    def _start(self) -> None:
        exchange = self._exchange
        try:
            run = self._found.handler.begin(exchange, self._connection.loop, self._answered)
        except Exception as error:
            self._failed(error, exchange.method, exchange.header_list)
            return
        if not self.response_complete:
            self._run = run

    def _answered(self, answer: Answer, run: Run | None) -> None:
        content = answer.content
        if (content.__class__ is list or len(content) > LONG) and (size := answer.size) > LONG:
            connection = self._connection
            connection.turns.take(connection.loop, size, partial(self._send, answer, run))
        else:
            self._send(answer, run)

    def _send(self, answer: Answer, run: Run | None) -> bool:
        """Write *answer*, and go on with the connection; return whether its client was still there."""
        if self.response_complete:
            return False
        self.response_complete = True
        size = self._write(answer)
        self._leave()
        connection = self._connection
        if not self.keep_alive:
            connection.close_gently()
        connection.on_response_complete()
        self._found.handler.after(self._exchange, answer, run, size)
        return True

    def _leave(self) -> None:
        self._run = None
        self._found.generation.leave()
        if self._place is not None:
            self._place.leave()

    def _write(self, answer: Answer) -> int:
        """Write *answer*; return the number of bytes of the body sent."""
        status, content = answer.status, answer.content
        if isinstance(content, list):
            body, size = content, sum(map(len, content))
        else:
            body, size = [content], len(content)
        lines = [STATUS_LINES[status]]
        for name, value in self._connection.server_state.default_headers:
            lines += (name, b": ", value, b"\r\n")
        for name, value in answer.leading:
            lines += (name, b": ", value, b"\r\n")
        if answer.tail is not None:
            lines.append(answer.tail.lines)
        exchange = self._exchange
        identity = exchange.id.encode()
        if status in UNFRAMED or answer.head_only:
            body = []
            lines += (b"x-request-id: ", identity)
        else:
            lines.append(b"content-length: %d\r\nx-request-id: %b" % (size, identity))
        lines.append(b"\r\n\r\n" if self.keep_alive else b"\r\nconnection: close\r\n\r\n")
        if exchange.method == "HEAD":
            size, body = 0, []
        if size > _BIG:
            self._connection.transport.writelines([b"".join(lines), *body])
        else:
            lines += body
            self._connection.transport.write(b"".join(lines))
        return size

    def set(self) -> None:
        """Called when something has happened on the connection: a hang-up cancels the work."""
        if not self.disconnected or self.response_complete:
            return
        self.response_complete = True
        if self._run is not None:
            self._run.cancel()
        self._leave()
        self._found.handler.gone(self._exchange)
