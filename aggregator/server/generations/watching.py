"""Notices that a watched file was saved; folders are watched, since mounted files change by a link beside them."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing, suppress
from functools import partial
from pathlib import Path

from aggregator.server.generations.settling import Stamp, settle, sight, stamp
from aggregator.telemetry.logging import log

_log = logging.getLogger("aggregator.server")
_DEBOUNCE_MS = _STEP_MS = 100
"""Milliseconds of quiet that are waited for. Each step wakes a thread, which takes the interpreter from the loop."""
LOOK_MS = 1000
"""Milliseconds between two looks at the files when nothing is heard of them: some file systems tell nothing."""


async def watch_files(files: Callable[[], Iterable[Path]], wake: asyncio.Event) -> None:
    """Set *wake* once at first, and whenever one of *files* (or folders) has changed and is completely written.

    What *files* returns may change at any time. Runs until cancelled.
    """
    seen: Stamp | None = None
    while True:
        watched = tuple(files())
        folders = await asyncio.to_thread(_folders, watched)
        async with aclosing(_ticks(folders)) as ticks:
            async for _ in ticks:
                now, folders_now = await asyncio.to_thread(_look, watched)  # a file system may be slow
                if now != seen:
                    seen = await settle(now, partial(asyncio.to_thread, sight, watched, seen))
                    wake.set()
                    folders_now = await asyncio.to_thread(_folders, watched)
                if tuple(files()) != watched or folders_now != folders:
                    break


async def _ticks(folders: frozenset[Path]) -> AsyncGenerator[None, None]:
    """Yield a tick soon after something happened in *folders*, and one every second."""
    from watchfiles import awatch

    yield
    try:
        changes = awatch(*folders, watch_filter=None, debounce=_DEBOUNCE_MS, step=_STEP_MS, rust_timeout=LOOK_MS,
                         yield_on_timeout=True, recursive=False)  # fmt: skip
        async with aclosing(changes):
            async for _ in changes:
                yield
    except (OSError, RuntimeError) as error:  # the system has no watches left, or a folder has gone
        log(_log, logging.WARNING, "Files cannot be watched; they are looked at every second.", reason=str(error))
        while True:
            await asyncio.sleep(LOOK_MS / 1000)
            yield


def _look(files: tuple[Path, ...]) -> tuple[Stamp, frozenset[Path]]:
    return stamp(files), _folders(files)


def _folders(files: Iterable[Path]) -> frozenset[Path]:
    """Return the folders in which a change of *files* shows, as they are named and as links lead."""
    found: set[str] = set()
    for file in files:
        with suppress(OSError, ValueError):  # a relative name whose folder is no more, a name that no file can have
            names = (str(file.absolute()), os.path.realpath(file))
            found.update([names[0]] if os.path.isdir(file) else map(os.path.dirname, names))
    return frozenset(Path(folder) for folder in found if os.path.isdir(folder))
