"""Waits until files that are being written are whole, so that no half of one is served.

Half of a YAML file is often valid. A file counts as whole when its size and time of change have stood still for a
moment and no process has it open for writing.
"""

from __future__ import annotations

import asyncio
import os
import stat
import sys
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from pathlib import Path
from signal import Signals
from typing import NamedTuple

Stamp = tuple[tuple[str, int, int, int], ...]

STEP = 0.05
"""Seconds between two looks at files that are changing."""
_STILL = 3
"""Looks in a row that have to find a file unchanged."""
_OPEN = 20
"""Looks in a row that find a file unchanged but still open for writing, after which it is read all the same."""
_MOST = 200
"""Looks at files that never stand still, after which they are read all the same."""


class Sight(NamedTuple):
    """The result of one look at the watched files: their *stamp*, and whether a changed file *is_open* for writing."""

    stamp: Stamp
    is_open: bool = False


async def settle(
    first: Stamp, look: Callable[[], Awaitable[Sight]], sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
) -> Stamp:
    """Return the stamp of the files once they stand still; *first* is the one that was found just now.

    That takes 150 ms, and up to a second more while a process has one of them open for writing. Files that change at
    every look are waited for 10 seconds at most.
    """
    seen, same = first, 0
    for _ in range(_MOST):
        await sleep(STEP)
        now, is_open = await look()
        seen, same = now, same + 1 if now == seen else 0
        if same >= (_OPEN if is_open else _STILL):
            break
    return seen


def stamp(files: Iterable[Path]) -> Stamp:
    """Return what tells one state of *files* from another: identity, size and time of change of each."""
    found: list[tuple[str, int, int, int]] = []
    for file in files:
        try:
            status = file.stat()
        except (OSError, ValueError):
            found.append((str(file), 0, 0, 0))
        else:
            found.append((str(file), status.st_ino, status.st_size, status.st_mtime_ns))
    return tuple(found)


def sight(files: Iterable[Path], before: Stamp | None) -> Sight:
    """Return what a look at *files* finds now; only those that differ from *before* are asked for writers."""
    now = stamp(files)
    known = set(before or ())
    return Sight(now, any(is_being_written(entry[0]) for entry in now if entry not in known))


def is_being_written(name: str) -> bool:
    """Return whether a process has the regular file *name* open for writing.

    Linux refuses a read lease on such a file (fcntl(2), F_SETLEASE). Where the system has no leases, or grants none on
    files of another user, nothing is known and the answer is false.
    """
    if sys.platform == "linux":
        from fcntl import F_RDLCK, F_SETLEASE, F_SETSIG, F_UNLCK, fcntl

        with suppress(OSError, ValueError):
            file = os.open(name, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                if stat.S_ISREG(os.fstat(file).st_mode):
                    fcntl(file, F_SETSIG, Signals.SIGURG)  # sent to who opens it now, for a deadly SIGIO
                    fcntl(file, F_SETLEASE, F_RDLCK)
                    fcntl(file, F_SETLEASE, F_UNLCK)
            except BlockingIOError:
                return True
            finally:
                os.close(file)
    return False
