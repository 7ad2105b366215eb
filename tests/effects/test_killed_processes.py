"""Processes that are killed (SIGKILL) while they store and deliver: nothing that was acknowledged is lost."""

from __future__ import annotations

import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

pytestmark = pytest.mark.processes

ROOT = Path(__file__).parents[2]
KILLS, WORKERS = 5, 8


def start(place: Path | str, begin: str) -> subprocess.Popen[str]:
    """Return a process that works on *place*, a folder or the URL of a store."""
    command = [sys.executable, "-m", "tests.effects.victim", str(place), begin]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def killed(place: Path | str, begin: str, lines: int) -> list[list[str]]:
    """Return what a process has said that was killed after so many lines; a last one may be cut off."""
    with start(place, begin) as process:
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(lines)]
        process.kill()
        said += process.stdout.readlines()
    return [line.split() for line in said if line.endswith("\n")]


@pytest.mark.parametrize("seed", range(4))
def test_nothing_that_was_acknowledged_is_lost(tmp_path: Path, seed: int) -> None:
    """However often it is killed: all is sent, no key with two bodies, and twice only what was under way."""
    draw = random.Random(seed)
    said: list[list[str]] = []
    for number in range(KILLS):
        said += killed(tmp_path, str(number), draw.randint(1, 150))
    said += delivered(tmp_path)
    judge(said, KILLS)


def delivered(place: Path | str) -> list[list[str]]:
    """Return what a process says that delivers all that is left."""
    with start(place, "-") as process:
        assert process.stdout is not None
        said = [line.split() for line in process.stdout]
    assert process.returncode == 0
    return said


def judge(said: list[list[str]], kills: int) -> None:
    """Fail unless all that was stored was sent, under one key one body, and twice only what was under way."""
    stored = {id_ for word, id_, _ in said if word == "stored"}
    sent = [(id_, body) for word, id_, body in said if word == "sent"]
    assert len(stored) > kills
    assert stored - {id_ for id_, _ in sent} == set()
    assert [(id_, body) for id_, body in sent if body != f"body-of-{id_}"] == []
    assert sum(count - 1 for count in Counter(sent).values()) <= kills * WORKERS
