"""One endpoint, ready to serve: request → inputs → run of its parts → answer → background calls.

Two doors lead here. ``begin`` reports by callback and makes no task; our server uses it for endpoints that read
no body. ``__call__`` is the ASGI door for everything else. What does not depend on the request was decided before.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from aggregator.exchange import Exchange
from aggregator.http import HeaderList
from aggregator.parts.frame import Frame, Part
from aggregator.parts.names import Names
from aggregator.parts.result import Result
from aggregator.plan.types import EndpointPlan
from aggregator.runtime.answers.answer import Answer
from aggregator.runtime.answers.replying import Receive, Send, send_answer
from aggregator.runtime.endpoint.endings import Endings
from aggregator.runtime.endpoint.entering import admit, hold, refused, unadmitted
from aggregator.runtime.endpoint.routine import Routine
from aggregator.runtime.endpoint.waiting import answer_of
from aggregator.runtime.finish.leaving import Answered, leave, whole_maker
from aggregator.runtime.keeping.making import Making
from aggregator.runtime.parts.fanout import Run
from aggregator.runtime.request.body import ClientGone, intake_of, take_body
from aggregator.runtime.request.gates import Verdict, admitted
from aggregator.runtime.request.hangup import CUT, done_unless_gone
from aggregator.runtime.request.identity import peer_of, request_id, sent_path_of
from aggregator.runtime.request.inputs import Refusal
from aggregator.transport.door import Cancelable

_log = logging.getLogger("aggregator.request")
TLS_CLIENT = "aggregator.tls_client"
"""Where a scope holds the certificate of the client."""


class EndpointHandler:
    """Serves one endpoint of one generation: its *parts*, by its *routine*."""

    __slots__ = ("_endings", "_is_short", "_parts", "_whole", "is_direct", "plan", "routine")

    def __init__(self, plan: EndpointPlan, routine: Routine, parts: tuple[Part, ...]) -> None:
        self.plan = plan
        self.routine = routine
        self._endings = Endings(plan, routine)
        self._whole = whole_maker(routine.leaving, self._endings.plain)
        self._parts = parts if len(parts) != 1 else parts[0]  # a tuple of one would be one more wait for memory
        self.is_direct = plan.inputs.read_body == "no" and routine.assembly.is_plain and not plan.response.delay
        self.is_direct = self.is_direct and routine.storing is None and routine.idempotency is None
        self._is_short = not self._may_take_long()

    def _may_take_long(self) -> bool:
        """Return whether more than its calls may have to be waited for, from the inputs to the answer."""
        routine = self.routine
        has_more = bool(routine.gates_behind) or routine.keeping is not None
        return has_more or routine.assembly.reads or not self._endings.is_short

    @property
    def parts(self) -> tuple[Part, ...]:
        """The parts of the endpoint, in declared order."""
        parts = self._parts
        return parts if isinstance(parts, tuple) else (parts,)

    def open(
        self, method: str, path: str, query: bytes, headers: HeaderList, segments: tuple[bytes, ...], now: float,
        sent_path: bytes = b"", peer: str = "", scheme: str = "http", tls_client: dict[str, Any] | None = None,
    ) -> Exchange:  # fmt: skip
        """Return the exchange of a request, with what every one has; *now* is loop time."""
        routine = self.routine
        exchange = Exchange(
            method, path, query, headers, segments, sent_path, peer, routine.trusted, scheme, tls_client,
            request_id(headers), now, routine.clock(), now + routine.budget,
        )  # fmt: skip
        if routine.asked_deadline is not None:
            routine.asked_deadline.shorten(exchange, now)
        if routine.tracing is not None:
            routine.tracing.begin(self.plan.key, exchange)
        return exchange

    def finish(self, exchange: Exchange, answer: Answer) -> None:
        """Add the headers of this endpoint's answers to *answer*, which was made elsewhere."""
        leaving = self.routine.leaving
        if leaving is not None and leaving.finish is not None:
            leaving.finish(exchange, answer)

    def begin(self, exchange: Exchange, loop: asyncio.AbstractEventLoop, answered: Answered) -> Cancelable | None:
        """Start the answer of an endpoint that ``is_direct``; *answered* gets it once, maybe before this returns."""
        routine = self.routine
        if not routine.gates:
            return self._start(exchange, loop, answered)
        verdict: Verdict = None
        try:
            for gate in routine.gates:  # as in ``admit``, without a call
                if (verdict := gate.check(exchange)) is not None:
                    break
        except Refusal as refusal:
            verdict = refused(refusal, exchange)
        if verdict is None:
            return self._start(exchange, loop, answered)
        rest = routine.gates[routine.gates.index(gate) + 1 :]
        return hold(verdict, rest, self._start, exchange, loop, answered, self.plan.key, routine.leaving)

    def _start(self, exchange: Exchange, loop: asyncio.AbstractEventLoop, answered: Answered) -> Cancelable | None:
        routine = self.routine
        try:
            routine.inputs.accept(exchange)
        except Refusal as refusal:
            leave(routine.leaving, exchange, answered)(refused(refusal, exchange), None)
            return None
        if self._is_short and (whole := self._whole) is not None:  # as ``_go``, without a call
            parts = self._parts
            run = Run(
                routine.order, parts if isinstance(parts, tuple) else (parts,),
                Frame(exchange, Names(exchange), exchange.deadline, loop), lambda ended: answered(whole(ended), ended),
            )  # fmt: skip
            run.begin()
            return run
        if routine.gates_behind:
            return admit(routine.gates_behind, self._go, exchange, loop, answered, self.plan.key, routine.leaving)
        return self._go(exchange, loop, answered)

    def _go(self, exchange: Exchange, loop: asyncio.AbstractEventLoop, answered: Answered) -> Cancelable | None:
        routine = self.routine
        if routine.keeping is not None:
            return routine.keeping.serve(self, exchange, loop, leave(routine.leaving, exchange, answered))
        if routine.assembly.reads or not self._endings.is_short:
            return self.make(exchange, loop, exchange.deadline, leave(routine.leaving, exchange, answered))
        frame, whole = Frame(exchange, Names(exchange), exchange.deadline, loop), self._whole
        run = Run(
            routine.order, self.parts, frame, (lambda ended: answered(whole(ended), ended))
            if whole is not None else partial(self._end, answered),
        )  # fmt: skip
        run.begin()
        return run

    def _end(self, answered: Answered, run: Run) -> None:
        leave(self.routine.leaving, run.frame.exchange, answered)(self._endings.plain(run), run)

    async def __call__(self, scope: Any, receive: Receive, send: Send, segments: tuple[bytes, ...]) -> None:
        """Answer one ASGI request; *segments* are the path parameters as canonical percent-encoded bytes."""
        loop = asyncio.get_running_loop()
        exchange = self.open(
            scope["method"], scope["path"], scope["query_string"], scope["headers"], segments, loop.time(),
            sent_path=sent_path_of(scope), peer=peer_of(scope), scheme=scope.get("scheme", "http"),
            tls_client=scope.get(TLS_CLIENT),
        )  # fmt: skip
        exchange.intake = intake_of(receive, self.plan)
        run: Run | None = None
        closing = scope.get("aggregator.draining", False)
        try:
            refusing = await admitted(self.routine.gates, exchange) if self.routine.gates else None
            if refusing is None:
                judged = await take_body(exchange, self.routine.inputs, self.plan)
                self.routine.inputs.accept(exchange, judged)
                self.routine.assembly.accept(exchange)
                behind = self.routine.gates_behind
                refusing = await admitted(behind, exchange) if behind else None
            if refusing is not None:
                answer = refusing
            elif self.routine.idempotency is not None:
                answer, run = await self.routine.idempotency.serve(self, exchange, receive)
            else:
                answer, run = await self.made(exchange, receive)
        except Refusal as refusal:
            answer, run = refused(refusal, exchange), None
            closing = closing or refusal.status in (408, 413)
        except ClientGone:
            self.routine.report.gone(self.plan.key, exchange, scope.get(CUT))
            exchange.leave()
            return
        if self.routine.leaving is not None:
            await self.routine.leaving.left(exchange, answer, run)
        await send_answer(send, answer, exchange.id, closing=closing)
        self.after(exchange, answer, run)

    async def made(self, exchange: Exchange, receive: Receive) -> tuple[Answer, Run | None]:
        """Run the calls for a request that is let in, and return the answer, with what follows it stored."""
        loop, routine = asyncio.get_running_loop(), self.routine
        run: Run | None
        if routine.keeping is not None:
            answer, run = await answer_of(
                partial(routine.keeping.serve, self, exchange, loop), receive, loop
            )  # fmt: skip
        else:
            run = await self._run(exchange, receive, loop)
            answer = self._endings.plain(run) if self._endings.is_prompt(run) else await self._endings.made(run)
        if run is not None and routine.storing is not None:
            answer = await routine.storing.store(run.frame.names, answer)
        return answer, run

    def after(self, exchange: Exchange, answer: Answer, run: Run | None, size: int | None = None) -> None:
        """Queue the background calls of an answer that has been sent, and report the request.

        *size* is how many bytes its body had; None where that was not counted.
        """
        effects, report = self.routine.effects, self.routine.report
        if exchange.place is not None:
            exchange.place.leave()
        if effects and run is not None:
            self.routine.queue.put(effects, run.frame.names, answer)
        if self.routine.shadows is not None and run is not None:
            self.routine.shadows.put(run.frame.names, answer)
        if report.hears or report.visitors or (report.traces and exchange.trace is not None and exchange.trace.is_told):
            results, failure = ((), None) if run is None else (run.ended_results(), run.failure)
            if size is None:
                size = 0 if exchange.method == "HEAD" else answer.size
            report.answered(self.plan.key, exchange, answer.status, results, failure, size=size, sent=answer)

    def gone(self, exchange: Exchange) -> None:
        """Report that the client hung up before its answer was ready."""
        exchange.leave()
        self.routine.report.gone(self.plan.key, exchange)

    async def _run(self, exchange: Exchange, receive: Receive, loop: asyncio.AbstractEventLoop) -> Run:
        done: asyncio.Future[bool] = loop.create_future()
        run = Run(
            self.routine.order, self.parts, Frame(exchange, Names(exchange), exchange.deadline, loop), _resolve(done)
        )
        try:
            run.begin(None if exchange.asked is None else exchange.asked.wanted)
            if not run.over:
                await done_unless_gone(done, receive, loop)
        except BaseException:
            run.cancel()
            raise
        if self.plan.response.delay:
            with suppress(TimeoutError):
                async with asyncio.timeout(self.plan.response.delay):
                    await done_unless_gone(loop.create_future(), receive, loop)
        return run

    @property
    def has_effects(self) -> bool:
        """Whether background calls follow its answers."""
        return bool(self.routine.effects) or self.routine.storing is not None

    @property
    def budget(self) -> float:
        """The seconds that its calls may take."""
        return self.routine.budget

    def make(
        self, exchange: Exchange, loop: asyncio.AbstractEventLoop, deadline: float, made: Answered
    ) -> Cancelable | None:
        """Run its calls and make the answer; *made* gets it once."""
        making = Making(exchange, made)
        run = making.run = Run(self.routine.order, self.parts, Frame(exchange, Names(exchange), deadline, loop),
                               lambda ended: self._make(ended, making))  # fmt: skip
        run.begin(None if exchange.asked is None else exchange.asked.wanted)
        return making

    def _make(self, run: Run, making: Making) -> None:
        if self._endings.is_prompt(run):
            making.made(self._endings.plain(run), run)
        else:
            making.await_answer(
                self._endings.made(run), lambda error: unadmitted(error, making.exchange, self.plan.key)
            )

    def again(
        self, exchange: Exchange, loop: asyncio.AbstractEventLoop, results: tuple[Result | None, ...],
        failure: Result | None = None,
    ) -> Run:  # fmt: skip
        """Return a run that has ended with *results* before."""
        run = Run(self.routine.order, self.parts, Frame(exchange, Names(exchange), exchange.deadline, loop), _nothing)
        run.results[:] = results
        run.over, run.failure = True, failure
        return run

    def fail(self, run: Run, made: Answered) -> Cancelable | None:
        """Make the answer to a *run* that failed; *made* gets it once."""
        making = Making(run.frame.exchange, made)
        making.run = run
        self._make(run, making)
        return making


def _resolve(done: asyncio.Future[bool]) -> Callable[[Run], None]:
    def ended(_: Run) -> None:
        if not done.done():
            done.set_result(False)

    return ended


def _nothing(_: Run) -> None:
    """Do nothing at the end of a run that has ended before."""
