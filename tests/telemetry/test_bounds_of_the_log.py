"""What the writer of the log takes, to the character, and what of it comes out when somebody takes it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TextIO

import pytest

from aggregator.telemetry import writing
from aggregator.telemetry.writing import Writer


class Held:
    """What the writer's thread writes to: it takes nothing before it is *released*."""

    def __init__(self) -> None:
        self.content = b""
        self.begun, self.released = threading.Event(), threading.Event()

    def write(self, _: int, data: memoryview) -> int:
        """Take *data* when that is allowed."""
        self.begun.set()
        assert self.released.wait(60)
        self.content += bytes(data)
        return len(data)


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[Held]:
    """Return what stands in for the system's write."""
    made = Held()
    monkeypatch.setattr(writing, "os", made)
    monkeypatch.setattr(writing, "_GATHER", 0.0)
    yield made
    made.released.set()


@pytest.fixture
def stream(tmp_path: Path) -> Iterator[TextIO]:
    """Return an open file."""
    with (tmp_path / "log").open("w") as opened:
        yield opened


def as_lines(things: list[Any]) -> str:
    """Return a line for each of *things*; some cannot be written."""
    if "fault" in things:
        raise ValueError("secret")
    return "".join([f"<{thing}>\n" for thing in things])


def as_one(things: list[Any]) -> str:
    """Return one line for all of *things*."""
    return f"{things}\n"


@pytest.mark.parametrize(("size", "lost"), [(10, 0), (11, 1)])
@pytest.mark.parametrize("first", [0, 4])
@pytest.mark.parametrize("is_later", [False, True])
def test_a_buffer_takes_so_many_characters(
    held: Held, stream: TextIO, size: int, lost: int, first: int, is_later: bool
) -> None:
    """Those that are being written count until they are, and those of lines that are made later as they are weighed."""
    writer = Writer(stream, most=10)
    if first:
        writer.write("a" * (first - 1) + "\n")
        assert held.begun.wait(60)
    text = "b" * (size - first - 1) + "\n"
    if is_later:
        writer.write_later(as_one, "b", size - first)
    else:
        assert writer.write(text) == len(text)
    assert writer.lost == lost
    held.released.set()
    writer.close()
    second = b"" if lost else b"['b']\n" if is_later else text.encode()
    assert (held.content, writer.lost) == ((b"aaa\n" if first else b"") + second, lost)


@pytest.mark.parametrize(("text", "count"), [("a\n", 1), ("a\nb\nc\n", 3), ("no end", 1), ("a\nno end", 1)])
def test_each_line_that_finds_no_room_is_counted(stream: TextIO, text: str, count: int) -> None:
    """One without an end is one; the writer says nothing to whoever writes it."""
    writer = Writer(stream, most=1)
    assert writer.write(text) == len(text)
    assert writer.lost == count
    writer.write_later(as_one, "a", 2)
    assert writer.lost == count + 1
    writer.close()


def test_lines_come_out_in_the_order_in_which_they_were_told(held: Held, stream: TextIO) -> None:
    """Those that follow each other and are made alike are made at once."""
    writer = Writer(stream)
    writer.write("first\n")
    assert held.begun.wait(60)
    told: list[tuple[Callable[[list[Any]], str], str]] = [
        (as_one, "a"), (as_one, "b"), (as_lines, "c"), (as_lines, "d"), (as_one, "e"),
    ]  # fmt: skip
    for render, thing in told:
        writer.write_later(render, thing, 1)
    writer.write("last\n")
    held.released.set()
    writer.close()
    assert held.content.decode().splitlines() == ["first", "['a', 'b']", "<c>", "<d>", "['e']", "last"]


def test_a_line_that_cannot_be_made_costs_itself_alone(held: Held, stream: TextIO) -> None:
    """The log says that there was one, and of the fault what it was, not what it said."""
    writer = Writer(stream)
    for thing in ("a", "fault", "b"):
        writer.write_later(as_lines, thing, 1)
    held.released.set()
    writer.close()
    said = "A line of the log could not be written, by a fault of the program: ValueError"
    assert held.content.decode().splitlines() == ["<a>", said, "<b>"]


def test_a_writer_that_was_closed_takes_nothing(stream: TextIO) -> None:
    """What comes later is lost, and counted; closing twice, or before anything was written, is harmless."""
    writer = Writer(stream)
    writer.close()
    writer.close()
    assert writer.write("a\nb\n") == 4
    writer.write_later(as_one, "a", 1)
    assert writer.lost == 3
    assert "log-writer" not in {thread.name for thread in threading.enumerate()}


@pytest.mark.parametrize("is_terminal", [False, True])
def test_a_writer_is_a_stream_as_logging_wants_it(
    stream: TextIO, monkeypatch: pytest.MonkeyPatch, is_terminal: bool
) -> None:
    """It can be written to, and is a terminal where what it writes to is one."""
    monkeypatch.setattr(stream, "isatty", lambda: is_terminal)
    writer = Writer(stream)
    assert (writer.writable(), writer.readable(), writer.isatty()) == (True, False, is_terminal)
    handler = logging.StreamHandler(writer)
    handler.emit(logging.makeLogRecord({"msg": "said"}))
    writer.close()
    assert Path(stream.name).read_text() == "said\n"
