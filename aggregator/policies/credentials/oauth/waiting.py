"""Calls that wait for one thing together, each until its own deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

from aggregator.errors import CallError, Cause

T = TypeVar("T")
MOST = 10_000
"""Calls that may wait at once; another one fails."""


class Waiter(Generic[T]):
    """A call that waits for a token. States: waiting, over (answered, too late, or cancelled)."""

    __slots__ = ("_done", "_timer", "_waiting")

    def __init__(self, waiting: Waiting[T], done: Callable[[T | CallError], None]) -> None:
        self._waiting = waiting
        self._done: Callable[[T | CallError], None] | None = done
        self._timer: asyncio.Handle | None = None

    def limit(self, timer: asyncio.Handle) -> None:
        """Keep *timer*, which ends the wait."""
        self._timer = timer

    def end(self, outcome: T | CallError) -> None:
        """Pass *outcome* to the call, unless that was cancelled."""
        done = self._done
        self.cancel()
        if done is not None:
            done(outcome)

    def late(self) -> None:
        """Fail the call: its deadline has passed."""
        self.end(CallError(Cause.CREDENTIALS, "Credentials for the upstream could not be had in time."))

    def cancel(self) -> None:
        """Cancel the wait; the call is not told anything."""
        self._done = None
        self._waiting.leave(self)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class Waiting(Generic[T]):
    """The calls that wait for a token, in the order of their arrival."""

    def __init__(self) -> None:
        self._waiters: dict[Waiter[T], None] = {}

    def add(self, done: Callable[[T | CallError], None], deadline: float | None) -> Waiter[T]:
        """Return a new waiter until *deadline* (loop time); None waits as long as it takes."""
        if len(self._waiters) >= MOST:
            full = CallError(Cause.QUEUE_FULL, "Too many calls wait for credentials.", retry_after=1.0)
            return self.refused(done, full)
        waiter = Waiter(self, done)
        self._waiters[waiter] = None
        if deadline is not None:
            waiter.limit(asyncio.get_running_loop().call_at(deadline, waiter.late))
        return waiter

    def refused(self, done: Callable[[T | CallError], None], error: CallError) -> Waiter[T]:
        """Fail a call with *error* in the next turn of the loop, since it expects to be called back later."""
        waiter = Waiter(self, done)
        waiter.limit(asyncio.get_running_loop().call_soon(waiter.end, error))
        return waiter

    def leave(self, waiter: Waiter[T]) -> None:
        """Remove *waiter*."""
        self._waiters.pop(waiter, None)

    def tell(self, outcome: T | CallError) -> None:
        """Pass *outcome* to all waiters; each gets its own copy of an error."""
        waiters, self._waiters = self._waiters, {}
        for waiter in waiters:
            waiter.end(outcome if not isinstance(outcome, CallError) else _copy(outcome))


def _copy(error: CallError) -> CallError:
    return CallError(error.cause, error.message, retry_after=error.retry_after)
