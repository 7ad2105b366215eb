"""Notices an event loop that stands still, and says for how long and where.

A blocking call in a plug-in (``requests.get``, ``time.sleep``) stops every request of the process. The
server starts one watchdog beside its loop; the report comes from the watchdog's own thread.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Callable

from msgspec import Struct

from aggregator.telemetry.stacks import Standstill, standstill_of

TICK = 0.05
"""Seconds between two signs of life of the loop."""


class Stall(Struct, frozen=True):
    """One standstill of the loop, told twice: while it lasts (*over* is false) and when it has passed.

    *seconds* is how long ago the last sign of life was: the whole length, and up to ``TICK`` more; *at* is where its
    thread stood when the standstill was noticed, and nowhere if it was over before anybody looked.
    """

    seconds: float
    at: Standstill
    over: bool


class Watchdog:
    """Has the loop give a sign of life every 50 ms, and reports each time that none comes.

    *threshold* is in seconds. A standstill longer than *threshold* + ``TICK`` is always reported, one shorter than
    *threshold* never. *report* is called in the watchdog's thread and must not touch the loop.

    States: alive (the thread sleeps until a sign of life would be overdue), overdue (it has told of a standstill and
    waits for its end).
    """

    def __init__(
        self, threshold: float, report: Callable[[Stall], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._longest = threshold + TICK
        self._report = report
        self._clock = clock
        self._last = 0.0
        self._missed: list[float] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._loop_thread = 0
        self._timer: asyncio.TimerHandle | None = None
        self._wake = threading.Event()
        self._stopped = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Watch the running loop of the calling thread until ``stop``, which that thread calls."""
        self._loop_thread = threading.get_ident()
        self._stopped = False
        self._last = self._clock()
        self._loop = asyncio.get_running_loop()
        self._tick(self._loop)
        self._thread = threading.Thread(target=self._watch, name="loop-watchdog", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the watch; its thread is gone when this returns. Harmless when not started."""
        self._stopped = True
        self._wake.set()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        """Record a sign of life; the loop itself measures best how long there was none."""
        now = self._clock()
        silence, self._last = now - self._last, now
        if silence > self._longest:
            self._missed.append(silence)
            self._wake.set()
        self._timer = loop.call_later(TICK, self._tick, loop)

    def _watch(self) -> None:
        at: Standstill | None = None
        while not self._stopped:
            self._wake.wait(self._longest if at is not None else max(0.0, self._last + self._longest - self._clock()))
            self._wake.clear()
            if self._loop is None or self._loop.is_closed():
                return
            if self._missed:
                self._tell_missed(at)
                at = None
            silence = self._clock() - self._last
            if at is None and silence > self._longest and not self._stopped:
                at = self._tell(silence)
        self._tell_missed(at)

    def _tell_missed(self, at: Standstill | None) -> None:
        """Report what is over; only the first of them is what was noticed *at* a place."""
        while self._missed:
            self._report(Stall(self._missed.pop(0), at or Standstill(), over=True))
            at = None

    def _tell(self, silence: float) -> Standstill:
        frame = sys._current_frames().get(self._loop_thread)
        at = standstill_of(frame) if frame is not None else Standstill()
        self._report(Stall(silence, at, over=False))
        return at
