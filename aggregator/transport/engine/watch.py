"""One timer for all the calls of a pool: what has a deadline asks to be looked at by then, and most never are.

Calls usually end long before they are due, and come due in the order in which they started. So the timer
stands at the earliest due time of them all, fires about once per timeout instead of once per call, and is
set again from those that are still running.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable

_GRAIN = 0.001  # uvloop's timers and its clock count milliseconds


class Watch:
    """Calls *inspect* with the loop time when *due* has come; it gives the next due time."""

    __slots__ = ("_inspect", "_loop", "_timer", "due")

    def __init__(self, loop: asyncio.AbstractEventLoop, inspect: Callable[[float], float]) -> None:
        self._loop = loop
        self._inspect = inspect
        self._timer: asyncio.TimerHandle | None = None
        self.due = math.inf

    def by(self, when: float) -> None:
        """Fire no later than *when*."""
        if when < self.due:
            if self._timer is not None:
                self._timer.cancel()
            self.due = when
            self._timer = self._loop.call_at(when, self._fire)

    def stop(self) -> None:
        """Stop the timer."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self.due = None, math.inf

    def close(self) -> None:
        """Stop for good, and let go of what was watched."""
        self.stop()
        self._inspect = _nothing

    def _fire(self) -> None:
        self._timer, self.due = None, math.inf
        self.by(self._inspect(self._loop.time() + _GRAIN))


def _nothing(_now: float) -> float:
    return math.inf
