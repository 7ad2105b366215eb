"""The folder of `state`: files that outlive the process.

Each is whole at every moment, whenever the process ends.

state/
    lock                    held by the one process that writes here
    switches.json           what is kept, a file for each thing
    switches.json.new       what is being written
    switches.json.broken    what could not be read, put aside
"""

from __future__ import annotations

import logging
import os
import stat
import threading
from contextlib import suppress
from pathlib import Path
from typing import Final

from aggregator.errors import StartupError, StoreError
from aggregator.telemetry.logging import log

_log = logging.getLogger("aggregator.server")
_LOCK: Final = "lock"
_MODE: Final = 0o600
"""The files are for this user alone: a name in them may be that of a customer."""


class Files:
    """The files in the folder at *path*, which somebody has made and holds."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._writing = threading.Lock()

    def read(self, name: str) -> bytes | None:
        """Return what the file *name* holds, None when there is none; raise ``StartupError`` when it cannot be read."""
        try:
            return (self.path / name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StartupError(f"What was kept in {self.path / name} cannot be read: {error.strerror}.") from None

    def replace(self, name: str, content: bytes) -> None:
        """Replace the file *name* by *content*; it is on the disk when this returns. Raises ``StoreError``.

        Until then it holds what it held: the content is written beside it and renamed (rename(2)).
        """
        place = self.path / name
        try:
            with self._writing:
                _write(place, content)
        except OSError as error:
            raise StoreError(f"{place} cannot be written: {error.strerror}.") from None

    def put_aside(self, name: str) -> Path:
        """Return where the file *name* is from now on, out of the way; raise ``StartupError`` if that fails."""
        aside = self.path / f"{name}.broken"
        try:
            (self.path / name).replace(aside)
        except OSError as error:
            raise StartupError(_unusable(self.path, error)) from None
        return aside


class StateFolder(Files):
    """The folder at *path*, which belongs to this process until ``close``."""

    def __init__(self, path: Path) -> None:
        """Make the folder where there is none, and take it; raise ``StartupError`` when this process cannot."""
        super().__init__(path)
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = os.open(path / _LOCK, os.O_RDWR | os.O_CREAT, _MODE)
        except OSError as error:
            raise StartupError(_unusable(path, error)) from None
        try:
            _take(self._lock, path)
            self._try()
        except BaseException:
            self.close()
            raise
        _tell_open(path)

    def _try(self) -> None:
        """Write a file and remove it, so that what cannot be written is told at the start and not hours later."""
        try:
            self.replace("try", b"")
            (self.path / "try").unlink()
        except (OSError, StoreError) as error:
            raise StartupError(_unusable(self.path, error)) from None

    def close(self) -> None:
        """Release the folder for another process."""
        os.close(self._lock)


def _tell_open(path: Path) -> None:
    """Log that others may put files in the place of those in the folder at *path*, if they may."""
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & (stat.S_IWGRP | stat.S_IWOTH):
        told = "Others may write to the folder of `state`: make it `chmod go-w`."
        log(_log, logging.WARNING, told, folder=str(path), mode=f"{mode:04o}")


def _take(lock: int, path: Path) -> None:
    """Hold *lock* until it is closed; raise ``StartupError`` while another process holds it."""
    try:
        from fcntl import LOCK_EX, LOCK_NB, flock
    except ImportError:  # Windows, where nobody else is looked for
        return
    try:
        flock(lock, LOCK_EX | LOCK_NB)
    except BlockingIOError:
        message = f"Another process keeps its state in {path}: give each process a folder of its own."
        raise StartupError(message) from None
    except OSError as error:
        raise StartupError(_unusable(path, error)) from None


def _write(place: Path, content: bytes) -> None:
    fresh = place.with_name(f"{place.name}.new")
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _MODE), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(place)
    _sync_names(place.parent)


def _sync_names(path: Path) -> None:
    """Sync the names in the folder to the disk; where a folder cannot be opened, the system does it in time."""
    with suppress(PermissionError):
        folder = os.open(path, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _unusable(path: Path, error: OSError | StoreError) -> str:
    why = error.strerror if isinstance(error, OSError) else error
    return f"The folder of `state`, {path}, cannot be used: {str(why).rstrip('.')}."
