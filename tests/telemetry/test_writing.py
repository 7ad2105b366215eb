"""Lines of the log are written by a thread: nobody waits for a reader, and losses are counted."""

from __future__ import annotations

import errno
import os
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

import pytest

from aggregator.telemetry import writing
from aggregator.telemetry.writing import Writer

FULL = 256 * 1024
"""More than a pipe holds."""


@contextmanager
def pipe() -> Iterator[tuple[int, TextIO]]:
    """Yield both ends of a pipe; nobody reads the first one but the test."""
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as stream:
        yield reading, stream
    os.close(reading)


def read_until(reading: int, end: bytes) -> bytes:
    """Return what comes out of the pipe up to *end*."""
    found = b""
    while not found.endswith(end):
        found += os.read(reading, 65_536)
    return found


def test_lines_come_out_whole_and_in_order():
    """Whatever is not UTF-8 is escaped."""
    with pipe() as (reading, stream):
        writer = Writer(stream)
        for number in range(1000):
            writer.write(f"line {number}\n")
        writer.write("ä\udc80\n")
        writer.close()
        expected = "".join(f"line {number}\n" for number in range(1000)) + "ä\\udc80\n"
        assert os.read(reading, FULL).decode() == expected


def test_what_fills_half_the_buffer_is_written_at_once(monkeypatch):
    """However long lines are gathered: nothing may be lost only because nobody came to write it."""
    monkeypatch.setattr(writing, "_GATHER", 3600.0)
    with pipe() as (reading, stream):
        writer = Writer(stream, most=1000)
        writer.write("a\n")
        writer.write_later("".join, "b" * 499 + "\n", 499)
        assert read_until(reading, b"b\n") == b"a\n" + b"b" * 499 + b"\n"
        writer.close()


@pytest.mark.long
def test_nobody_waits_for_a_reader():
    """With a full pipe that nobody reads, lines are taken up to the bound; what is beyond is lost and counted."""
    with pipe() as (_, stream):
        writer = Writer(stream, most=FULL)
        for _ in range(1000):
            writer.write("x" * 999 + "\n")  # an untaken write would hold up the test for ever
        assert writer.lost >= 1000 - FULL // 1000
        writer.close()


def test_losses_are_told_when_lines_flow_again():
    """Once, with their number, as soon as somebody reads."""
    told: list[int] = []
    heard = threading.Event()

    def on_loss(count: int) -> None:
        told.append(count)
        heard.set()

    with pipe() as (reading, stream):
        writer = Writer(stream, on_loss, most=FULL)
        for _ in range(1000):
            writer.write("x" * 999 + "\n")
        lost = writer.lost
        reader = threading.Thread(target=read_until, args=(reading, b"the end\n"))
        reader.start()
        assert heard.wait(60)
        writer.write("the end\n")
        reader.join(60)
        writer.close()
        assert sum(told) == lost == writer.lost


def test_what_cannot_be_written_is_lost():
    """A pipe whose reader has gone costs its lines, not the program."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as stream:
        writer = Writer(stream)
        writer.write("a\nb\n")
        writer.close()
    assert writer.lost == 2


class Disk:
    """What the writer's thread writes to: it is full when *room* bytes are written."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.content = b""

    def write(self, _: int, data: memoryview) -> int:
        """Take what there is room for."""
        if not self.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        taken = bytes(data[: self.room])
        self.content += taken
        self.room -= len(taken)
        return len(taken)


def test_a_full_disk_is_told_and_costs_what_did_not_fit(monkeypatch, tmp_path):
    """At once, and once; what is written when there is room again begins on a line of its own."""
    disk, failures, lost = Disk(8), queue.Queue(), queue.Queue()
    monkeypatch.setattr(writing, "os", disk)
    with (tmp_path / "log").open("w") as stream:
        writer = Writer(stream, lost.put, on_failure=failures.put)
        writer.write("first\nsecond\n")
        assert failures.get(timeout=60).errno == errno.ENOSPC
        writer.write("third\n")
        while writer.lost < 2:
            threading.Event().wait(0.01)
        disk.room = 100
        writer.write("fourth\n")
        assert lost.get(timeout=60) == 2
        writer.close()
    assert (disk.content, writer.lost, failures.empty()) == (b"first\nse\nfourth\n", 2, True)


@pytest.mark.long
def test_closing_gives_up_on_a_reader_that_does_not_read():
    """A second is waited at most, and lines that come later are lost."""
    with pipe() as (_, stream):
        writer = Writer(stream)
        writer.write("x" * FULL + "\n")
        writer.close()
        assert writer.write("late\n") == 5
        assert writer.lost == 1
