"""A call that is sent a second time when it takes longer than most; by callback, with one timer.

first alone ── it ends ──▶ over
│
└── timer, and the budget grants it ──▶ both ── a success ──▶ over, the other is cancelled
└── a failure ──▶ the other alone ── it ends ──▶ over
"""

from __future__ import annotations

import asyncio
from functools import partial

from aggregator.causes import State
from aggregator.parts.frame import Done, Frame, Part, Written
from aggregator.parts.result import Result
from aggregator.policies.hedge.latencies import Latencies
from aggregator.policies.hedge.plan import HedgePlan
from aggregator.policies.retry.budget import Budget
from aggregator.policies.retry.retrying import may_repeat
from aggregator.transport.door import Cancelable

_LOSER = (State.CANCELLED.value,)


class Hedged:
    """The call *inner*, which takes at most *seconds*, however often it is sent.

    With *counts* it counts its calls for the budget, since nothing around it does.
    """

    __slots__ = ("budget", "counts", "inner", "latencies", "name", "plan", "seconds")

    def __init__(
        self, inner: Part, plan: HedgePlan, budget: Budget, latencies: Latencies, seconds: float, *, counts: bool
    ) -> None:
        self.name = inner.name
        self.inner = inner
        self.plan = plan
        self.budget = budget
        self.latencies = latencies
        self.seconds = seconds
        self.counts = counts

    def start(self, frame: Frame, done: Done) -> Cancelable | None:
        """Send the call, and watch how long it takes."""
        now = frame.loop.time()
        if self.counts:
            self.budget.called(now)
        written = frame.written
        if written is None:
            written = Written()
            frame = frame.until(min(frame.deadline, now + self.seconds), written)
        hedging = _Hedging(self, frame, written, done, now)
        hedging.begin(self._delay())
        return None if hedging.is_over else hedging

    def _delay(self) -> float | None:
        """Return the seconds after which a call is hedged, None while that is not known."""
        if self.plan.seconds is not None:
            return self.plan.seconds
        usual = self.latencies.quantile(self.plan.quantile)
        return None if usual is None else max(usual, self.plan.at_least)


class _Hedging:
    __slots__ = (
        "_done", "_failed", "_frame", "_hedged", "_sent", "_started", "_tickets", "_timer", "_written", "is_over",
    )  # fmt: skip

    def __init__(self, hedged: Hedged, frame: Frame, written: Written, done: Done, now: float) -> None:
        self._hedged = hedged
        self._frame = frame
        self._written = written
        self._done = done
        self._started = [now]
        self._tickets: dict[int, Cancelable] = {}
        self._failed: Result | None = None
        self._sent = 0
        self._timer: asyncio.TimerHandle | None = None
        self.is_over = False

    def begin(self, delay: float | None) -> None:
        """Send the first request; the second may follow after *delay* seconds."""
        self._send()
        if delay is not None and not self.is_over:
            self._timer = self._frame.loop.call_later(delay, self._hedge)

    def _send(self) -> None:
        number = self._sent
        self._sent += 1
        ticket = self._hedged.inner.start(self._frame, partial(self._ended, number))
        if ticket is not None and not self.is_over:
            self._tickets[number] = ticket

    def _hedge(self) -> None:
        self._timer = None
        now, request = self._frame.loop.time(), self._written.request
        if now >= self._frame.deadline or request is None:
            return
        if may_repeat(self._hedged.plan.repeats, request.headers, request.body) and self._hedged.budget.grants_hedge(
            now
        ):
            self._started.append(now)
            self._send()

    def _ended(self, number: int, result: Result) -> None:
        if self.is_over:
            return
        self._tickets.pop(number, None)
        if result.state is State.OK:
            self._hedged.latencies.add(self._frame.loop.time() - self._started[number])
        elif self._tickets:
            self._failed = result
            return
        self._finish(number, result)

    def _finish(self, number: int, result: Result) -> None:
        if self._tickets:
            if number:
                now = self._frame.loop.time()
                self._hedged.latencies.add(now - self._started[0])  # the first would have taken longer still
            self._told(result, _LOSER, 1)
        elif self._failed is not None:
            self._told(result, self._failed.words, self._failed.attempts)
        self.cancel()
        self._done(result)

    def _told(self, result: Result, words: tuple[str, ...], attempts: int) -> None:
        """Add to *result* what the other request met (*words*), its attempts and its start."""
        result.has_met((*words, *result.words))
        result.attempts += attempts
        result.started = self._started[0]
        if self._failed is not None:
            result.tried = (self._failed, *result.tried)

    def cancel(self) -> None:
        """Cancel both requests and the timer."""
        self.is_over = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for ticket in self._tickets.values():
            ticket.cancel()
        self._tickets.clear()
