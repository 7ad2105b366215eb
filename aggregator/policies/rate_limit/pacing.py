"""Calls at the pace that an upstream is granted: each waits for its turn, or fails with the cause ``limited``.

States of a call: waiting (a timer runs), under way (what is inside has started), over. ``cancel`` ends either; the turn
of a call that is given up while it waits goes back.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from aggregator.errors import CallError, Cause, place_of
from aggregator.parts.frame import Done, Frame, Part
from aggregator.parts.result import Result, failed
from aggregator.parts.rows import RowPlan
from aggregator.stores.limiter import Limiter
from aggregator.telemetry.logging import log
from aggregator.transport.door import Cancelable

_ALL = "all"
_Begin = Callable[[], Cancelable | None]
_Late = Callable[[CallError], None]
_log = logging.getLogger("aggregator.policies")


class Pace:
    """The turns of the calls to one upstream, which is called *label* before clients."""

    def __init__(self, limiter: Limiter, wait: float, label: str) -> None:
        self._limiter = limiter
        self._wait = wait
        self._label = label

    @property
    def asks(self) -> bool:
        """Whether a store is asked for turns, so that only ``turn`` says when one has come."""
        return False

    def reserve(self, left: float) -> float:
        """Return the seconds until the turn of a call of which *left* seconds are left; it has its turn then.

        Raises ``CallError`` when that is too long; nothing is taken then.
        """
        wait = self._limiter.reserve(_ALL, min(self._wait, left))
        if wait is None:
            raise too_often(self._label, self._limiter.wait(_ALL))
        return wait

    def give_back(self) -> None:
        """Put back a turn that was not taken."""
        self._limiter.give_back(_ALL)

    async def turn(self, left: float) -> None:
        """Return when it is the turn of a call; raises ``CallError`` as ``reserve`` does."""
        wait = self.reserve(left)
        if not wait:
            return
        try:
            await asyncio.sleep(wait)
        except asyncio.CancelledError:
            self.give_back()
            raise


def too_often(label: str, seconds: float) -> CallError:
    """Return the failure of a call to the upstream *label* that may be made in so many *seconds*."""
    message = f"The upstream '{label}' may not be called more often now."
    return CallError(Cause.LIMITED, message, retry_after=seconds)


class Paced:
    """*inner*, started when it is its turn; *rows* rule its failure."""

    def __init__(self, inner: Part, pace: Pace, label: str, rows: tuple[RowPlan, ...], timeout: float) -> None:
        self.name = inner.name
        self._inner = inner
        self._pace = pace
        self._label = label
        self._rows = rows
        self._timeout = timeout

    def start(self, frame: Frame, done: Done) -> Cancelable | None:
        """Start the call, or wait for its turn; *done* gets the result."""
        now = frame.loop.time()
        if self._pace.asks:
            return Asking(self._pace, min(self._timeout, frame.deadline - now), *self._ways(frame, done, now))
        try:
            wait = self._pace.reserve(min(self._timeout, frame.deadline - now))
        except CallError as error:
            done(self._late(error, now, now))
            return None
        if not wait:
            return self._inner.start(frame, done)
        return _Waiting(self._pace, frame.loop, wait, *self._ways(frame, done, now))

    def _ways(self, frame: Frame, done: Done, now: float) -> tuple[_Begin, _Late]:
        """Return what begins a call that waits since *now* (loop time), and what ends it without that."""
        cut = frame.cut_to(self._timeout)
        return (
            lambda: self._inner.start(cut, done),
            lambda error: done(self._late(error, now, frame.loop.time())),
        )

    def _late(self, error: CallError, started: float, ended: float) -> Result:
        """Return what becomes of a call whose turn does not come in time."""
        return failed(self.name, error, started, ended, upstream=self._label, rows=self._rows, attempts=0)


class Asking:
    """A turn of *pace* that others are asked for.

    *begin* is called when it has come, and what it returns is under way from then on; *late* when it would come later
    than in *left* seconds, or nothing could be begun.
    """

    __slots__ = ("_begin", "_task", "_ticket")

    def __init__(self, pace: Pace, left: float, begin: _Begin, late: _Late) -> None:
        self._begin = begin
        self._ticket: Cancelable | None = None
        self._task = asyncio.get_running_loop().create_task(self._ask(pace, left, late))

    async def _ask(self, pace: Pace, left: float, late: _Late) -> None:
        try:
            await pace.turn(left)
        except CallError as error:
            late(error)
            return
        self._ticket = _begun(self._begin, late)

    def cancel(self) -> None:
        """Cancel the wait or the call."""
        if self._ticket is not None:
            self._ticket.cancel()
        else:
            self._task.cancel()


class _Waiting:
    """A turn of *pace* that comes in *wait* seconds; see `Asking` for *begin* and *late*."""

    __slots__ = ("_begin", "_late", "_pace", "_ticket", "_timer")

    def __init__(self, pace: Pace, loop: asyncio.AbstractEventLoop, wait: float, begin: _Begin, late: _Late) -> None:
        self._pace = pace
        self._begin, self._late = begin, late
        self._ticket: Cancelable | None = None
        self._timer: asyncio.TimerHandle | None = loop.call_later(wait, self._come)

    def _come(self) -> None:
        self._timer = None
        self._ticket = _begun(self._begin, self._late)

    def cancel(self) -> None:
        """Cancel the call, and return its turn if that has not come."""
        if self._timer is not None:
            self._timer.cancel()
            self._pace.give_back()
        elif self._ticket is not None:
            self._ticket.cancel()


def _begun(begin: _Begin, late: _Late) -> Cancelable | None:
    """Return what *begin* has begun; a fault of the program ends it by *late*, or else who waits would do so for ever.

    A part that is started at once may raise to whoever starts it; in a later turn of the loop nobody is above.
    """
    try:
        return begin()
    except Exception as error:
        log(_log, logging.ERROR, "A call could not be begun by a fault of the program.", error=place_of(error))
        late(CallError(Cause.FAULT, "The server made a mistake; its log tells more."))
        return None
