"""A single call whose body is handed on as it arrives, both ways: uploads, downloads, server-sent events.

Nothing is buffered: the client's pace holds the upstream back. After the first byte has left, a failure can only
cut the connection, so that half a body is never taken for a whole one.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable
from contextlib import suppress
from typing import Any, Protocol

from aggregator.errors import AggregatorError, CallError, Cause
from aggregator.exchange import Exchange
from aggregator.plan.types import EndpointPlan, ServerPlan
from aggregator.runtime.answer import Answer, problem
from aggregator.runtime.body import ClientGone, Receive, Send, body_stream, check_length
from aggregator.runtime.effects import Effect, EffectQueue
from aggregator.runtime.failure import failure_answer
from aggregator.runtime.frame import Frame
from aggregator.runtime.identity import HEADER as REQUEST_ID
from aggregator.runtime.identity import request_id
from aggregator.runtime.inputs import Inputs, Refusal
from aggregator.runtime.names import Names
from aggregator.runtime.reporting import Report
from aggregator.runtime.result import failed
from aggregator.runtime.sending import LeanDoor, Sender
from aggregator.runtime.viewing import LazyResponse
from aggregator.transport import Reply, StreamReply

_PASSED = frozenset({b"content-type", b"content-length", b"content-encoding", b"content-disposition", b"content-range",
                     b"accept-ranges", b"etag", b"last-modified", b"cache-control"})  # fmt: skip


class StreamDoor(LeanDoor, Protocol):
    """The door of a pool that hands bodies on as they arrive."""

    async def stream(
        self, method: bytes, target: bytes, headers: bytes, body: bytes | AsyncIterable[bytes] | None, *,
        deadline: float | None, idle_timeout: float | None = None, decode: bool = False,
    ) -> StreamReply:  # fmt: skip
        """Send, and give the response once its head is there."""


class StreamHandler:
    """Serves one streaming endpoint of one generation."""

    is_direct = False
    __slots__ = ("_effects", "_inputs", "_pool", "_queue", "_report", "_sender", "plan")

    def __init__(
        self, plan: EndpointPlan, server: ServerPlan, sender: Sender, pool: StreamDoor, effects: tuple[Effect, ...],
        queue: EffectQueue,
    ) -> None:  # fmt: skip
        self.plan = plan
        self._sender = sender
        self._pool = pool
        self._effects = effects
        self._queue = queue
        self._inputs = Inputs(plan.inputs, plan.pattern.params)
        self._report = Report(plan.key, server.access_log)

    async def __call__(self, scope: Any, receive: Receive, send: Send, segments: tuple[bytes, ...]) -> None:
        """Answer one request; *segments* are the path parameters as canonical percent-encoded bytes."""
        loop = asyncio.get_running_loop()
        exchange = Exchange(scope["method"], scope["path"], scope["query_string"], scope["headers"])
        exchange.segments = segments
        exchange.id = request_id(exchange.header_list)
        exchange.started = loop.time()
        exchange.deadline = exchange.started + self.plan.timeout
        names = Names(exchange)
        try:
            self._inputs.accept(exchange)
            check_length(exchange, self.plan.inputs.max_body)
            reply = await self._open(Frame(exchange, names, exchange.deadline, loop), receive)
        except Refusal as refusal:
            await self._finish(send, problem(refusal.status, refusal.detail, request_id=exchange.id), exchange)
        except ClientGone:
            self._report.gone(exchange)
        except CallError as error:
            await self._finish(send, self._failed(error, None, names, exchange), exchange)
        else:
            await self._pass_on(reply, receive, send, exchange, names)

    async def _open(self, frame: Frame, receive: Receive) -> StreamReply:
        try:
            rendered = self._sender.render(frame)
        except CallError:
            raise
        except AggregatorError as error:
            raise CallError(Cause.EXPRESSION, str(error)) from None
        forwarded = self._sender.plan.request.body_kind == "forward"
        body = body_stream(receive, self.plan.inputs.max_body) if forwarded else rendered.body
        idle = self.plan.idle_timeout
        return await self._pool.stream(
            self._sender.plan.request.method, rendered.target, rendered.headers, body,
            deadline=None if idle is not None else frame.deadline, idle_timeout=idle,
        )  # fmt: skip

    def _failed(self, error: CallError, reply: Reply | None, names: Names, exchange: Exchange) -> Answer:
        plan = self._sender.plan
        result = failed(plan.name, error, upstream=plan.upstream.label)
        if reply is not None:
            result.status, result.headers, result.raw = reply.status, reply.headers, reply.body
        return failure_answer(result, plan.rows, names, exchange, (), debug=False)

    async def _pass_on(
        self, reply: StreamReply, receive: Receive, send: Send, exchange: Exchange, names: Names
    ) -> None:
        plan = self._sender.plan
        async with reply:
            if reply.status not in plan.success.statuses:
                error = CallError(
                    Cause.STATUS, f"The upstream '{plan.upstream.label}' answered with status {reply.status}."
                )
                await self._finish(
                    send,
                    self._failed(error, Reply(reply.status, reply.headers, b""), names, exchange),
                    exchange,
                )
                return
            headers = [(name, value) for name, value in reply.headers if name in _PASSED]
            answer = Answer(reply.status, headers, b"")
            await send({"type": "http.response.start", "status": reply.status,
                        "headers": [*headers, (REQUEST_ID, exchange.id.encode())]})  # fmt: skip
            await self._copy(reply, receive, send)
        if self._effects:
            self._queue.put(self._effects, names, LazyResponse(answer))
        self._report.answered(exchange, answer.status, None)

    async def _copy(self, reply: StreamReply, receive: Receive, send: Send) -> None:
        watcher = asyncio.create_task(_gone(receive))
        copier = asyncio.create_task(_copy_body(reply, send))
        try:
            await asyncio.wait({watcher, copier}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (watcher, copier):
                task.cancel()
            with suppress(asyncio.CancelledError):
                await watcher
            with suppress(asyncio.CancelledError):
                await copier

    async def _finish(self, send: Send, answer: Answer, exchange: Exchange) -> None:
        headers = [
            *answer.headers,
            (b"content-length", str(len(answer.body)).encode()),
            (REQUEST_ID, exchange.id.encode()),
        ]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})
        self._report.answered(exchange, answer.status, None)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _copy_body(reply: StreamReply, send: Send) -> None:
    async for piece in reply:
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b""})
