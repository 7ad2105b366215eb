"""Lines of answers that went well: written by a shorter way, and the same as all others."""

from __future__ import annotations

import io
import logging

import msgspec
import pytest

from aggregator.telemetry.formatting import JsonFormatter, LineFormatter, TextFormatter
from aggregator.telemetry.logging import configure_logging
from aggregator.telemetry.redaction import Masker
from aggregator.telemetry.requests import AnswerLine, answer_sink

HOSTILE = {
    "nothing": "/users/1",
    "quote": '/a"b',
    "backslash": "/a\\b",
    "newline": "/a\nb",
    "delete": "/a\x7fb",
    "zero": "/a\0b",
    "other letters": "/süß/\u2028",
    "half of a pair": "/\ud800",
    "known secret": "/keys/sesame-open",
    "query": "/a?token=abc",
    "userinfo": "/https://me:pass@host/",
    "long": "/" + "x" * 10_000,
}


@pytest.mark.parametrize("formatter", [JsonFormatter, TextFormatter])
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("parts", ["a;state=ok;ms=1", '"b c";state=ok'])
def test_both_ways_write_the_same(formatter: type[LineFormatter], text: str, parts: str) -> None:
    """Whatever a client sends: escaped, masked and cut alike."""
    made = formatter(Masker(["sesame-open"]))
    line = AnswerLine(1.5, 200, 0.01234, 7, parts, "GET /users/{id}", text, text[:40], text[:40])
    plain = AnswerLine(1.5, 200, 0.01234, 7, "a;state=ok;ms=1", "GET /users/{id}", "/users/1", "a1", "127.0.0.1")
    traced = msgspec.structs.replace(plain, trace="1" * 32, span="2" * 16)
    for lines in ([line], [plain, line, plain], [plain, traced], [msgspec.structs.replace(line, trace="1", span="2")]):
        assert made.answers(lines) == made.requests([one.whole() for one in lines])


def test_who_else_listens_gets_records() -> None:
    """The short way is for the log of the process alone, at a level that has such lines, without the request itself."""
    root = logging.getLogger()
    other = logging.NullHandler()
    before = list(root.handlers)
    try:
        root.handlers = []
        configure_logging("json", stream=io.StringIO())
        assert answer_sink() is not None
        root.addHandler(other)
        assert answer_sink() is None
        root.removeHandler(other)
        configure_logging("json", "warning", stream=io.StringIO())
        assert answer_sink() is None
        configure_logging("combined", stream=io.StringIO())
        assert answer_sink() is None
    finally:
        root.handlers = before
