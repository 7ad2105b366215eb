"""Notices that a watched file was saved; folders are watched, since mounted files change by a link beside them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

_PAUSE_MS = 100
Stamp = tuple[tuple[str, int, int, int], ...]


async def watch_files(files: Callable[[], Iterable[Path]], wake: asyncio.Event) -> None:
    """Set *wake* whenever one of *files* has changed; what they are may change as well. Runs until cancelled."""
    from watchfiles import awatch

    while True:
        watched = tuple(files())
        seen = stamp(watched)
        folders = {file.absolute().parent for file in watched} | {file.resolve().parent for file in watched}
        changed = asyncio.Event()
        async for _ in awatch(*folders, debounce=_PAUSE_MS, step=50, recursive=False, stop_event=changed):
            now = stamp(watched)
            if now != seen:
                seen = now
                wake.set()
            if tuple(files()) != watched:
                changed.set()


def stamp(files: Iterable[Path]) -> Stamp:
    """Give what tells one state of *files* from another: identity, size and time of change of each."""
    found = []
    for file in files:
        with suppress(OSError):
            status = file.stat()
            found.append((str(file), status.st_ino, status.st_size, status.st_mtime_ns))
    return tuple(found)
