"""How the process treats memory: few looks for garbage, and large blocks kept for the next large body.

What a request makes is freed by reference counts. Python's default looks for cycles after every 700 objects more,
which is a few requests at once, and took a tenth of the time of a busy server. A thousand fan-outs of three in
flight are 120 000 objects; a look at those holds everything up for a tenth of a second.
"""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_LARGE = 64 * 1024 * 1024


@contextmanager
def collection_paused() -> Iterator[None]:
    """Collect no cycles inside; five thousand endpoints take a third of the time that way."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def collect_seldom() -> None:
    """Look for cycles after 200 000 objects more, and never again through what is there now."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(200_000, 20, 20)


def keep_large_blocks() -> None:
    """Have glibc keep freed blocks of up to 64 MiB instead of giving each back to the kernel.

    It maps large blocks one by one and unmaps them when freed; a body of 1 MB then costs more in page faults than
    in reading and checking it. Other C libraries are left as they are.
    """
    with suppress(OSError, AttributeError, TypeError):
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_MMAP_THRESHOLD, _LARGE)
        libc.mallopt(_M_TRIM_THRESHOLD, 2 * _LARGE)
