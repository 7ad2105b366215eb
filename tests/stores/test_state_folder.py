"""The folder of `state`: whole files whenever the process ends, one process at a time, told at the start."""

from __future__ import annotations

import asyncio
import os
import stat
from pathlib import Path

import pytest

from aggregator.errors import StartupError, StoreError
from aggregator.stores import kept
from aggregator.stores.folder import StateFolder
from aggregator.stores.kept import Kept


@pytest.fixture
def folder(tmp_path):
    """Return a folder that is this process's."""
    folder = StateFolder(tmp_path / "state")
    yield folder
    folder.close()


def numbers(folder: StateFolder, values: list[int]) -> Kept[list[int]]:
    """Return a file of numbers that keeps *values*."""
    return Kept(folder, "numbers", list[int], lambda: values)


def said(caplog) -> list[str]:
    """Return the sentences of the log."""
    return [record.getMessage() for record in caplog.records]


def test_what_was_saved_is_there_again(folder):
    """What one process saved is what the next one loads."""
    asyncio.run(numbers(folder, [1, 2]).save())
    assert numbers(folder, []).load() == [1, 2]


def test_nothing_is_there_at_first(folder):
    """A folder that is new holds nothing, and that is no problem."""
    assert numbers(folder, []).load() is None


def test_others_of_the_machine_cannot_read_it(folder):
    """The folder and its files are for this user alone."""
    folder.replace("a", b"1")
    modes = [stat.S_IMODE(os.stat(path).st_mode) for path in (folder.path, folder.path / "a")]
    assert modes == [0o700, 0o600]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_process_that_ends_while_it_writes_leaves_what_was(folder, monkeypatch, step):
    """Until everything is on the disk the old content stands."""
    folder.replace("a", b"old")
    owner = os if step == "fsync" else Path

    def dies(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(owner, step, dies)
    with pytest.raises(StoreError, match="cannot be written: No space left on device"):
        folder.replace("a", b"new")
    assert folder.read("a") == b"old"


@pytest.mark.parametrize(
    "content", [b"", b"{", b'{"version": 1, "data": ["x"]}', b'{"version": 2, "data": [1]}', b"[]", b"\xff\x00"]
)
def test_a_broken_file_is_put_aside_and_told(folder, caplog, content):
    """It begins anew; what could not be understood is there still, for somebody to look at."""
    folder.replace("numbers.json", content)
    assert numbers(folder, []).load() is None
    assert (folder.path / "numbers.json.broken").read_bytes() == content
    assert said(caplog) == ["What was kept is not understood; it begins anew."]
    assert numbers(folder, []).load() is None


def test_two_processes_do_not_share_a_folder(folder):
    """The second one says so at its start; when the first has ended it may have it."""
    with pytest.raises(StartupError, match=r"Another process keeps its state in .*: give each process a folder of its"):
        StateFolder(folder.path)


def test_a_folder_is_left_to_the_next_process(tmp_path):
    """A folder that was closed can be opened again."""
    StateFolder(tmp_path).close()
    StateFolder(tmp_path).close()


def test_a_folder_that_cannot_be_made_is_told_at_the_start(tmp_path):
    """Whoever starts it learns which folder, and why."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StartupError, match=r"The folder of `state`, .*file/state, cannot be used: Not a directory\."):
        StateFolder(tmp_path / "file" / "state")


def test_a_folder_that_cannot_be_written_is_told_at_the_start(tmp_path, monkeypatch):
    """It is tried before anything depends on it."""
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError(30, "Read-only file system")))
    with pytest.raises(StartupError, match=r"cannot be used: .*Read-only file system"):
        StateFolder(tmp_path)
    monkeypatch.undo()
    StateFolder(tmp_path).close()


def test_a_file_that_cannot_be_read_is_told_at_the_start(folder):
    """It is not overwritten by what begins anew."""
    (folder.path / "numbers.json").mkdir()
    with pytest.raises(StartupError, match=r"What was kept in .*numbers.json cannot be read"):
        numbers(folder, []).load()


class Disk:
    """A folder that counts what is written, and can be full."""

    def __init__(self, folder: StateFolder) -> None:
        self.folder = folder
        self.written: list[bytes] = []
        self.is_full = False

    def replace(self, name: str, content: bytes) -> None:
        """Write, or fail."""
        if self.is_full:
            raise StoreError("The disk is full.")
        self.written.append(content)
        self.folder.replace(name, content)


def test_many_changes_are_one_write(folder, monkeypatch):
    """What changes with each request is written together, and what is left at the end."""
    disk, values = Disk(folder), [0]
    file = Kept(disk, "numbers", list[int], lambda: values)

    async def run():
        for number in range(100):
            values[0] = number
            file.changed()
        await file.aclose()

    asyncio.run(run())
    assert len(disk.written) == 1
    assert numbers(folder, []).load() == [99]


def test_a_change_is_written_by_itself(folder, monkeypatch):
    """Nobody has to end the process for it."""
    monkeypatch.setattr(kept, "SECONDS", 0.0)
    written = asyncio.Event()
    disk = Disk(folder)

    async def run():
        loop = asyncio.get_running_loop()
        replace = disk.replace
        disk.replace = lambda *given: (replace(*given), loop.call_soon_threadsafe(written.set))
        file = Kept(disk, "numbers", list[int], lambda: [7])
        file.changed()
        await asyncio.wait_for(written.wait(), 10)
        await file.aclose()

    asyncio.run(run())
    assert numbers(folder, []).load() == [7]


@pytest.mark.long
def test_a_full_disk_is_told_once_and_tried_again(folder, monkeypatch, caplog):
    """Nothing that was changed is forgotten meanwhile."""
    caplog.set_level("INFO")
    monkeypatch.setattr(kept, "SECONDS", 0.0)
    disk = Disk(folder)
    disk.is_full = True
    tries = []

    async def run():
        loop, enough, replace = asyncio.get_running_loop(), asyncio.Event(), disk.replace

        def counted(*given):
            tries.append(given)
            if len(tries) == 3:
                disk.is_full = False
                loop.call_soon_threadsafe(enough.set)
            replace(*given)

        disk.replace = counted
        file = Kept(disk, "numbers", list[int], lambda: [7])
        file.changed()
        await asyncio.wait_for(enough.wait(), 10)
        await file.aclose()

    asyncio.run(run())
    assert numbers(folder, []).load() == [7]
    assert said(caplog) == [
        "What is kept could not be written; it is tried again.",
        "What is kept is written again.",
    ]


def test_savers_take_turns(folder):
    """Ten that save at once leave what is there last, and write no more than needed."""
    disk, values = Disk(folder), [0]
    file = Kept(disk, "numbers", list[int], lambda: values)

    async def run():
        async def one(number):
            values[0] = number
            await file.save()

        await asyncio.gather(*map(one, range(10)))

    asyncio.run(run())
    assert numbers(folder, []).load() == [9]
    assert len(disk.written) <= 2


@pytest.mark.parametrize(("mode", "told"), [(0o700, False), (0o755, False), (0o775, True), (0o777, True)])
def test_a_folder_in_which_others_may_write_is_told(tmp_path, caplog, mode, told):
    """They could put files of theirs in the place of ours; that they may see names is no harm."""
    (tmp_path / "state").mkdir()
    (tmp_path / "state").chmod(mode)
    StateFolder(tmp_path / "state").close()
    assert said(caplog) == (["Others may write to the folder of `state`: make it `chmod go-w`."] if told else [])
