"""Who writes a line about an answer, and when the request itself is asked for it."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from aggregator.telemetry.logging import configure_logging, level_number, log_state, lost_lines
from aggregator.telemetry.requests import REQUESTS, AnswerLine, RequestLine, Seen, answer_sink, tell, tenths


class Heard(logging.Handler):
    """Notes the records that it hears."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Note it."""
        self.records.append(record)


@contextmanager
def alone() -> Iterator[logging.Logger]:
    """Yield the root of loggers without the handlers of pytest, which are there while a test runs."""
    root = logging.getLogger()
    before, root.handlers = root.handlers, []
    try:
        yield root
    finally:
        root.handlers = before


@pytest.fixture
def stream() -> io.StringIO:
    """Return where lines are written."""
    return io.StringIO()


def line(level: int = logging.INFO) -> RequestLine:
    """Return a line."""
    return RequestLine(level, "Answered.", 0.0, {"status": 200}, {"path": "/a?x", "reason": "because"})


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0.0, 0.0),
        (0.00004, 0.0),
        (0.00005, 0.1),
        (0.00014, 0.1),
        (0.00016, 0.2),
        (1.23456, 1234.6),
        (3600.0, 3_600_000.0),
    ],
)
def test_milliseconds_to_a_tenth(seconds: float, shown: float) -> None:
    """The nearest one."""
    assert tenths(seconds) == shown


def test_how_long_a_line_is_about() -> None:
    """What a client chose, and what stands beside that."""
    assert line().weight == 512 + len("/a?x") + len("because")
    assert RequestLine(20, "x", 0.0, {}, {}).weight == 512


def test_an_answer_as_every_line_is_written() -> None:
    """With the ids of its trace where there is one."""
    short = AnswerLine(1.5, 200, 0.01234, 7, "a;state=ok", "GET /a", "/a", "r1", "127.0.0.1")
    whole = short.whole()
    assert (whole.level, whole.sentence, whole.moment, whole.seen) == (logging.INFO, "Answered.", 1.5, None)
    assert whole.known == {"status": 200, "ms": 12.3, "size": 7, "parts": "a;state=ok"}
    assert whole.said == {"endpoint": "GET /a", "path": "/a", "request_id": "r1", "client": "127.0.0.1"}
    traced = AnswerLine(1.5, 200, 0.01234, 7, "a;state=ok", "GET /a", "/a", "r1", "127.0.0.1", "t", "s").whole()
    assert traced.known == {**whole.known, "trace_id": "t", "span_id": "s"}


@pytest.mark.parametrize(("format", "asks"), [("json", 0), ("text", 0), ("combined", 1)])
def test_a_request_is_asked_for_where_it_is_shown(stream: io.StringIO, format: Any, asks: int) -> None:
    """Only there: it costs time."""
    asked: list[int] = []

    def see() -> Seen:
        asked.append(1)
        return Seen("GET", "/seen")

    with alone():
        configure_logging(format, stream=stream)
        assert (answer_sink() is None) is bool(asks)
        tell(line(), see)
        tell(line())
    assert (len(asked), stream.getvalue().count("\n"), "/seen" in stream.getvalue()) == (asks, 2, bool(asks))


@pytest.mark.parametrize(("level", "written"), [("info", 1), ("warning", 0), ("debug", 1)])
def test_a_line_below_the_level_is_nobody_s(stream: io.StringIO, level: str, written: int) -> None:
    """Nobody is asked for the request either."""
    asked: list[int] = []
    with alone():
        configure_logging("combined", level, stream=stream)
        tell(line(), lambda: asked.append(1) or Seen("GET", "/"))
    assert (stream.getvalue().count("\n"), len(asked)) == (written, written)


@pytest.mark.parametrize("name", [None, REQUESTS], ids=["root", "own"])
def test_who_else_listens_hears_of_it(stream: io.StringIO, name: str | None) -> None:
    """By a record with all of its fields; the log of the process has its line all the same."""
    heard, logger = Heard(), logging.getLogger(name)
    with alone():
        configure_logging("json", stream=stream)
        logger.addHandler(heard)
        try:
            assert answer_sink() is None
            tell(line(logging.WARNING))
        finally:
            logger.removeHandler(heard)
    (record,) = heard.records
    assert (record.levelno, record.getMessage()) == (logging.WARNING, "Answered.")
    assert vars(record)["fields"] == {"status": 200, "path": "/a?x", "reason": "because"}
    assert stream.getvalue().count("\n") == 1


def test_a_process_without_a_log_of_ours_has_records() -> None:
    """For whoever listens."""
    heard = Heard()
    with alone() as root:
        root.addHandler(heard)
        root.setLevel(logging.INFO)
        tell(line())
        assert (len(heard.records), answer_sink(), log_state(), lost_lines()) == (1, None, None, 0)


@pytest.mark.parametrize("format", ["text", "json", "combined"])
def test_the_state_of_the_log(format: Any) -> None:
    """Its level, its format, and until when; a second one takes the place of the first."""
    with alone() as root:
        configure_logging("text", stream=io.StringIO())
        configure_logging(format, "error", stream=io.StringIO(), until="2027-01-31T12:00:00Z")
        assert log_state() == {"level": "error", "format": format, "until": "2027-01-31T12:00:00Z"}
        assert len(root.handlers) == 1
        assert logging.getLogger("httpx").level == logging.ERROR
        configure_logging(format, "debug", stream=io.StringIO())
        assert log_state() == {"level": "debug", "format": format, "until": None}
        assert logging.getLogger("httpx").level == logging.WARNING


@pytest.mark.parametrize(("level", "number"), [("debug", 10), ("Info", 20), ("CRITICAL", 50)])
def test_levels_have_numbers(level: str, number: int) -> None:
    """In any case; one that says nothing, or is none, is refused."""
    assert level_number(level) == number
    for other in ("notset", "loud", ""):
        with pytest.raises(ValueError, match=f"^no log level is named '{other}'$"):
            level_number(other)
