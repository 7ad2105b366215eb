"""A start while the disk is full or broken: all else is served, and effects are kept once they can be."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from aggregator.errors import StartupError
from aggregator.stores.effects import table
from aggregator.stores.effects.file import EffectsInFile
from tests.effects.conftest import document, down, process
from tests.policies.conftest import START


@contextmanager
def failing(monkeypatch: pytest.MonkeyPatch, code: int) -> Iterator[None]:
    """Have each file of effects fail with the *code* of SQLite when it is opened."""

    def refuse(_: sqlite3.Connection) -> None:
        error = sqlite3.OperationalError("so it is")
        error.sqlite_errorcode = code
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(table, "write_ahead", refuse)
        yield


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """Yield what ends with the test."""
    with ExitStack() as made:
        yield made


@pytest.mark.parametrize("code", [sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_READONLY])
def test_a_start_on_a_disk_that_fails_loses_nothing(
    tmp_path: Path, code: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, stack: ExitStack
) -> None:
    """Requests are refused until there is room again; then what waited before the start is delivered, too."""
    with process(tmp_path, document(), down) as served:
        assert served.sign_up("before") == [201]
    with failing(monkeypatch, code):
        served = stack.enter_context(process(tmp_path, document(), now=START + 60))
        assert served.sign_up("meanwhile") == [503]
        assert caplog.messages.count("Durable effects cannot be written.") == 1
    served.until(lambda: served.outbox.trouble is None)
    assert served.sign_up("after") == [201]
    served.settle(sent=2)
    assert "Durable effects can be written again." in caplog.messages


@pytest.mark.parametrize(("full", "sent"), [("drop", []), ("memory", [b'{"to":"a"}'])])
def test_what_is_declared_holds_from_the_start(
    tmp_path: Path, full: str, sent: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer is given; the effect is dropped, or made as one that is not durable."""
    with failing(monkeypatch, sqlite3.SQLITE_FULL), process(tmp_path, document(durable=f"full: {full}")) as served:
        assert served.sign_up("a") == [201]
        served.until(lambda: len(served.requests) == len(sent))
        assert [call.content for call in served.requests] == sent


@pytest.mark.parametrize("code", [sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_BUSY])
def test_what_no_disk_is_to_blame_for_ends_the_start(
    tmp_path: Path, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that may not be opened, or that another process holds for a minute, is told before anything is served."""
    with failing(monkeypatch, code), pytest.raises(StartupError, match="cannot be opened: so it is"):
        EffectsInFile(tmp_path, "normal")


@pytest.mark.parametrize("tail", ["", "-wal", "-shm"])
def test_a_file_that_may_not_be_written_ends_the_start(
    tmp_path: Path, tail: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told which one, though SQLite fails as it does on a file system that is read-only."""
    file = tmp_path / f"effects.db{tail}"
    file.touch()
    monkeypatch.setattr(os, "access", lambda asked, _: asked != file)  # tests may be run by who may write anything
    said = f"effects.db{tail} may be read by this user, and not written"
    with failing(monkeypatch, sqlite3.SQLITE_READONLY), pytest.raises(StartupError, match=said):
        EffectsInFile(tmp_path, "normal")


def test_a_file_system_that_is_read_only_for_a_while_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stack: ExitStack
) -> None:
    """Nobody may write there, which is of the disk."""
    monkeypatch.setattr(os, "access", lambda *_: False)
    read_only = SimpleNamespace(f_flag=os.ST_RDONLY)
    with failing(monkeypatch, sqlite3.SQLITE_READONLY), monkeypatch.context() as patch:
        patch.setattr(os, "statvfs", lambda _: read_only)
        served = stack.enter_context(process(tmp_path, document()))
        assert served.outbox.trouble == "so it is"


def test_a_command_does_not_wait_for_a_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says why it cannot read the file."""
    with failing(monkeypatch, sqlite3.SQLITE_FULL), pytest.raises(StartupError, match="so it is"):
        EffectsInFile(tmp_path, "normal", goes_on=False)
