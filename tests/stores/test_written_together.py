"""The thread that writes a file: what shares a transaction, what fails with it, and what is told."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from aggregator.errors import StartupError, StoreError
from aggregator.stores.sqlite.opening import add_indexes, write_ahead
from aggregator.stores.sqlite.writer import Told, Writer

TOLD = Told(
    "aggregator.effects", "What is kept", "It is aside.", "It is broken.", "It is well again.", "It is a fault."
)


class Words:
    """A table of words, which counts them as it is told to."""

    def __init__(self, path: Path) -> None:
        self.db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            self.db.execute("CREATE TABLE IF NOT EXISTS words (word TEXT NOT NULL)")
        except sqlite3.Error:
            self.db.close()
            raise
        self.counts = 0
        self.number = 0
        self.is_closed = False

    def count(self) -> None:
        """Count the words."""
        self.counts += 1
        (self.number,) = self.db.execute("SELECT count(*) FROM words").fetchone()

    def close(self) -> None:
        """Close it."""
        self.is_closed = True
        self.db.close()


def add(word: str | None) -> Callable[[Words], int]:
    """Return the work that adds *word*, and gives how many there are."""

    def work(table: Words) -> int:
        table.db.execute("INSERT INTO words VALUES (?)", (word,))
        return int(table.db.execute("SELECT count(*) FROM words").fetchone()[0])

    return work


def words_in(path: Path) -> list[str]:
    """Return what is kept."""
    with sqlite3.connect(path) as db:
        found = [word for (word,) in db.execute("SELECT word FROM words")]
    db.close()
    return found


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where the file is."""
    return tmp_path / "words.db"


@pytest.fixture
def written(path: Path) -> Callable[[Callable[[Writer[Words]], Awaitable[Any]]], Any]:
    """Return what runs a test with the writer of a file, which is closed behind it."""

    def run(test: Callable[[Writer[Words]], Awaitable[Any]]) -> Any:
        writer = Writer(path, Words, TOLD)
        try:
            return asyncio.run(test(writer))  # type: ignore[arg-type]
        finally:
            writer.close()

    return run


def test_what_is_asked_for_is_on_the_disk(written, path: Path) -> None:
    """In its order, each with what it gives, once the file is closed at the latest."""

    async def test(writer: Writer[Words]) -> tuple[Words | None, list[int]]:
        return writer.table, await asyncio.gather(*(writer.submit(add(word)) for word in "abc"))

    table, found = written(test)
    assert (found, table.is_closed) == ([1, 2, 3], True)
    assert words_in(path) == ["a", "b", "c"]
    assert path.stat().st_mode & 0o777 == 0o600


def test_items_of_equal_work_are_done_by_one_call(written) -> None:
    """Those that wait at the same time; each asker has what was found for its own items, also for none."""
    calls: list[list[str]] = []

    def lengths(_: Words, items: list[str]) -> list[int]:
        calls.append(items)
        return [len(item) for item in items]

    def others(_: Words, items: list[str]) -> list[int]:
        calls.append(["others", *items])
        return [0 for _ in items]

    async def test(writer: Writer[Words]) -> list[Any]:
        gate = asyncio.Event()
        loop = asyncio.get_running_loop()
        blocked = asyncio.Event()

        def block(_: Words) -> None:
            loop.call_soon_threadsafe(blocked.set)
            asyncio.run_coroutine_threadsafe(gate.wait(), loop).result()

        blocking = writer.submit(block)
        await blocked.wait()
        asked = [
            writer.submit_all(lengths, ["a", "bb"]),
            writer.submit_all(lengths, []),
            writer.submit_all(lengths, ["ccc"]),
            writer.submit_all(others, ["d"]),
            writer.submit_all(lengths, ["e"]),
            writer.submit(add("f")),
            writer.submit_all(lengths, ["g"]),
        ]
        gate.set()
        await blocking
        return await asyncio.gather(*asked)

    assert written(test) == [[1, 2], [], [3], [0], [1], 1, [1]]
    assert calls == [["a", "bb", "ccc"], ["others", "d"], ["e"], ["g"]]


def test_what_fails_fails_all_that_shared_it(written, path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing of it is kept; it is told once, and once that it is well again; what is kept is counted anew."""

    async def test(writer: Writer[Words]) -> None:
        await writer.submit(add("a"))
        for _ in range(2):
            with pytest.raises(StoreError) as failed:
                await writer.submit(add(None))
            assert str(failed.value) == "What is kept cannot be written: NOT NULL constraint failed: words.word."
            assert writer.trouble == "NOT NULL constraint failed: words.word"
        assert writer.table is not None
        before = writer.table.counts
        assert await writer.submit(add("b")) == 2
        assert (writer.trouble, writer.table.counts) == (None, before + 1)
        assert await writer.submit(add("c")) == 3

    written(test)
    assert words_in(path) == ["a", "b", "c"]
    assert [record.message for record in caplog.records] == ["It is broken.", "It is well again."]


def test_a_fault_of_ours_ends_nothing(written, caplog: pytest.LogCaptureFixture) -> None:
    """It is told with its place, and the next work is done."""

    def fault(_: Words) -> None:
        raise LookupError("of ours")

    async def test(writer: Writer[Words]) -> None:
        with pytest.raises(StoreError, match="of ours"):
            await writer.submit(fault)
        assert await writer.submit(add("a")) == 1

    written(test)
    assert [record.message for record in caplog.records] == ["It is a fault.", "It is broken.", "It is well again."]


def test_a_file_that_was_replaced_is_begun_anew(written, path: Path) -> None:
    """What waited is refused, since it would be lost with the file; what comes next is in the new one."""

    async def test(writer: Writer[Words]) -> None:
        await writer.submit(add("a"))
        old = writer.table
        os.unlink(path)
        with pytest.raises(StoreError, match="was deleted or replaced, and with it what waited; a new one is begun"):
            await writer.submit(add("b"))
        assert await writer.submit(add("c")) == 1
        assert old is not None
        assert (old.is_closed, writer.table is not old) == (True, True)

    written(test)
    assert words_in(path) == ["c"]


def test_a_loss_is_told_while_the_file_was_broken_already(
    written, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Who makes room on a full disk by removing the file is told, once, what went with it."""

    def full(_: Words) -> None:
        raise of_sqlite(sqlite3.SQLITE_FULL, "database or disk is full")

    async def test(writer: Writer[Words]) -> None:
        await writer.submit(add("a"))
        for _ in range(2):
            with pytest.raises(StoreError, match="disk is full"):
                await writer.submit(full)
        os.unlink(path)
        with pytest.raises(StoreError, match="was deleted or replaced"):
            await writer.submit(add("b"))
        with pytest.raises(StoreError, match="disk is full"):
            await writer.submit(full)
        assert await writer.submit(add("c")) == 1

    written(test)
    told = [(record.message, vars(record)["fields"].get("reason")) for record in caplog.records]
    gone = f"{path} was deleted or replaced, and with it what waited; a new one is begun"
    assert told == [
        ("It is broken.", "database or disk is full"), ("It is broken.", gone), ("It is well again.", None),
    ]  # fmt: skip


def test_a_file_that_is_corrupt_is_put_aside(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """With what lies beside it, under a name that no other has; a new one is begun."""

    def table(where: Path) -> Words:
        if where.stat().st_size:  # SQLite itself would open, and remove, what lies beside it
            raise sqlite3.DatabaseError("file is not a database")
        return Words(where)

    for number in (1, 2):
        for tail in ("", "-wal", "-shm"):
            path.with_name(path.name + tail).write_text(f"{number}{tail}")
        Writer(path, table, TOLD).close()
        assert [record.message for record in caplog.records] == ["It is aside."] * number
        reason = {"file": f"{path}.broken{number}", "reason": "file is not a database"}
        assert vars(caplog.records[-1])["fields"] == reason
        assert path.stat().st_mode & 0o777 == 0o600
        for tail in ("", "-wal", "-shm"):
            assert path.with_name(f"words.db.broken{number}{tail}").read_text() == f"{number}{tail}"
        assert words_in(path) == []


def test_who_does_not_go_on_is_told_of_a_corrupt_file(path: Path) -> None:
    """It stays where it is."""
    path.write_bytes(b"no database" * 100)
    with pytest.raises(StartupError) as refused:
        Writer(path, Words, TOLD, goes_on=False)
    assert str(refused.value) == f"What is kept in {path} cannot be opened: file is not a database."
    assert path.read_bytes() == b"no database" * 100


def of_sqlite(code: int, words: str) -> sqlite3.Error:
    """Return an error of SQLite with its *code*."""
    error = sqlite3.OperationalError(words)
    error.sqlite_errorcode = code
    return error


FULL = [OSError(28, "No space left on device"), OSError(5, "Input/output error"), of_sqlite(13, "disk is full"),
        of_sqlite(10 | 3 << 8, "disk I/O error"), of_sqlite(8, "attempt to write a readonly database")]  # fmt: skip
OTHERS = [OSError(13, "Permission denied"), of_sqlite(5, "database is locked"), of_sqlite(0, "not told"),
          sqlite3.OperationalError("of our own")]  # fmt: skip


@pytest.mark.parametrize("error", FULL, ids=str)
def test_a_disk_that_is_full_or_broken_at_the_start(path: Path, caplog: pytest.LogCaptureFixture, error: Any) -> None:
    """It is told, and the file is opened once it can be."""
    is_full = [True]

    def table(where: Path) -> Words:
        if is_full[0]:
            raise error
        return Words(where)

    writer = Writer(path, table, TOLD)

    async def test() -> None:
        assert (writer.table, writer.trouble) == (None, str(error))
        with pytest.raises(StoreError) as failed:
            await writer.submit(add("a"))
        assert str(failed.value) == f"What is kept cannot be written: {error}."
        is_full[0] = False
        assert await writer.submit(add("b")) == 1
        assert writer.trouble is None

    try:
        asyncio.run(test())
    finally:
        writer.close()
    assert [record.message for record in caplog.records] == ["It is broken.", "It is well again."]


@pytest.mark.parametrize(
    ("error", "goes_on"), [*((error, False) for error in FULL), *((error, True) for error in OTHERS)], ids=str
)
def test_what_does_not_pass_by_itself_ends_the_start(path: Path, error: Exception, goes_on: bool) -> None:
    """Nor does who cannot go on without the file wait for its disk."""

    def table(_: Path) -> Words:
        raise error

    with pytest.raises(StartupError) as refused:
        Writer(path, table, TOLD, goes_on=goes_on)
    assert str(refused.value) == f"What is kept in {path} cannot be opened: {error}."


def test_what_nobody_waits_for_any_more_is_done_all_the_same(written, path: Path) -> None:
    """Who gave up is told nothing; what came with it is told."""

    async def test(writer: Writer[Words]) -> int:
        given_up = writer.submit(add("a"))
        given_up.cancel()
        return await writer.submit(add("b"))

    assert written(test) == 2
    assert words_in(path) == ["a", "b"]


class Locked:
    """A file that another process has locked for the first *times*."""

    def __init__(self, times: int, why: str = "database is locked") -> None:
        self.times, self.why, self.asked = times, why, 0

    def execute(self, command: str) -> None:
        """Fail, or do nothing."""
        assert command == "PRAGMA journal_mode=WAL"
        self.asked += 1
        if self.asked <= self.times:
            raise sqlite3.OperationalError(self.why)


@pytest.mark.parametrize(
    ("locked", "asked", "is_open"),
    [(Locked(0), 1, True), (Locked(99), 100, True), (Locked(100), 100, False), (Locked(9, "disk full"), 1, False)],
    ids=["free", "at last", "too long", "something else"],
)
def test_a_file_that_another_process_switches(
    monkeypatch: pytest.MonkeyPatch, locked: Any, asked: int, is_open: bool
) -> None:
    """It is waited for, a hundred times for a twentieth of a second; what is wrong else is raised at once."""
    pauses: list[float] = []
    monkeypatch.setattr("aggregator.stores.sqlite.opening.time.sleep", pauses.append)
    if is_open:
        write_ahead(locked)
    else:
        with pytest.raises(sqlite3.OperationalError, match=locked.why):
            write_ahead(locked)
    assert (locked.asked, pauses) == (asked, [0.05] * (asked - 1))


@pytest.mark.parametrize(
    ("has_rows", "told", "pauses"), [(True, ["two", "three"], [0.25]), (False, [], [])], ids=["rows", "none"]
)
def test_indexes_that_are_not_there_are_added(has_rows: bool, told: list[str], pauses: list[float]) -> None:
    """One after the other where there are rows, which is told; where there are all of them nothing is done."""
    db = sqlite3.connect(":memory:", isolation_level=None)
    db.execute("CREATE TABLE rows (a, b)")
    db.execute("CREATE INDEX one ON rows (a)")
    if has_rows:
        db.execute("INSERT INTO rows VALUES (1, 2)")
    statements: list[str] = []
    db.set_trace_callback(statements.append)
    indexes = {"one": "rows (a)", "two": "rows (b)", "three": "rows (a, b)"}
    found: tuple[list[str], list[float]] = ([], [])
    for _ in range(2):
        add_indexes(db, "rows", indexes, found[0].append, found[1].append)
    assert found == (told, pauses)
    assert statements.count("COMMIT") == 1 + has_rows
    assert {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'index'")} == indexes.keys()
    db.close()
