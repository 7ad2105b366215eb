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


class Stall(Struct, frozen=True):
    """One standstill of the loop, told twice: while it lasts (*over* is false) and when it has passed.

    *seconds* is how long the loop has not answered so far, at least; *at* is where its thread stood when the
    standstill was noticed.
    """

    seconds: float
    at: Standstill
    over: bool


class Watchdog:
    """Asks the loop for a sign of life a few times a second, and reports each time that it gets none.

    *threshold* is in seconds. A standstill longer than *threshold* + *interval* is always noticed, one
    shorter than *threshold* never. *report* is called in the watchdog's thread and must not touch the loop.
    """

    def __init__(
        self,
        threshold: float,
        report: Callable[[Stall], None],
        clock: Callable[[], float] = time.monotonic,
        *,
        interval: float = 0.5,
    ) -> None:
        self._threshold = threshold
        self._report = report
        self._clock = clock
        self._interval = interval
        self._loop: asyncio.AbstractEventLoop | None = None
        self._loop_thread = 0
        self._alive = threading.Event()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Watch the running loop of the calling thread until ``stop``."""
        self._loop = asyncio.get_running_loop()
        self._loop_thread = threading.get_ident()
        self._stopped.clear()
        self._thread = threading.Thread(target=self._watch, name="loop-watchdog", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the watch; its thread is gone when this returns. Harmless when not started."""
        self._stopped.set()
        self._alive.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _watch(self) -> None:
        while not self._stopped.wait(self._interval):
            asked = self._clock()
            self._alive.clear()
            if self._stopped.is_set() or not self._ask():
                return
            if not self._alive.wait(self._threshold):
                self._tell(asked)

    def _ask(self) -> bool:
        """Ask the loop for a sign of life; false when it is closed and will never give one."""
        assert self._loop is not None
        try:
            self._loop.call_soon_threadsafe(self._alive.set)
        except RuntimeError:
            return False
        return True

    def _tell(self, asked: float) -> None:
        frame = sys._current_frames().get(self._loop_thread)
        at = standstill_of(frame) if frame is not None else Standstill()
        self._report(Stall(self._clock() - asked, at, over=False))
        self._alive.wait()
        self._report(Stall(self._clock() - asked, at, over=True))
