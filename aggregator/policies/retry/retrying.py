"""A call that is sent again when it failed, by callback; a call that succeeds at once makes no timer and no task.

    sent ── ok, or a failure that is final ──▶ done
     │
     └── a failure that `on` names, in time, within the budget ──▶ waits ── timer ──▶ sent

``cancel`` ends it in either state. What was rendered for the first attempt is what all attempts send.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from random import random

from msgspec import Struct

from aggregator.causes import Cause, State
from aggregator.exchange import Exchange
from aggregator.parts.frame import Done, Frame, Part, Written
from aggregator.parts.result import Result
from aggregator.policies.retry.budget import Budget
from aggregator.policies.retry.plan import Repeats, RetryPlan
from aggregator.telemetry.logging import log
from aggregator.transport.door import Cancelable

LARGEST = 64 * 1024
"""Bytes of a request body, at most, that are sent again."""
IsOver = Callable[[Exchange], bool]
"""Returns whether a request may make no more calls."""
_KEY = b"idempotency-key:"
_log = logging.getLogger("aggregator.policies")


def may_repeat(repeats: Repeats, headers: bytes, body: bytes | None) -> bool:
    """Return whether a request with *headers* and *body* may be sent again; log it when its body is too large."""
    if repeats == "with_key" and _KEY not in b"\n" + headers.lower():
        return False
    if body is not None and len(body) > LARGEST:
        log(_log, logging.INFO, "A call was not repeated: its body is too large.", size=len(body), largest=LARGEST)
        return False
    return True


def is_reason(plan: RetryPlan, result: Result) -> bool:
    """Return whether *result* is a failure after which *plan* sends a call again."""
    if result.state is not State.FAILED or result.error is None or result.error.lasts:
        return False
    return result.status in plan.statuses if result.cause is Cause.STATUS else result.cause in plan.causes


def pause_after(plan: RetryPlan, number: int, result: Result, draw: Callable[[], float] = random) -> float:
    """Return the seconds to wait after attempt *number* ended with *result*: drawn, or as the upstream asks."""
    drawn = draw() * plan.pause(number)
    asked = result.error.retry_after if result.error is not None else None
    return drawn if asked is None or asked <= drawn else asked + drawn


class Course:
    """The attempts at one call so far; it *started* then, and ends by *deadline* (loop times).

    ``is_over`` tells that its request may make no more calls, None where it may make any number.
    """

    __slots__ = ("_budget", "_draw", "_number", "_plan", "_tried", "deadline", "is_over", "started", "written")

    def __init__(
        self, plan: RetryPlan, budget: Budget, started: float, deadline: float, draw: Callable[[], float] = random,
        written: Written | None = None,
    ) -> None:  # fmt: skip
        self._plan = plan
        self._budget = budget
        self._draw = draw
        self._number = 0
        self._tried: list[Result] = []
        self.started = started
        self.deadline = deadline
        self.written = Written() if written is None else written
        self.is_over: Callable[[], bool] | None = None

    def due(self, now: float) -> float:
        """Return by when the attempt that begins *now* has to end."""
        limit = self._plan.per_try
        return self.deadline if limit is None else min(self.deadline, now + limit)

    def pause_after(self, result: Result, now: float) -> float | None:
        """Return how long to wait before the call is sent again after *result*; None when it is not."""
        self._number += result.attempts
        if result.attempts > 1:  # an idle connection had swallowed it
            self._budget.resent(now)
        plan, request = self._plan, self.written.request
        if self._number >= plan.attempts or not is_reason(plan, result) or (self.is_over and self.is_over()):
            return None
        if request is None or not may_repeat(plan.repeats, request.headers, request.body):
            return None
        pause = pause_after(plan, self._number, result, self._draw)
        if now + pause >= self.deadline or not self._budget.grants_retry(now):
            return None
        self._tried.append(result)
        return pause

    def conclude(self, result: Result) -> None:
        """Add all earlier attempts to *result*, which ends the call."""
        if not self._tried:
            return
        every = (*self._tried, result)
        result.has_met(tuple(word for one in every for word in one.words))
        result.attempts = sum(one.attempts for one in every)
        result.started = self.started
        result.tried = (*self._tried, *result.tried)


class Retried:
    """The call *inner*, which takes at most *seconds* with all its attempts.

    *is_over* returns whether the request may make no more calls; it is None where there is no limit.
    """

    __slots__ = ("budget", "draw", "first", "inner", "is_over", "name", "plan", "seconds")

    def __init__(
        self, inner: Part, plan: RetryPlan, budget: Budget, seconds: float, draw: Callable[[], float] = random, *,
        is_over: IsOver | None = None,
    ) -> None:  # fmt: skip
        self.name = inner.name
        self.inner = inner
        self.plan = plan
        self.budget = budget
        self.seconds = seconds
        self.first = seconds if plan.per_try is None else min(seconds, plan.per_try)
        """How many seconds the first attempt takes at most."""
        self.draw = draw
        self.is_over = is_over

    def start(self, frame: Frame, done: Done) -> Cancelable | None:
        """Send the call for the first time. What more attempts need is made when this one has failed."""
        now, budget = frame.loop.time(), self.budget
        if budget.begins <= now < budget.ends:  # as ``Budget.called`` does
            budget.calls += 1
        else:
            budget.called(now)
        due = now + self.first
        if due > frame.deadline:
            due = frame.deadline
        written = Written()
        attempts = Attempts(self, frame, written, done, now)
        ticket = self.inner.start(
            Frame(frame.exchange, frame.names, due, frame.loop, frame.wanted, frame.conditions, written), attempts
        )
        if attempts.is_over:
            return None
        if attempts.timer is None:  # otherwise it has failed already
            attempts.ticket = ticket
        return attempts

    def taken_up(self, frame: Frame, written: Written, done: Done, started: float) -> Attempts:
        """Return what is told of the end of a first attempt that *started* then, and has sent what is *written*."""
        return Attempts(self, frame, written, done, started)


class Attempts(Struct, eq=False):
    """The attempts at one call, told of the end of each; most need no more than the first, and have no *course*."""

    call: Retried
    frame: Frame
    written: Written
    done: Done
    started: float
    is_over: bool = False
    ticket: Cancelable | None = None
    timer: asyncio.TimerHandle | None = None
    course: Course | None = None

    def __call__(self, result: Result) -> None:
        """Handle the *result* of an attempt: pass it on, or send the call again."""
        if self.is_over:
            return
        self.ticket = None
        if result.state is State.FAILED:
            pause = self._course().pause_after(result, self.frame.loop.time())
            if pause is not None:
                self.timer = self.frame.loop.call_later(pause, self._send)
                return
        self.is_over = True
        if self.course is not None:
            self.course.conclude(result)
        self.done(result)

    def _course(self) -> Course:
        if self.course is None:
            call = self.call
            deadline = min(self.started + call.seconds, self.frame.deadline)
            self.course = Course(call.plan, call.budget, self.started, deadline, call.draw, self.written)
            if call.is_over is not None:
                self.course.is_over = partial(call.is_over, self.frame.exchange)
        return self.course

    def _send(self) -> None:
        """Send the call once more."""
        self.timer = None
        due = self._course().due(self.frame.loop.time())
        ticket = self.call.inner.start(self.frame.until(due, self.written), self)
        if self.timer is None and not self.is_over:  # otherwise it has ended already
            self.ticket = ticket

    def cancel(self) -> None:
        """Cancel the attempt under way, or the wait for the next one."""
        self.is_over = True
        if self.timer is not None:
            self.timer.cancel()
        if self.ticket is not None:
            self.ticket.cancel()
