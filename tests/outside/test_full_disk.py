"""Durable effects and answers by key on a disk that is full: a small tmpfs, for which it needs root and Linux."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from aggregator.stores.effects.contract import Filter
from tests.effects.conftest import document, process
from tests.policies.conftest import START

MOUNT = shutil.which("mount")
SIZE = 1024 * 1024


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """Yield a folder with a `state` that holds a megabyte."""
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    asked = [str(MOUNT), "-t", "tmpfs", "-o", f"size={SIZE},mode=700", "tmpfs", str(state)]
    if MOUNT is None or subprocess.run(asked, capture_output=True, check=False).returncode != 0:
        pytest.skip("nothing can be mounted here")
    yield tmp_path
    subprocess.run(["umount", "--lazy", str(state)], check=True)


def down(_: httpx.Request) -> httpx.Response:
    """Take nothing, so that what is kept stays."""
    return httpx.Response(503)


def fill(small: Path) -> Path:
    """Return a file that leaves no room in the folder *small*."""
    filler = small / "state" / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(b"\0" * 4096):
            pass
    return filler


@pytest.mark.parametrize("full", ["503", "drop"])
def test_effects_on_a_full_disk(small: Path, full: str, caplog: pytest.LogCaptureFixture) -> None:
    """What is full is answered as declared, told once, and goes on by itself when there is room again."""
    with process(small, document(durable=f"full: {full}"), down) as served:
        assert served.sign_up("a") == [201]
        filler = fill(small)
        statuses = []
        for _ in range(50):
            statuses += served.sign_up("x" * 20_000)
            served.outbox.wake()  # it looks whether the disk can be written again
        assert set(statuses[5:]) == ({503} if full == "503" else {201})
        told = [line for line in caplog.messages if line.startswith("Durable effects can")]
        assert told[0].startswith("Durable effects cannot be written")
        assert len(told) <= 3
        filler.unlink()
        served.until(lambda: served.outbox.trouble is None)
        assert served.sign_up("b") == [201]
        kept = served.outbox.kept
        assert kept.number == len(served.run(served.outbox.ask(lambda store: store.find(Filter()))))


def test_a_start_on_a_full_disk(small: Path) -> None:
    """What is full is answered as declared from the start, and what waited before goes on when there is room again."""
    with process(small, document(), down) as served:
        assert served.sign_up("before") == [201]
    filler = fill(small)
    with process(small, document(), now=START + 60) as served:
        assert served.sign_up("x" * 20_000) == [503]
        filler.unlink()
        served.until(lambda: served.outbox.trouble is None)
        assert served.sign_up("after") == [201]
        served.settle(sent=2)
