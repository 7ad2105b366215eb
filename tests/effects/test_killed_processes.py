"""Processes that are killed (SIGKILL) while they store and deliver: nothing that was acknowledged is lost."""

from __future__ import annotations

import multiprocessing
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import TextIO

import pytest

from tests.effects.victim import run

pytestmark = pytest.mark.processes

KILLS, WORKERS = 5, 8
CONTEXT = multiprocessing.get_context()
if "forkserver" in multiprocessing.get_all_start_methods():
    CONTEXT = multiprocessing.get_context("forkserver")
    CONTEXT.set_forkserver_preload([run.__module__, "redis.asyncio"])  # so that it is imported once


@contextmanager
def start(place: Path | str, begin: str) -> Iterator[tuple[BaseProcess, TextIO]]:
    """Yield a process that works on *place*, a folder or the URL of a store, and what it says; end it afterwards."""
    heard, said = CONTEXT.Pipe(duplex=False)
    process = CONTEXT.Process(target=run, args=(said, str(place), begin))
    process.start()
    said.close()
    try:
        with heard, open(heard.fileno(), closefd=False) as lines:
            yield process, lines
    finally:
        process.kill()
        process.join()


def killed(place: Path | str, begin: str, lines: int) -> list[list[str]]:
    """Return what a process has said that was killed after so many lines; a last one may be cut off."""
    with start(place, begin) as (process, heard):
        said = [heard.readline() for _ in range(lines)]
        process.kill()
        said += heard.readlines()
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
    with start(place, "-") as (process, heard):
        said = [line.split() for line in heard]
        process.join()
    assert process.exitcode == 0
    return said


def judge(said: list[list[str]], kills: int) -> None:
    """Fail unless all that was stored was sent, under one key one body, and twice only what was under way."""
    stored = {id_ for word, id_, _ in said if word == "stored"}
    sent = [(id_, body) for word, id_, body in said if word == "sent"]
    assert len(stored) > kills
    assert stored - {id_ for id_, _ in sent} == set()
    assert [(id_, body) for id_, body in sent if body != f"body-of-{id_}"] == []
    assert sum(count - 1 for count in Counter(sent).values()) <= kills * WORKERS
