"""The clock of deadlines, read in the thread of the loop or in one that works for it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextvars import Context, ContextVar, copy_context

_CLOCK: ContextVar[Callable[[], float] | None] = ContextVar("clock", default=None)


def loop_time() -> float | None:
    """Return loop time, of the loop that this thread works for where it has none; None where neither is known."""
    try:
        return asyncio.get_running_loop().time()
    except RuntimeError:
        clock = _CLOCK.get()
        return None if clock is None else clock()


def context_in_thread(loop: asyncio.AbstractEventLoop) -> Context:
    """Return a copy of this context for a thread that works for *loop*: there ``loop_time`` is its time."""
    context = copy_context()
    context.run(_CLOCK.set, _clock_of(loop))
    return context


def _clock_of(loop: asyncio.AbstractEventLoop) -> Callable[[], float]:
    """Return the clock of *loop* for other threads.

    That of uvloop moves on what belongs to the loop alone, and counts as ``time.monotonic`` does.
    """
    return time.monotonic if type(loop).__module__ == "uvloop" else loop.time
