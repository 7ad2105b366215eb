"""A file that is being written is served when it is whole, not before."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aggregator.server.generations.settling import STEP, Sight, is_being_written, settle, sight, stamp

HEAD = "version: 1\nendpoints:\n"
LINES = "".join(f"  GET /n{number}: {{respond: {{body: {number}}}}}\n" for number in range(12))


def settled(*sights: Sight) -> float:
    """Return the seconds that are waited when the looks find *sights*, the last one for ever."""
    left, waited = list(sights), 0.0

    async def look() -> Sight:
        return left.pop(0) if len(left) > 1 else left[0]

    async def sleep(seconds: float) -> None:
        nonlocal waited
        waited += seconds

    asyncio.run(settle((), look, sleep))
    return round(waited, 2)


def at(size: int, *, is_open: bool = False) -> Sight:
    """Return the sight of one file of *size* bytes."""
    return Sight((("f", 1, size, size),), is_open)


def test_files_that_stand_still_are_read_soon():
    """A link that was swapped stands still from the start: well under half a second."""
    assert settled(Sight(())) == 0.15


def test_every_change_is_waited_for_anew():
    """Three looks have to find the same, from the last change on."""
    assert settled(at(1), at(1), at(2), at(3), at(3)) == round((3 + 4) * STEP, 2)


def test_who_writes_is_waited_for_no_longer_than_a_second():
    """A process that keeps a file open, and writes nothing, does not stop reloads."""
    assert settled(at(1, is_open=True)) == round(21 * STEP, 2)
    assert settled(*[at(1, is_open=True)] * 6, at(1)) == round(7 * STEP, 2)


def test_files_that_never_stand_still_are_read_in_the_end():
    """Ten seconds are waited for them."""
    assert settled(*map(at, range(1000))) == 10.0


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells who writes")
def test_an_open_file_is_seen(tmp_path):
    """It is being written from when it is opened for writing until it is closed; to read it changes nothing."""
    file = tmp_path / "f"
    with file.open("w"):
        assert is_being_written(str(file))
    with file.open():
        assert not is_being_written(str(file))


def test_what_cannot_be_asked_for_writers(tmp_path):
    """A folder, a pipe without a writer, a file that is missing and a name that none can have are not being written."""
    os.mkfifo(tmp_path / "pipe")
    for name in (tmp_path, tmp_path / "pipe", tmp_path / "missing", "a\0b"):
        assert not is_being_written(str(name))


def test_only_what_changed_is_asked_for_writers(tmp_path):
    """A file that somebody holds open all the time delays no other one."""
    log, routes = tmp_path / "log", tmp_path / "routes"
    routes.write_text("1")
    with log.open("w"):
        before = stamp([log, routes])
        routes.write_text("22")
        assert not sight([log, routes], before).is_open
        assert sight([log, routes], None).is_open == (sys.platform == "linux")


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells who writes")
@pytest.mark.parametrize("kept_open", [True, False])
def test_a_slow_copy_shrinks_nothing(stage, kept_open):
    """A file that is written again line by line, unchanged, is never served without the lines that are still to come."""
    for _ in range(20):
        gateway = stage.gateway(HEAD + LINES, watch=True)
        answers, longest_pause = copied(gateway, copy_in_one_go if kept_open else copy_by_appending)
        end_of(stage, gateway)
        if longest_pause < 0.1:  # else a busy machine has kept the copy waiting, and the file stood still
            assert answers == {11}
            assert len(gateway.reloads) == 1
            return
    pytest.fail("Twenty copies were kept waiting: the machine is too busy to copy a file.")


def copied(gateway: Any, copy: Callable[[Path, list[float]], None]) -> tuple[set[int], float]:
    """Return what was answered while *copy* wrote the file, and its longest pause, in seconds."""
    pauses: list[float] = []
    copying = threading.Thread(target=copy, args=(gateway.path, pauses))
    copying.start()
    answers = set()
    while copying.is_alive():
        answers.add(gateway.get("/n11").json)
        time.sleep(0.01)
    copying.join()
    return answers, max(pauses)


def end_of(stage: Any, gateway: Any) -> None:
    """Save another file, and wait until it is served."""
    gateway.path.write_text(HEAD + "  GET /end: {respond: {body: 1}}\n")
    stage.until(lambda: gateway.get("/end").status == 200)


def copy_in_one_go(path: Path, pauses: list[float]) -> None:
    """Write the file with a pause in the middle that is longer than files have to stand still: it is open meanwhile."""
    pauses.append(0.0)
    with path.open("w") as file:
        file.write(HEAD + LINES[:200])
        file.flush()
        time.sleep(0.4)
        file.write(LINES[200:])


def copy_by_appending(path: Path, pauses: list[float]) -> None:
    """Open the file anew for every line, as a shell script does; note the *pauses* between them, in seconds."""
    path.write_text(HEAD)
    for line in LINES.splitlines(keepends=True):
        written = time.monotonic()
        with path.open("a") as file:
            file.write(line)
        time.sleep(0.03)
        pauses.append(time.monotonic() - written)
