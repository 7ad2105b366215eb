"""Which processes use a file of effects now: each holds a lock on a file of its own, which the system ends with it.

    effects.db                    what they share
    effects.db.holder-1f0c…       locked (flock(2)) by the process that leases under that name

A process that died leaves a file that nobody locks: its leases are free, whatever any clock says. One that is stopped
keeps them until it goes on.
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path


class Holder:
    """One of the processes that use the file at *path*, this one. Making it raises ``OSError``."""

    def __init__(self, path: Path) -> None:
        self._path = path
        while True:
            self.name = secrets.token_hex(8)
            self._file = self._place(self.name)
            self._lock = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            _lock(self._lock, waits=True)
            if self._file.exists():  # nobody took it for the file of one that had died, a moment ago
                return
            os.close(self._lock)

    def _place(self, name: str) -> Path:
        return self._path.with_name(f"{self._path.name}.holder-{name}")

    def is_alive(self, name: str) -> bool:
        """Return whether the holder *name* is this one, or another that runs; the file of one that died is removed."""
        if name == self.name:
            return True
        place = self._place(name)
        try:
            lock = os.open(place, os.O_RDWR)
        except FileNotFoundError:
            return False
        try:
            _lock(lock, waits=False)
        except BlockingIOError:
            return True
        else:
            place.unlink(missing_ok=True)
            return False
        finally:
            os.close(lock)

    def sweep(self) -> None:
        """Remove the files of holders that died."""
        start = f"{self._path.name}.holder-"
        for place in self._path.parent.glob(f"{start}*"):
            self.is_alive(place.name.removeprefix(start))

    def close(self) -> None:
        """Use the file no more."""
        with suppress(OSError):
            self._file.unlink()
        self.release()

    def release(self) -> None:
        """Release the lock alone, as the system does when a process dies."""
        os.close(self._lock)


def _lock(file: int, *, waits: bool) -> None:
    """Lock *file* until it is closed; raise ``BlockingIOError`` where another has it, unless this *waits*."""
    try:
        from fcntl import LOCK_EX, LOCK_NB, flock
    except ImportError:  # Windows, where nobody else is looked for
        return
    flock(file, LOCK_EX if waits else LOCK_EX | LOCK_NB)
