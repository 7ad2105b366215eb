"""A single call whose body is handed on as it arrives, both ways: uploads, downloads, server-sent events.

Nothing is buffered: the client's pace holds the upstream back. After the first byte has left, a failure can only
cut the connection, so that half a body is never taken for a whole one.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from aggregator.edge.networks import NO_NETWORKS, Networks
from aggregator.errors import CallError
from aggregator.exchange import Exchange
from aggregator.parts.frame import Frame
from aggregator.parts.names import Names
from aggregator.plan.types import EndpointPlan
from aggregator.runtime.answers.answer import Answer, problem
from aggregator.runtime.answers.compressing import Compressing
from aggregator.runtime.answers.disclosure import Discloses
from aggregator.runtime.answers.replying import Receive, Send, send_answer
from aggregator.runtime.background.durable.storing import Storing
from aggregator.runtime.background.effects import Effect, EffectQueue
from aggregator.runtime.calls.sending import Sender
from aggregator.runtime.calls.telling import CallTeller
from aggregator.runtime.finish.building import Finish
from aggregator.runtime.reporting import Report
from aggregator.runtime.request.body import ClientGone, check_length
from aggregator.runtime.request.deadlines import AskedDeadline
from aggregator.runtime.request.gates import Gate, admitted
from aggregator.runtime.request.hangup import CUT, unless_gone
from aggregator.runtime.request.identity import peer_of, request_id, sent_path_of
from aggregator.runtime.request.inputs import Inputs, Refusal
from aggregator.runtime.streams.around import AroundStream
from aggregator.runtime.streams.heads import compile_head
from aggregator.runtime.streams.stream import Stream
from aggregator.runtime.streams.transit import Transit
from aggregator.runtime.streams.ways import Way


class StreamHandler:
    """Serves one streaming endpoint of one generation."""

    is_direct = False
    __slots__ = (
        "_asked_deadline", "_clock", "_effects", "_gates", "_gates_behind", "_inputs", "_queue", "_report", "_storing",
        "_stream", "_teller", "_trusted", "plan",
    )  # fmt: skip

    def __init__(
        self, plan: EndpointPlan, inputs: Inputs, sender: Sender, effects: tuple[Effect, ...],
        queue: EffectQueue, report: Report, discloses: Discloses, gates: tuple[Gate, ...] = (),
        teller: CallTeller | None = None, finish: Finish | None = None,
        clock: Callable[[], float] = time.time,
        trusted: Networks = NO_NETWORKS, compressing: Compressing | None = None,
        gates_behind: tuple[Gate, ...] = (), way: Way | None = None,
        asked_deadline: AskedDeadline | None = None, storing: Storing | None = None,
    ) -> None:  # fmt: skip
        self.plan = plan
        way = way or Way(sender, AroundStream(sender.plan.upstream.label))
        self._stream = Stream(plan, compile_head(plan), way, discloses, finish, compressing)
        self._effects = effects
        self._queue = queue
        self._storing = storing
        self._inputs = inputs
        self._report = report
        self._gates = gates
        self._gates_behind = gates_behind
        self._teller = teller
        self._clock = clock
        self._trusted = trusted
        self._asked_deadline = asked_deadline

    async def __call__(self, scope: Any, receive: Receive, send: Send, segments: tuple[bytes, ...]) -> None:
        """Answer one request; *segments* are the path parameters as canonical percent-encoded bytes.

        An answer that broke off is left unfinished, upon which the server cuts the connection.
        """
        loop = asyncio.get_running_loop()
        exchange = self._exchange(scope, segments, loop.time())
        frame = Frame(exchange, Names(exchange), exchange.deadline, loop)
        transit = Transit(self._stream, frame, receive, send, scope)
        try:
            await self._told(exchange, frame, transit, receive, send, scope)
        finally:
            exchange.leave()

    async def _told(
        self, exchange: Exchange, frame: Frame, transit: Transit, receive: Receive, send: Send, scope: Any
    ) -> None:
        """Answer the request, and tell of its call if anybody listens."""
        if self._teller is None:
            await self._serve(exchange, frame, transit, receive, send, scope)
            return
        broke: BaseException | None = None
        try:
            broke = await self._serve(exchange, frame, transit, receive, send, scope)
        except BaseException as error:
            broke = error
            raise
        finally:
            transit.tell(self._teller, broke)

    async def _serve(
        self, exchange: Exchange, frame: Frame, transit: Transit, receive: Receive, send: Send, scope: Any
    ) -> Exception | None:
        """Answer the request; return what broke the answer off, None when nothing did."""
        try:
            answer = await admitted(self._gates, exchange) if self._gates else None
            if answer is None:
                self._inputs.accept(exchange)
                frame.names.update(exchange.params)  # which are typed only now
                check_length(exchange, self.plan.inputs.max_body)
                answer = await admitted(self._gates_behind, exchange) if self._gates_behind else None
            if answer is None:
                answer = await unless_gone(transit.run(), receive, transit.read)
        except ClientGone as gone:
            self._report.gone(self.plan.key, exchange, scope.get(CUT), transit.size)
            return gone
        except (CallError, Refusal) as error:
            if transit.status or not isinstance(error, Refusal):
                self._report.broken(self.plan.key, exchange, transit.status, error, transit.size)
                self._follow(frame.names, Answer(transit.status, [], b""), broken=True)
                return error
            answer = problem(error.status, error.detail, request_id=exchange.id, errors=error.errors)
        if not transit.status:
            self.finish(exchange, answer)
            await send_answer(send, answer, exchange.id, closing=transit.closing or not transit.whole)
        self._after(exchange, answer, frame.names, transit)
        return None

    def finish(self, exchange: Exchange, answer: Answer) -> None:
        """Add the headers of this endpoint's answers to *answer*."""
        if self._stream.finish is not None:
            self._stream.finish(exchange, answer)

    def _after(self, exchange: Exchange, answer: Answer, names: Names, transit: Transit) -> None:
        if transit.results:
            self._follow(names, answer)
        size = transit.size if transit.status else len(answer.body)
        self._report.answered(self.plan.key, exchange, answer.status, transit.results, size=size)

    def _follow(self, names: Names, answer: Answer, *, broken: bool = False) -> None:
        """Queue the background calls that follow *answer*."""
        if self._effects:
            self._queue.put(self._effects, names, answer, broken=broken)
        if self._storing is not None:
            self._storing.accept(names, answer, broken=broken)

    def _exchange(self, scope: Any, segments: tuple[bytes, ...], now: float) -> Exchange:
        exchange = Exchange(scope["method"], scope["path"], scope["query_string"], scope["headers"])
        exchange.sent_path = sent_path_of(scope)
        exchange.scheme, exchange.peer, exchange.trusted = scope.get("scheme", "http"), peer_of(scope), self._trusted
        exchange.segments = segments
        exchange.id = request_id(exchange.header_list)
        exchange.started = now
        exchange.moment = self._clock()
        exchange.deadline = now + self.plan.timeout
        if self._asked_deadline is not None:
            self._asked_deadline.shorten(exchange, now)
        if (tracing := self._stream.sender.tracing) is not None:
            tracing.begin(self.plan.key, exchange)
        return exchange
