"""One endpoint, ready to serve: request → inputs → run of its parts → answer → background calls.

Called by the dispatcher for every request; everything that does not depend on the request was decided before.
"""

from __future__ import annotations

import asyncio
import hmac
from dataclasses import asdict
from typing import Any

from aggregator.errors import AggregatorError, CallError, Cause
from aggregator.exchange import Exchange
from aggregator.plan.types import EndpointPlan, ServerPlan
from aggregator.runtime.answer import Answer, problem
from aggregator.runtime.assembly import Assembly
from aggregator.runtime.body import ClientGone, Receive, Send, read_body
from aggregator.runtime.effects import Effect, EffectQueue
from aggregator.runtime.failure import failure_answer
from aggregator.runtime.fanout import FanOut, Run
from aggregator.runtime.frame import Frame
from aggregator.runtime.identity import HEADER as REQUEST_ID
from aggregator.runtime.identity import request_id
from aggregator.runtime.inputs import Inputs, Refusal
from aggregator.runtime.narrowing import Narrowing
from aggregator.runtime.names import Names
from aggregator.runtime.outcome import HEADER as PARTS
from aggregator.runtime.outcome import parts_header
from aggregator.runtime.reporting import Report
from aggregator.runtime.result import Result, failed
from aggregator.runtime.viewing import LazyResponse
from aggregator.runtime.watching import Watch

RESERVE = 0.05
"""Seconds, at most, of an endpoint's deadline that are kept for making the answer (5 % of short ones)."""


class EndpointHandler:
    """Serves one endpoint of one generation."""

    __slots__ = (
        "_assembly",
        "_budget",
        "_debug",
        "_effects",
        "_fan",
        "_inputs",
        "_narrowing",
        "_queue",
        "_read",
        "_report",
        "plan",
    )

    def __init__(
        self, plan: EndpointPlan, server: ServerPlan, fan: FanOut, assembly: Assembly, effects: tuple[Effect, ...],
        queue: EffectQueue,
    ) -> None:  # fmt: skip
        self.plan = plan
        self._fan = fan
        self._assembly = assembly
        self._effects = effects
        self._queue = queue
        self._inputs = Inputs(plan.inputs, plan.pattern.params)
        self._budget = plan.timeout - min(RESERVE, plan.timeout * 0.05)
        self._read = plan.inputs.read_body
        self._narrowing = Narrowing.of(plan)
        self._report = Report(plan.key, server.access_log)
        self._debug = (
            (server.debug_header, server.debug_secret) if server.debug_header and server.debug_secret else None
        )

    async def __call__(self, scope: Any, receive: Receive, send: Send, segments: tuple[bytes, ...]) -> None:
        """Answer one request; *segments* are the path parameters as canonical percent-encoded bytes."""
        loop = asyncio.get_running_loop()
        exchange = Exchange(scope["method"], scope["path"], scope["query_string"], scope["headers"])
        exchange.segments = segments
        exchange.id = request_id(exchange.header_list)
        exchange.started = loop.time()
        exchange.deadline = exchange.started + self._budget
        client = scope.get("client")
        if client:
            exchange.client = client[0]
        results: tuple[Result, ...] = ()
        try:
            if self._read != "no":
                await self._take_body(receive, exchange)
            self._inputs.accept(exchange)
            answer, results, names = await self._answer(exchange, receive, loop)
        except Refusal as refusal:
            answer, names = self._refused(refusal, exchange), None
        except ClientGone:
            self._report.gone(exchange)
            return
        await self._send(send, answer, exchange, scope)
        if self._effects and names is not None:
            self._queue.put(self._effects, names, LazyResponse(answer))
        self._report.answered(exchange, answer.status, results)

    async def _take_body(self, receive: Receive, exchange: Exchange) -> None:
        inputs = self.plan.inputs
        exchange.body = await read_body(receive, exchange, cap=inputs.max_body, seconds=inputs.body_timeout)
        if self._read == "json":
            self._inputs.decode_body(exchange)

    async def _answer(
        self, exchange: Exchange, receive: Receive, loop: asyncio.AbstractEventLoop
    ) -> tuple[Answer, tuple[Result, ...], Names]:
        names = Names(exchange)
        done: asyncio.Future[None] = loop.create_future()
        run = Run(self._fan, Frame(exchange, names, exchange.deadline, loop), _resolve(done))
        run.begin(None if self._narrowing is None else self._narrowing.wanted(exchange))
        if not run.over:
            watch = Watch(receive, done, loop)
            try:
                await done
            except BaseException:
                run.cancel()
                raise
            finally:
                watch.stop()
        results = tuple(result for result in run.results if result is not None)
        return await self._conclude(run, exchange, results), results, names

    async def _conclude(self, run: Run, exchange: Exchange, results: tuple[Result, ...]) -> Answer:
        failure = run.failure
        if failure is None:
            try:
                if self._assembly.is_plain:
                    return self._assembly.plain(run)
                async with asyncio.timeout_at(exchange.deadline + RESERVE):
                    return await self._assembly.answer(run)
            except AggregatorError as error:
                if isinstance(error, Refusal):
                    raise
                failure = failed(
                    "response",
                    error if isinstance(error, CallError) else CallError(Cause.EXPRESSION, str(error)),
                )
            except TimeoutError:
                failure = failed("response", CallError(Cause.DEADLINE, "The answer could not be made in time."))
        return self._failed(failure, run, exchange, results)

    def _failed(self, failure: Result, run: Run, exchange: Exchange, results: tuple[Result, ...]) -> Answer:
        debug = self._debug is not None and _knows_secret(exchange, *self._debug)
        rows = self._rows_of(failure.name)
        answer = failure_answer(failure, rows, run.frame.names, exchange, results, debug=debug)
        if self.plan.kind == "fan_out":
            answer.headers.append((PARTS, parts_header(results)))
        return answer

    def _rows_of(self, name: str) -> tuple[Any, ...]:
        fan = self.plan.fan
        part = None if fan is None else next((part for part in fan.parts if part.name == name), None)
        return self.plan.rows if part is None else part.rows

    def _refused(self, refusal: Refusal, exchange: Exchange) -> Answer:
        errors = [asdict(violation) for violation in refusal.violations] or None
        headers = [(b"connection", b"close")] if refusal.status in (408, 413) else []
        return problem(refusal.status, refusal.detail, request_id=exchange.id, headers=headers, errors=errors)

    async def _send(self, send: Send, answer: Answer, exchange: Exchange, scope: Any) -> None:
        headers = answer.headers
        headers.append((b"content-length", str(len(answer.body)).encode()))
        headers.append((REQUEST_ID, exchange.id.encode()))
        if scope.get("aggregator.draining"):
            headers.append((b"connection", b"close"))
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})


def _resolve(done: asyncio.Future[None]) -> Any:
    def ended(_: Run) -> None:
        if not done.done():
            done.set_result(None)

    return ended


def _knows_secret(exchange: Exchange, header: bytes, secret: bytes) -> bool:
    sent = next((value for name, value in exchange.header_list if name == header), b"")
    return hmac.compare_digest(sent, secret)
