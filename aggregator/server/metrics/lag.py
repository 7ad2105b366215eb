"""How late the event loop is: a timer that says by how much it was late."""

from __future__ import annotations

import asyncio

_TICK = 0.25
_WINDOW = 15.0


class LoopLag:
    """The longest delay of a timer, in the present window of 15 seconds and the one before. Stopped until ``start``."""

    __slots__ = ("_before", "_ends", "_loop", "_now", "_timer")

    def __init__(self) -> None:
        self._timer: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._now = self._before = self._ends = 0.0

    @property
    def longest(self) -> float:
        """Seconds by which a timer was late, at most."""
        return round(max(self._now, self._before), 6)

    def start(self) -> None:
        """Measure in the running loop."""
        self._loop = asyncio.get_running_loop()
        self._ends = self._loop.time() + _WINDOW
        self._plan(self._loop)

    def stop(self) -> None:
        """Measure no longer; harmless when not started."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _plan(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = loop.call_later(_TICK, self._tick, loop, loop.time() + _TICK)

    def _tick(self, loop: asyncio.AbstractEventLoop, due: float) -> None:
        now = loop.time()
        if now > self._ends:
            self._before, self._now, self._ends = self._now, 0.0, now + _WINDOW
        self._now = max(self._now, now - due)
        self._plan(loop)
