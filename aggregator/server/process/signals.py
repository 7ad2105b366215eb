"""Signals of the process as calls in its event loop, and the end of a process whose loop hears none."""

from __future__ import annotations

import _thread
import asyncio
import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType

from aggregator.telemetry.logging import log
from aggregator.telemetry.stacks import Standstill, standstill_of

HANG_UP: int | None = getattr(signal, "SIGHUP", None)
"""Asks for a reload; some systems do not have it."""
ROTATE: int | None = getattr(signal, "SIGUSR1", None)
"""Asks for the log file to be opened again, since somebody has moved it away."""
REPLACE: int | None = getattr(signal, "SIGUSR2", None)
"""Asks for workers in place of those that serve."""
ENDING = frozenset((signal.SIGINT, signal.SIGTERM))
"""End the process, at once when they come a second time."""
_TO_STOP = 3.0
"""Seconds after which a first signal that the loop has not heard is told of."""
_TO_HEAR, _TO_TELL, _TO_END = 0.25, 0.2, 5.0
"""Seconds that the loop has to hear a second signal, the log to say that it did not, and the loop to end if it did."""
_PAUSE = 0.01
"""Seconds between two looks whether the loop has heard."""

_log = logging.getLogger("aggregator.server")


class _Signals:
    """Passes signals on to the loop.

    States: serving; stopping (one signal of ``ENDING`` came: a thread tells if the loop does not hear it); ending (a
    second one came: a thread ends the process unless the loop does, or the context is left first).
    """

    def __init__(self, handlers: Mapping[int, Callable[[], None]], exit_process: Callable[[int], object]) -> None:
        self._loop = asyncio.get_running_loop()
        self._handlers = handlers
        self._exit = exit_process
        self._asked = self._heard = 0
        self._has_told = False
        self.is_over = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Handle a signal. It interrupts Python anywhere, with locks held, so nothing here may take a lock."""
        ends = number in ENDING
        self._asked += ends
        self._loop.call_soon_threadsafe(self._hear, number)
        if ends and self._asked <= 2:
            at = Standstill() if frame is None else standstill_of(frame)
            if self._asked == 1:
                _thread.start_new_thread(self._stop, (at,))
            else:
                _thread.start_new_thread(self._end, (number, at))

    def _hear(self, number: int) -> None:
        self._heard += number in ENDING
        self._handlers[number]()

    def _stop(self, at: Standstill) -> None:
        if not self._wait(_TO_STOP, lambda: self._heard > 0) and not self._has_told:
            self._has_told = True
            _tell(at)

    def _end(self, number: int, at: Standstill) -> None:
        if self._heard and self._wait(_TO_HEAR, lambda: self._heard > 1):
            self._wait(_TO_END, lambda: False)
        elif not (self.is_over or self._has_told):
            self._has_told = True
            _thread.start_new_thread(_tell, (at,))  # a log that is stuck, too, must not keep the process
            time.sleep(_TO_TELL)
        if not self.is_over:
            self._exit(128 + number)

    def _wait(self, seconds: float, condition: Callable[[], bool]) -> bool:
        """Wait until *condition* holds or the handlers are removed; return whether that happened within *seconds*.

        They are counted in pauses: while the whole process stands still, the loop has no time to hear either.
        """
        for _ in range(round(seconds / _PAUSE)):
            if condition() or self.is_over:
                return True
            time.sleep(_PAUSE)
        return condition() or self.is_over


def _tell(at: Standstill) -> None:
    log(_log, logging.ERROR, "The event loop is blocked; a second signal ends the process.", where=at.where,
        stack=" < ".join(at.stack))  # fmt: skip


@contextmanager
def signals_calling(
    handlers: Mapping[int, Callable[[], None]], exit_process: Callable[[int], object] = os._exit
) -> Iterator[None]:
    """Call *handlers*, by signal, as callbacks of the running loop; the previous handlers are restored at the end.

    A second signal of ``ENDING`` ends the process by *exit_process*, with 128 and the number of the signal as shells
    have it, if the loop does not hear it. Outside the main thread, which alone gets signals, nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    signals = _Signals(handlers, exit_process)
    originals = {number: signal.signal(number, signals) for number in handlers}
    try:
        yield
    finally:
        signals.is_over = True
        for number, original in originals.items():
            signal.signal(number, original)


@contextmanager
def requests_ignored() -> Iterator[None]:
    """Ignore the signals for reload and log rotation inside, while the process starts or stops."""
    asked = [number for number in (HANG_UP, ROTATE) if number is not None]
    if threading.current_thread() is not threading.main_thread():
        asked = []
    originals = {number: signal.signal(number, signal.SIG_IGN) for number in asked}
    try:
        yield
    finally:
        for number, original in originals.items():
            signal.signal(number, original)
