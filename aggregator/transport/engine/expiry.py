"""When connections that nobody uses are closed: each after its time, and those beyond as many as may be idle sooner.

The answers of a turn of the loop come before the requests that follow them. Connections beyond the limit that were
closed at once would be opened again in the next turn: with 32 clients and 20 that may be idle, for every ninth call.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from time import monotonic

from aggregator.transport.engine.connection import Connection

_SPARED = 1.0  # seconds that connections beyond the limit have to be used again


def _leave(_: Connection) -> None:
    """Close nothing."""


class Expiry:
    """Calls *close* for those of *idle*, the oldest first, that are *seconds* old or more than *kept* for a moment.

    *timer* is None while nothing is due.
    """

    __slots__ = ("_close", "_idle", "_kept", "_loop", "_seconds", "_sooner", "timer")

    def __init__(
        self, loop: asyncio.AbstractEventLoop, idle: OrderedDict[Connection, None], kept: int, seconds: float,
        close: Callable[[Connection], None],
    ) -> None:  # fmt: skip
        self._loop = loop
        self._idle = idle
        self._kept = kept
        self._seconds = seconds
        self._close = close
        self.timer: asyncio.TimerHandle | None = None
        self._sooner: asyncio.TimerHandle | None = None

    def watch(self) -> None:
        """See to it that what has just become idle is closed in time."""
        if self.timer is None:
            self.timer = self._loop.call_later(self._seconds, self._expire)
        if self._sooner is None and len(self._idle) > self._kept:
            self._sooner = self._loop.call_later(min(_SPARED, self._seconds), self._trim)

    def stop(self) -> None:
        """Close nothing any more, and let go of whoever did."""
        for timer in (self.timer, self._sooner):
            if timer is not None:
                timer.cancel()
        self.timer = self._sooner = None
        self._close = _leave

    def _expire(self) -> None:
        left = self._close_oldest(0, self._seconds)
        self.timer = None if left is None else self._loop.call_later(left, self._expire)

    def _trim(self) -> None:
        left = self._close_oldest(self._kept, min(_SPARED, self._seconds))
        self._sooner = None if left is None else self._loop.call_later(left, self._trim)

    def _close_oldest(self, kept: int, age: float) -> float | None:
        """Close what has been idle for *age* seconds, but *kept* of them; return the seconds until the next look."""
        now = monotonic()
        while len(self._idle) > kept:
            oldest = next(iter(self._idle))
            left = oldest.idle_since + age - now
            if left > 0.001:
                return left
            self._close(oldest)
        return None
