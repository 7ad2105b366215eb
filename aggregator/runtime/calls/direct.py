"""A call with nothing to write but its target, and one way to go: one frame where it begins, and few where it ends.

    under way ── a short reply, or why there is none ──▶ over: judged, counted, and passed on
        │ │
        │ └── a long reply ──▶ reading: what ``replies.py`` does with it ──▶ over
        └── cancel(), at any time ──▶ over: told as given up

``sending.py`` knows all calls, and ``telling.py`` counts them from outside; most are of this kind.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from aggregator.causes import State
from aggregator.errors import AggregatorError, CallError
from aggregator.parts.events import WELL
from aggregator.parts.frame import Done, Frame, Part
from aggregator.parts.result import Result
from aggregator.runtime.calls.replies import judge_soon
from aggregator.runtime.calls.sending import Sender
from aggregator.runtime.calls.telling import Counted
from aggregator.telemetry.metrics.histogram import MOST_WAITING, Histogram
from aggregator.transport import Reply
from aggregator.transport.door import Cancelable

_OK: Final = State.OK
_FAILED: Final = State.FAILED


class DirectCall(Sender):
    """The call of *sender*; where it is counted, *counted* is the same call, counted from outside."""

    __slots__ = ("counted", "durations", "splice", "waiting")

    def __init__(self, sender: Sender, counted: Counted | None = None) -> None:
        super().__init__(sender.plan, sender.routine, sender.head, sender.tail)
        assert sender.routine.splice is not None  # its target is plain
        self.splice = sender.routine.splice
        self.counted = counted
        self.durations: Histogram | None = None if counted is None or counted.tally is None else counted.tally.durations
        self.waiting = None if self.durations is None else self.durations.waiting

    def start(self, frame: Frame, done: Done) -> Cancelable | None:
        """Start the call."""
        routine, exchange, now = self.routine, frame.exchange, frame.loop.time()
        headers = routine.block
        trace = exchange.trace
        if trace is not None:
            if not trace.lines:  # its calls are followed
                return self._more(frame, done)
            headers += trace.lines
        if frame.conditions or frame.written is not None:
            return self._more(frame, done)
        try:
            target = self.splice.render(self.head, exchange.segments, self.tail)
        except AggregatorError:
            return self._more(frame, done)
        deadline = now + routine.timeout
        if deadline > frame.deadline:
            deadline = frame.deadline
        call = _UnderWay(self, frame, now, deadline, done)
        ticket = routine.pool.start(
            routine.method, target, headers, None, deadline=deadline, done=call.ended, steps=routine.steps,
            under_way=exchange.under_way,
        )  # fmt: skip
        if call.ticket is None:  # else the reply was there at once, and is being read
            call.ticket = ticket
        return call

    def _more(self, frame: Frame, done: Done) -> Cancelable | None:
        """Start a call to which there is more than is known here."""
        return super().start(frame, done) if self.counted is None else self.counted.start(frame, done)


class _UnderWay(Struct, eq=False):
    """One call that *started* then (loop time); *done* is None once it is over, *ticket* gives it up."""

    call: DirectCall
    frame: Frame
    started: float
    deadline: float
    done: Done | None
    ticket: Cancelable | None = None

    def ended(self, outcome: Reply | CallError) -> None:
        """Judge *outcome* here, or read its body in a thread where that may take long."""
        call = self.call
        if isinstance(outcome, CallError) or outcome.attempts > 1:
            self.judged(call.judge(self.frame, outcome, self.started))
        elif len(outcome.body) <= (judge := call.routine.judge).at_once:  # as ``Sender.judge``, without a call
            result = judge.judge(self.frame, outcome, self.started)
            if result.state is _FAILED:
                result.is_ruled_by(call.plan.rows)
            self.judged(result)
        else:
            ticket = judge_soon(call, self.frame, outcome, self.started, self.deadline, self.judged)
            self.ticket = ticket or self.ticket

    def judged(self, result: Result) -> None:
        """Count *result*, and pass it on."""
        done, self.done = self.done, None
        if done is None:
            return
        waiting = self.call.waiting
        if waiting is not None:
            if result.state is _OK and result.status in WELL:  # as ``Counted`` does
                waiting.append(result.ended - result.started)
                if len(waiting) >= MOST_WAITING:
                    self._fold()
            else:
                self._count(result)
        done(result)

    def _fold(self) -> None:
        if self.call.durations is not None:
            self.call.durations.fold()

    def _count(self, result: Result) -> None:
        counted = self.call.counted
        if counted is not None and counted.tally is not None:
            counted.tally.add(result.state, result.cause, result.status, result.ended - result.started)

    def cancel(self) -> None:
        """Cancel the call, unless it has ended."""
        if self.done is None:
            return
        self.done = None
        if self.ticket is not None:
            self.ticket.cancel()
        frame, counted = self.frame, self.call.counted
        if counted is not None:
            counted.teller.cancelled(frame.exchange.id, self.started, frame.loop.time())


def direct(part: Part) -> Part:
    """Return *part*, a call that may be counted, in one piece where it has one way, and only its target to write."""
    counted = part if type(part) is Counted else None
    sender = part if counted is None else counted.inner
    if type(sender) is not Sender:
        return part
    routine = sender.routine
    if not routine.is_plain or routine.bind is not None or routine.left is not None or routine.redirects:
        return part
    if routine.tracing is not None and not routine.tracing.only_adds:
        return part
    return DirectCall(sender, counted)
