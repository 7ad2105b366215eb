"""The places at an upstream: so many calls are inside, others wait in line, required ones before optional ones.

asks ── there is a place ──▶ inside ── leaves ──▶ gone, and the next in line is inside
│
└── none is free ──▶ waits ── its turn ──▶ inside
│               └── too long, or of no use any more, or crowded out by one that is required ──▶ refused
└── the queue is full, or it would not be served in time ──▶ refused
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, Protocol

from aggregator.errors import CallError, Cause
from aggregator.policies.concurrency.gradient import Gradient
from aggregator.policies.concurrency.plan import ConcurrencyPlan
from aggregator.policies.registry import Kind
from aggregator.transport.waiting import WaitingLine

_RETRY_AFTER: Final = 1.0


class Clock(Protocol):
    """The part of an event loop that is used here."""

    def time(self) -> float:
        """Return the time in seconds."""

    def call_later(self, delay: float, callback: Callable[[], object], /) -> asyncio.TimerHandle:
        """Call *callback* after *delay* seconds."""


class Waiter:
    """A waiter for a place until *deadline*; *served* is called when it gets one, *refused* when it gets none."""

    __slots__ = (
        "deadline", "optional", "refused", "served", "started", "steps", "timer", "under_way", "waits_until",
    )  # fmt: skip

    def __init__(
        self, now: float, deadline: float, steps: int, under_way: bool, optional: bool,
        served: Callable[[], None], refused: Callable[[CallError], None],
    ) -> None:  # fmt: skip
        self.started = now
        self.deadline = deadline
        self.waits_until = deadline
        self.steps = steps
        self.under_way = under_way
        self.optional = optional
        self.served = served
        self.refused = refused
        self.timer: asyncio.TimerHandle | None = None


class Places:
    """The places at the upstream that *settings* name, of which ``inside`` are taken and ``limit`` may be.

    What is not ``queued`` finds nobody in line: who comes then may enter as long as fewer than ``limit`` are inside.
    Two lines wait, of what is required and of what is optional; what calls take is observed by the first of them.
    The clock is that of who came last.
    """

    __slots__ = ("__weakref__", "_clock", "_gradient", "_lines", "inside", "limit", "name", "plan", "queued")

    def __init__(self, settings: tuple[str, ConcurrencyPlan]) -> None:
        self.name, self.plan = settings
        self.inside = 0
        self.queued = False
        self._clock: Clock | None = None
        self._gradient = Gradient(self.plan.limit) if self.plan.adaptive else None
        self.limit = self._limit()
        self._lines: tuple[WaitingLine[Waiter], WaitingLine[Waiter]] = (
            WaitingLine(self.limit, self.plan.queue, self._drop),
            WaitingLine(self.limit, self.plan.queue, self._drop),
        )

    def adopt(self, settings: tuple[str, ConcurrencyPlan]) -> None:
        """Continue with another plan; waiters stay in line, and are served where that plan has a place.

        They are served in the next turn of the loop, when all other states go on by their plans, too.
        """
        self.name, self.plan = settings
        if not self.plan.adaptive:
            self._gradient = None
        elif self._gradient is None or self._gradient.most != self.plan.limit:
            self._gradient = Gradient(self.plan.limit)
        self._resize()
        if self.queued and self._clock is not None:
            self._clock.call_later(0.0, self._serve_now)

    def _serve_now(self) -> None:
        if self._clock is not None:
            self._serve(self._clock.time())

    def _limit(self) -> int:
        return self.plan.limit if self._gradient is None else int(self._gradient.limit)

    def _resize(self) -> None:
        """Set the limit to that of the plan, or to the adaptive one."""
        self.limit = self._limit()
        for line in self._lines:
            line.resize(self.limit, self.plan.queue)

    @property
    def waiting(self) -> int:
        """The number of waiters."""
        return len(self._lines[0]) + len(self._lines[1])

    def enters(self) -> bool:
        """Return whether there is a place for who comes now, who has it then."""
        if self.inside >= self.limit or (self.queued and self.waiting):
            return False
        self.inside += 1
        return True

    def join(self, waiter: Waiter, clock: Clock) -> None:
        """Put *waiter* in line. Raises ``CallError`` (QUEUE_FULL) when it could not be served in time."""
        required, optional = self._lines
        optional.learn(required)
        self._clock = clock
        now = clock.time()
        waiter.waits_until = now + self.plan.wait
        line = optional if waiter.optional else required
        if self.waiting >= self.plan.queue and not waiter.optional and optional:
            self._refuse(optional.pop(), Cause.QUEUE_FULL)
        is_crowded = len(line) < self.plan.queue <= self.waiting
        if is_crowded or not line.join(waiter, now):
            raise _failure(Cause.QUEUE_FULL)
        self.queued = True
        waiter.timer = clock.call_later(min(self.plan.wait, waiter.deadline - now), lambda: self._too_long(waiter))

    def give_up(self, waiter: Waiter) -> None:
        """Remove *waiter* from the line."""
        self._stop(waiter)
        any(line.leave(waiter) for line in self._lines)

    def leave(self, now: float, seconds: float | None = None, *, overloaded: bool = False) -> None:
        """Release a place that a call held for *seconds*; None when that says nothing about the upstream."""
        if seconds is not None:
            self._lines[0].observe(seconds)
        if self._gradient is not None and (overloaded or seconds is not None):
            self._learn(self._gradient, now, seconds, overloaded=overloaded)
        self.inside -= 1
        if self.queued:
            self._serve(now)

    def _serve(self, now: float) -> None:
        """Hand free places to waiters."""
        required, optional = self._lines
        optional.learn(required)
        while self.inside < self.limit and (waiter := self._next(now)) is not None:
            self.inside += 1
            self._stop(waiter)
            waiter.served()
        self.queued = self.waiting > 0

    def _learn(self, gradient: Gradient, now: float, seconds: float | None, *, overloaded: bool) -> None:
        if overloaded:
            gradient.overloaded()
        elif seconds is not None:
            gradient.ended(seconds, now, self.inside)
        if self.limit != self._limit():
            self._resize()

    def _next(self, now: float) -> Waiter | None:
        required, optional = self._lines
        return required.take(now) or optional.take(now)

    def _too_long(self, waiter: Waiter) -> None:
        if any(line.leave(waiter) for line in self._lines):
            self._refuse(waiter, Cause.QUEUE_TIMEOUT)

    def _drop(self, waiter: Waiter) -> None:
        self._refuse(waiter, Cause.QUEUE_TIMEOUT)

    def _refuse(self, waiter: Waiter, cause: Cause) -> None:
        self._stop(waiter)
        waiter.refused(_failure(cause))

    @staticmethod
    def _stop(waiter: Waiter) -> None:
        if waiter.timer is not None:
            waiter.timer.cancel()


def _failure(cause: Cause) -> CallError:
    message = {
        Cause.QUEUE_FULL: "Too many calls wait for the upstream.",
        Cause.QUEUE_TIMEOUT: "The upstream had no place for the call in time.",
    }[cause]
    error = CallError(cause, message, retry_after=_RETRY_AFTER)
    error.attempts = 0
    return error


STREAMS: Final[Kind[tuple[str, ConcurrencyPlan], Places]] = Kind("streams", Places, Places.adopt)
"""Places of streams alone, taken before those of ``PLACES``: a stream that waits for its own holds none of these."""
PLACES: Final[Kind[tuple[str, ConcurrencyPlan], Places]] = Kind("concurrency", Places, Places.adopt)
