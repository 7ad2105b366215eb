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

from aggregator.causes import Cause, State
from aggregator.exchange import Exchange
from aggregator.parts.frame import AttemptFrame, Done, Frame, Part, Written
from aggregator.parts.result import Result
from aggregator.policies.retry.budget import Budget
from aggregator.policies.retry.plan import Repeats, RetryPlan
from aggregator.telemetry.logging import log
from aggregator.transport.door import Cancelable

LARGEST = 64 * 1024
"""Bytes of a request body, at most, that are sent again."""
IsOver = Callable[[Exchange], bool]
"""Tells whether a request may make no more calls."""
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
    """What has become of the attempts at one call so far; it *started* then, and ends by *deadline* (loop time).

    ``is_over`` tells that its request may make no more calls, None where it may make any number.
    """

    __slots__ = ("_budget", "_draw", "_number", "_plan", "_tried", "deadline", "is_over", "started", "written")

    def __init__(
        self, plan: RetryPlan, budget: Budget, started: float, deadline: float, draw: Callable[[], float] = random
    ) -> None:
        self._plan = plan
        self._budget = budget
        self._draw = draw
        self._number = 0
        self._tried: list[Result] = []
        self.started = started
        self.deadline = deadline
        self.written = Written()
        self.is_over: Callable[[], bool] | None = None
        budget.called(started)

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
        """Let *result*, which ends the call, tell of all attempts."""
        if not self._tried:
            return
        every = (*self._tried, result)
        result.has_met(tuple(word for one in every for word in one.words))
        result.attempts = sum(one.attempts for one in every)
        result.started = self.started
        result.tried = (*self._tried, *result.tried)


class Retried:
    """The call *inner*, which takes at most *seconds* with all its attempts.

    *is_over* tells that a request may make no more calls, None where it may make any number.
    """

    __slots__ = ("_budget", "_draw", "_inner", "_is_over", "_plan", "_seconds", "name")

    def __init__(
        self, inner: Part, plan: RetryPlan, budget: Budget, seconds: float, draw: Callable[[], float] = random, *,
        is_over: IsOver | None = None,
    ) -> None:  # fmt: skip
        self.name = inner.name
        self._inner = inner
        self._plan = plan
        self._budget = budget
        self._seconds = seconds
        self._draw = draw
        self._is_over = is_over

    def start(self, frame: Frame, done: Done) -> Cancelable | None:
        """Send the call for the first time."""
        now = frame.loop.time()
        course = Course(self._plan, self._budget, now, min(frame.deadline, now + self._seconds), self._draw)
        if self._is_over is not None:
            course.is_over = partial(self._is_over, frame.exchange)
        attempts = _Attempts(self._inner, frame, course, done)
        attempts.send()
        return None if attempts.is_over else attempts


class _Attempts:
    __slots__ = ("_course", "_done", "_frame", "_inner", "_ticket", "_timer", "is_over")

    def __init__(self, inner: Part, frame: Frame, course: Course, done: Done) -> None:
        self._inner = inner
        self._frame = frame
        self._course = course
        self._done = done
        self._ticket: Cancelable | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.is_over = False

    def send(self) -> None:
        """Send the call, once more."""
        self._timer = None
        due = self._course.due(self._frame.loop.time())
        ticket = self._inner.start(AttemptFrame(self._frame, due, self._course.written), self._ended)
        if self._timer is None and not self.is_over:  # otherwise it has ended already
            self._ticket = ticket

    def _ended(self, result: Result) -> None:
        if self.is_over:
            return
        self._ticket = None
        pause = None
        if result.state is State.FAILED:
            pause = self._course.pause_after(result, self._frame.loop.time())
        if pause is not None:
            self._timer = self._frame.loop.call_later(pause, self.send)
            return
        self.is_over = True
        self._course.conclude(result)
        self._done(result)

    def cancel(self) -> None:
        """Give up the attempt under way, or the wait for the next one."""
        self.is_over = True
        if self._timer is not None:
            self._timer.cancel()
        if self._ticket is not None:
            self._ticket.cancel()
