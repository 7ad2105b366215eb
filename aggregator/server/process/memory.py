"""Memory tuning of the process: few garbage collections, holes filled, large blocks kept for the next body.

What a request makes is freed by reference counts. Python's default looks for cycles after every 700 objects more,
which is a few requests at once, and took a tenth of the time of a busy server. A thousand fan-outs of three in
flight are 120 000 objects; a look at those holds everything up for a tenth of a second.

All of it is in this file, and ``AGGREGATOR_MEMORY=plain`` in the environment switches all of it off.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import os
import sys
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import repeat, starmap

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
_ARENAS = 1
"""That of the thread of the loop, for all."""
_LARGE = 64 * 1024 * 1024
_POOL, _POOL_HEAD, _STEP, _MOST = 16 * 1024, 48, 16, 512
"""Python's allocator (obmalloc.c) cuts pools into blocks of one size each, from 16 bytes to 512 by steps of 16."""
_MOST_FILLED = 64 * 1024 * 1024
_BYTES = sys.getsizeof(b"")


SWITCH = "AGGREGATOR_MEMORY"
"""The variable that is ``plain`` where memory is left to Python and to the C library."""


def is_plain() -> bool:
    """Return whether memory is left as Python and the C library treat it."""
    return os.environ.get(SWITCH) == "plain"


@contextmanager
def collection_paused() -> Iterator[None]:
    """Pause the garbage collector inside: loading 5000 endpoints takes a third of the time."""
    was_on = gc.isenabled() and not is_plain()
    if was_on:
        gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def keep_loaded() -> None:
    """Exclude all current objects from garbage collection: loading leaves no cycles, and one collection takes 0.2 s."""
    if not is_plain():
        gc.freeze()


def collect_seldom() -> None:
    """Collect garbage after 200 000 more objects only, and never again among the current ones."""
    if is_plain():
        return
    gc.collect()
    gc.freeze()
    gc.set_threshold(200_000, 20, 20)


class Holes:
    """The free blocks that loading has left between others. What requests make lies close together once they are full.

    Python puts new objects into such holes first. After five thousand endpoints have been loaded these are scattered
    over more pages than the processor can keep at hand, and each request waits for them.
    """

    def __init__(self) -> None:
        self._fillings: dict[int, deque[object]] = {}
        self._have_no_end = False

    def __len__(self) -> int:
        """Return how many blocks fill holes."""
        return sum(map(len, self._fillings.values()))

    async def fill(self) -> None:
        """Fill what holes there are now, 64 MiB of them at most; requests are served between two sizes.

        What has filled holes before is given up, so that memory which nobody else uses any more is free again.
        Does nothing under another allocator than Python's, which counts no blocks, and nothing more once there were too
        many holes.
        """
        if self._have_no_end or is_plain() or not sys.getallocatedblocks():
            return
        for size in range(_STEP, _MOST + 1, _STEP):
            self._fillings.pop(size, None)
            left = _MOST_FILLED - sum(other * len(filling) for other, filling in self._fillings.items())
            filling = _filling(size, left // size)
            if filling is None:
                self._fillings.clear()
                self._have_no_end = True
                return
            self._fillings[size] = filling
            await asyncio.sleep(0)


def _filling(size: int, most: int) -> deque[object] | None:
    """Return what fills the holes of *size* bytes, None after *most* blocks: a new pool is begun when none is."""
    filling: deque[object] = deque()
    whole = (_POOL - _POOL_HEAD) // size
    while len(filling) <= most:
        blocks = _blocks(size, 3 * whole)
        fresh = {pool for pool, count in Counter(map(_pool, blocks)).items() if count == whole}
        if fresh:
            filling.extend(block for block in blocks if _pool(block) not in fresh)
            return filling
        filling.extend(blocks)
    return None


def _pool(block: object) -> int:
    return id(block) // _POOL


def _blocks(size: int, count: int) -> deque[object]:
    """Return *count* objects of *size* bytes; a deque, since a list would take and leave small blocks as it grows."""
    match size:
        case 16:
            return deque(starmap(object, repeat((), count)))
        case 32:
            return deque(map(float, repeat(0, count)))
    return deque(map(bytes, repeat(size - _BYTES, count)))


def share_arenas() -> None:
    """Make all threads allocate from glibc's first arena; by default each thread gets one of its own.

    What a thread takes goes back to its arena, and stays there: after reloads that a busy machine had done in turns by
    three threads, three arenas had room for a generation each.
    """
    if is_plain():
        return
    with suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, _ARENAS)


def keep_large_blocks() -> None:
    """Make glibc keep freed blocks of up to 64 MiB instead of returning each to the kernel.

    It maps large blocks one by one and unmaps them when freed; a body of 1 MB then costs more in page faults than
    in reading and checking it. Other C libraries are left as they are.
    """
    if is_plain():
        return
    with suppress(OSError, AttributeError, TypeError):
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_MMAP_THRESHOLD, _LARGE)
        libc.mallopt(_M_TRIM_THRESHOLD, 2 * _LARGE)
