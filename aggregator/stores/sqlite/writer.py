"""The one thread that writes a file: what is asked for at the same time shares a transaction, and its fsync.

    open ── a commit fails ──▶ broken (``trouble`` says why) ── a commit succeeds ──▶ open ── close() ──▶ closed
                                ▲
    made ── its disk fails ─────┘  (there is no table yet: each commit tries to open one)

A file that was deleted or replaced under it is noticed before the next commit, which fails; a new one is begun.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from errno import EDQUOT, EIO, ENOSPC, EROFS
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Generic, Protocol, TypeVar

from msgspec import Struct

from aggregator.errors import StartupError, StoreError, place_of
from aggregator.telemetry.logging import log

_MOST = 512
"""Pieces of work in one transaction."""


class Table(Protocol):
    """An open file; used by one thread, raises ``sqlite3.Error``."""

    db: sqlite3.Connection

    def count(self) -> None:
        """Count what is kept: at the beginning of each transaction, and after one that failed."""

    def close(self) -> None:
        """Close the file."""


_T = TypeVar("_T")
_Item = TypeVar("_Item")
_Table = TypeVar("_Table", bound=Table)


_OF_DISK = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY})
"""Primary codes of SQLite that say that a disk is full or broken, which may pass."""


class Told(Struct, frozen=True):
    """Sentences of the log *log_name* about a file: that it is *aside*, *broken*, or whole *again*; and of a *fault*.

    *what* is kept there stands in messages of errors.
    """

    log_name: str
    what: str
    aside: str
    broken: str
    again: str
    fault: str


class _GoneError(OSError):
    """The file that was opened is not at its place any more, and what was in it is lost."""


class _Job(Struct, eq=False):
    """A piece of *work*; one with *items* is done together with those after it that have the same work."""

    work: Callable[..., Any]
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]
    items: list[Any] | None = None


class Writer(Generic[_Table]):
    """The file at *path*, and its thread; what becomes of it is *told*."""

    def __init__(self, path: Path, table: Callable[[Path], _Table], told: Told, *, goes_on: bool = True) -> None:
        """Open the file as a *table*. Raises ``StartupError``.

        Who *goes_on* without it has one that is corrupt put aside, and one whose disk is full or broken opened once it
        can be; both are told.
        """
        self._goes_on = goes_on
        self._path = path
        self._open = table
        self._told = told
        self._log = logging.getLogger(told.log_name)
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self.trouble: str | None = None
        """Why nothing can be written at the moment, None while it can."""
        self.table: _Table | None = None
        try:
            self.table = self._opened()
        except (sqlite3.Error, OSError) as error:
            barred = _barred(path) if _code_of(error) == sqlite3.SQLITE_READONLY else None
            if barred is not None or not (goes_on and _is_of_disk(error)):
                reason = error if barred is None else f"{barred.name} may be read by this user, and not written"
                raise StartupError(f"{told.what} in {path} cannot be opened: {reason}.") from None
            self._tell(str(error))
        self._thread = threading.Thread(target=self._run, name=told.log_name, daemon=True)
        self._thread.start()

    def submit(self, work: Callable[[_Table], _T]) -> asyncio.Future[_T]:
        """Return what *work* gives once that is on the disk; ``StoreError`` when it cannot be written."""
        return self._submit(work, None)

    def submit_all(
        self, work: Callable[[_Table, list[_Item]], list[_T]], items: list[_Item]
    ) -> asyncio.Future[list[_T]]:
        """Return what *work* gives for each of *items* once that is on the disk; ``StoreError`` when it cannot be.

        It is called once for all items that wait at the same time for work that is equal.
        """
        return self._submit(work, items)

    def _submit(self, work: Callable[..., Any], items: list[Any] | None) -> asyncio.Future[Any]:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        self._jobs.put(_Job(work, loop, future, items))
        return future

    def close(self) -> None:
        """Carry out what was submitted, then close the file; wait for the thread."""
        self._jobs.put(None)
        self._thread.join()
        if self.table is not None:
            self.table.close()

    def _opened(self) -> _Table:
        self._path.touch(mode=0o600)
        try:
            table = self._open(self._path)
        except sqlite3.DatabaseError as error:
            is_well = isinstance(error, sqlite3.OperationalError)  # locked, or the disk is full
            if is_well or not self._goes_on:
                raise
            aside = self._put_aside()
            log(self._log, logging.ERROR, self._told.aside, file=str(aside), reason=str(error))
            self._path.touch(mode=0o600)
            table = self._open(self._path)
        self._inode = self._path.stat().st_ino
        return table

    def _put_aside(self) -> Path:
        """Return where the file is from now on, under a name that no other has."""
        number = 1
        while (aside := self._path.with_name(f"{self._path.name}.broken{number}")).exists():
            number += 1
        self._path.replace(aside)
        for tail in ("-wal", "-shm"):
            beside = self._path.with_name(self._path.name + tail)
            if beside.exists():
                beside.replace(aside.with_name(aside.name + tail))
        return aside

    def _run(self) -> None:
        is_open = True
        while is_open:
            jobs = [self._jobs.get()]
            while len(jobs) < _MOST and not self._jobs.empty():
                jobs.append(self._jobs.get())
            is_open = None not in jobs
            due = [job for job in jobs if job is not None]
            if due:
                _answer(due, self._commit(due))

    def _commit(self, jobs: list[_Job]) -> list[Any]:
        """Return what each of *jobs* gives, all of them kept; or, for all of them, why nothing is."""
        try:
            found = _in_one(self._table(), jobs)
        except (sqlite3.Error, OSError) as error:
            return [self._fail(error)] * len(jobs)
        except Exception as error:  # a fault of ours must not end the thread
            log(self._log, logging.ERROR, self._told.fault, error=place_of(error))
            return [self._fail(error)] * len(jobs)
        if self.trouble is not None:
            log(self._log, logging.WARNING, self._told.again, file=str(self._path))
            self.trouble = None
        return found

    def _fail(self, error: Exception) -> StoreError:
        """Return what is told of *error*; what is kept is counted again, as some of it was not kept after all."""
        reason = str(error)
        self._tell(reason, is_loss=isinstance(error, _GoneError))
        table = self.table
        try:
            if table is None:
                pass
            elif self._is_same_file():
                table.count()
            else:
                self.table = self._opened()
                table.close()
        except (sqlite3.Error, OSError) as another:
            reason = str(another)
        return StoreError(f"{self._told.what} cannot be written: {reason}.")

    def _tell(self, reason: str, *, is_loss: bool = False) -> None:
        """Have ``trouble`` say the *reason* why nothing can be written, and the log once; and of each loss."""
        if self.trouble is None or (is_loss and self.trouble != reason):
            log(self._log, logging.ERROR, self._told.broken, file=str(self._path), reason=reason)
        self.trouble = reason

    def _table(self) -> _Table:
        """Return the open file, which may not have been until now.

        Raises ``_GoneError`` when it is not the one that was opened: what is written would be lost with it.
        """
        if self.table is None:
            self.table = self._opened()
        if not self._is_same_file():
            raise _GoneError(f"{self._path} was deleted or replaced, and with it what waited; a new one is begun")
        return self.table

    def _is_same_file(self) -> bool:
        try:
            return self._path.stat().st_ino == self._inode
        except FileNotFoundError:
            return False


def _is_of_disk(error: sqlite3.Error | OSError) -> bool:
    """Return whether *error* is about a disk that is full or broken, and not about what is on it, or who asks."""
    if isinstance(error, OSError):
        return error.errno in {ENOSPC, EDQUOT, EIO, EROFS}
    return _code_of(error) in _OF_DISK


def _code_of(error: sqlite3.Error | OSError) -> int:
    """Return the primary code of SQLite for *error*; the rest of it says more of that."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _barred(path: Path) -> Path | None:
    """Return which of the files of *path* this user may not write, None where only a disk that is read-only keeps it.

    SQLite has one code for both.
    """
    if os.statvfs(path.parent).f_flag & os.ST_RDONLY:
        return None
    files = (path.with_name(path.name + tail) for tail in ("", "-wal", "-shm"))
    return next((file for file in files if file.exists() and not os.access(file, os.W_OK)), None)


def _in_one(table: Table, jobs: list[_Job]) -> list[Any]:
    """Return what *jobs* give, in one transaction."""
    table.db.execute("BEGIN IMMEDIATE")
    try:
        table.count()  # other processes may have changed it
        found = [value for together in _together(jobs) for value in _done(table, together)]
        table.db.execute("COMMIT")
    except BaseException:
        if table.db.in_transaction:
            table.db.execute("ROLLBACK")
        raise
    return found


def _together(jobs: list[_Job]) -> list[list[_Job]]:
    """Return *jobs* in their order, those in one list that are done by one call."""
    found: list[list[_Job]] = []
    for job in jobs:
        if found and job.items is not None and found[-1][0].items is not None and found[-1][0].work == job.work:
            found[-1].append(job)
        else:
            found.append([job])
    return found


def _done(table: Table, jobs: list[_Job]) -> list[Any]:
    """Return what each of *jobs* gives, which are done by one call."""
    work = jobs[0].work
    if jobs[0].items is None:
        return [work(table)]
    found = iter(work(table, [item for job in jobs for item in job.items or ()]))
    return [[*itertools.islice(found, len(job.items or ()))] for job in jobs]


def _answer(jobs: list[_Job], found: list[Any]) -> None:
    """Hand over what was *found*, in one step of the loop."""

    def resolve() -> None:
        for job, value in zip(jobs, found, strict=True):
            if job.future.done():
                continue
            if isinstance(value, StoreError):
                job.future.set_exception(value)
            else:
                job.future.set_result(value)

    with suppress(RuntimeError):  # the loop is closed: nobody waits any more
        jobs[0].loop.call_soon_threadsafe(resolve)
