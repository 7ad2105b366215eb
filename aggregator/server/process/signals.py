"""Signals of the process as calls in its event loop."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType

HANG_UP: int | None = getattr(signal, "SIGHUP", None)
"""Asks for a reload; some systems do not have it."""


@contextmanager
def signals_calling(handlers: Mapping[int, Callable[[], None]]) -> Iterator[None]:
    """Have *handlers* called, by signal, as the running loop's own callbacks; what was there before comes back.

    A signal interrupts Python anywhere, so nothing is done at once. Outside the main thread, which alone gets
    signals, nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()

    def pass_on(number: int, _: FrameType | None) -> None:
        loop.call_soon_threadsafe(handlers[number])

    originals = {number: signal.signal(number, pass_on) for number in handlers}
    try:
        yield
    finally:
        for number, original in originals.items():
            signal.signal(number, original)


@contextmanager
def hang_up_ignored() -> Iterator[None]:
    """Let nobody end the process by asking for a reload while it is starting, or stopping."""
    if HANG_UP is None or threading.current_thread() is not threading.main_thread():
        yield
        return
    original = signal.signal(HANG_UP, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(HANG_UP, original)
