"""A turn among processes: a file that one of them has locked (flock(2)); it is free again when that process ends."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

_PAUSE = 0.02
"""Seconds between two looks at a lock that somebody has."""


@asynccontextmanager
async def locked(path: Path) -> AsyncIterator[None]:
    """Hold the lock that is the file at *path*, once whoever has it is done; raise ``OSError`` where it cannot be made.

    No thread waits for it: a wait that is given up would take the lock later, and nobody would leave it.
    """
    place = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        while not _is_taken(place):  # noqa: ASYNC110 - the kernel tells nobody
            await asyncio.sleep(_PAUSE)
        yield
    finally:
        os.close(place)


def _is_taken(place: int) -> bool:
    from fcntl import LOCK_EX, LOCK_NB, flock  # several processes need Linux

    try:
        flock(place, LOCK_EX | LOCK_NB)
    except BlockingIOError:
        return False
    return True
