"""One record, one line: readable, parseable, and nothing in it that forges a line or tells a secret."""

from __future__ import annotations

import io
import json
import logging
import re
from typing import Any

import pytest

from aggregator.telemetry.escaping import escape
from aggregator.telemetry.logging import LogFormat, configure_logging, log
from aggregator.telemetry.redaction import MASK, Masker

LOGGER = logging.getLogger("aggregator.test")


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def written(format: LogFormat = "text", level: str = "info", **options: Any) -> io.StringIO:
    """Configure the log and give the stream that it writes to."""
    stream = io.StringIO()
    logging.getLogger().handlers.clear()  # the test runner's own, which fails loudly where ours must not
    configure_logging(format, level, stream, **options)
    return stream


def sentence_of(line: str) -> str:
    """Cut time and level off a text line."""
    return line[24:].split(maxsplit=1)[1].rstrip("\n")


def test_text_is_a_sentence_and_its_data() -> None:
    """A text line reads: time, level, sentence, fields; values with spaces are quoted."""
    stream = written()
    log(
        LOGGER,
        logging.INFO,
        "Reloaded.",
        generation=2,
        file="my routes.yaml",
        ok=True,
        seconds=0.25,
        last=None,
    )
    line = stream.getvalue()
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} INFO    .*\n", line)
    assert sentence_of(line) == 'Reloaded.  generation=2 file="my routes.yaml" ok=true seconds=0.25 last=null'


def test_json_is_one_flat_object() -> None:
    """A JSON line has the four constant keys and then the fields; a clash gets an underscore."""
    stream = written("json")
    log(LOGGER, logging.WARNING, "Slow.", endpoint="GET /a", level="x", calls={"a": [1, 2]})
    record = json.loads(stream.getvalue())
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", record.pop("ts"))
    assert record == {
        "level": "warning",
        "logger": "aggregator.test",
        "message": "Slow.",
        "endpoint": "GET /a",
        "level_": "x",
        "calls": {"a": [1, 2]},
    }


@pytest.mark.parametrize("format", ["text", "json"])
@pytest.mark.parametrize(
    "evil", ["a\nINFO forged", "\x1b[2Jgone", "a\u2028b", "\x9b31m", "\u202eevil", "\ud800", "\x7f"]
)
def test_nothing_forges_a_line(format: LogFormat, evil: str) -> None:
    """Newlines, escape sequences and direction marks are written out, in sentence, field names and values."""
    stream = written(format)
    log(LOGGER, logging.INFO, f"Path {evil}.", **{"path": f"/{evil} x", evil: evil, "list": [evil]})
    text = stream.getvalue()
    assert text.endswith("\n")
    assert evil not in text
    assert text[:-1].isprintable()
    if format == "json":
        assert json.loads(text)["list"] == [evil]


def test_escapes_can_be_read() -> None:
    """Each character that is written out is still recognised by a person."""
    assert escape("a\tb\r\n\x1b[0m\x9b\u2028\ud800é") == "a\\tb\\r\\n\\x1b[0m\\x9b\\u2028\\ud800é"


@pytest.mark.parametrize("format", ["text", "json"])
def test_secrets_are_masked_everywhere(format: LogFormat) -> None:
    """A known secret shows in no sentence, field, list, exception or third-party line."""
    stream = written(format, "debug", masker=Masker(["hunter2"]))
    log(LOGGER, logging.INFO, "Using hunter2.", key="hunter2", many=["x hunter2"], headers={"cookie": "tasty"})
    logging.getLogger("uvicorn.error").info("GET %s", "/a?token=tasty&x=hunter2")
    try:
        raise RuntimeError("bad key hunter2")
    except RuntimeError:
        LOGGER.exception("Failed.")
    assert "Failed." in stream.getvalue()
    assert f"bad key {MASK}" in stream.getvalue()
    assert "hunter2" not in stream.getvalue()
    assert "tasty" not in stream.getvalue()


@pytest.mark.parametrize("format", ["text", "json"])
def test_an_exception_is_one_line_without_traceback(format: LogFormat) -> None:
    """An exception is told by type and message; its multi-line traceback is never written."""
    stream = written(format)
    try:
        raise ValueError("first\nsecond")
    except ValueError:
        LOGGER.exception("Failed.")
    text = stream.getvalue()
    assert text.count("\n") == 1
    assert "ValueError: first\\nsecond" in text
    assert "test_logging.py" not in text


def test_debug_tells_where_it_was_raised() -> None:
    """At debug level the record carries a short stack, the raising line last."""
    stream = written("json", "debug")
    try:
        raise ValueError
    except ValueError:
        LOGGER.exception("Failed.")
    record = json.loads(stream.getvalue())
    assert record["error"] == "ValueError"
    assert re.search(r"test_logging\.py:\d+ in test_debug_tells.*: raise ValueError$", record["stack"][-1])


def test_other_loggers_share_the_format() -> None:
    """A library's record looks like ours and names its logger; one with wrong arguments is still written."""
    stream = written()
    logging.getLogger("uvicorn.error").info("Started on %s", "port 1")
    logging.getLogger("plugin").warning("%d items", "three")
    first, second = stream.getvalue().splitlines()
    assert sentence_of(first) == "Started on port 1  logger=uvicorn.error"
    assert sentence_of(second) == "%d items  logger=plugin"


def test_chatty_libraries_are_quiet() -> None:
    """Clients that log every URL are silent below warnings, at every level of ours."""
    stream = written(level="debug")
    logging.getLogger("httpx").info("HTTP Request: GET https://users.example/?token=x")
    logging.getLogger("httpcore.connection").debug("connect_tcp.started")
    assert stream.getvalue() == ""


def test_level_decides_what_is_written() -> None:
    """Records below the level are not written, and cost no formatting."""
    stream = written(level="warning")
    log(LOGGER, logging.INFO, "Quiet.")
    log(LOGGER, logging.ERROR, "Loud.")
    assert sentence_of(stream.getvalue()) == "Loud."


@pytest.mark.parametrize("level", ["loud", "notset", ""])
def test_unknown_level_is_refused(level: str) -> None:
    """A level that does not exist is an error, not a silent default."""
    with pytest.raises(ValueError, match="no log level"):
        configure_logging(level=level)


def test_setting_up_again_replaces() -> None:
    """A second set-up takes over: no line is written twice, or to the old stream."""
    old, new = written(), written("json")
    log(LOGGER, logging.INFO, "Once.")
    assert old.getvalue() == ""
    assert len(new.getvalue().splitlines()) == 1


def test_colour_is_for_terminals_that_want_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal gets colours, unless NO_COLOR or a dumb terminal says otherwise."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    lines = []
    for name, value in (("TERM", "xterm"), ("NO_COLOR", "1"), ("TERM", "dumb")):
        monkeypatch.setenv(name, value)
        stream = Terminal()
        configure_logging(stream=stream)
        log(LOGGER, logging.WARNING, "Look.", at="here")
        lines.append(stream.getvalue())
        monkeypatch.delenv("NO_COLOR", raising=False)
    assert ["\x1b" in line for line in lines] == [True, False, False]
    assert "Look. " in lines[0]


def test_long_texts_are_cut() -> None:
    """A value of a megabyte does not become a line of a megabyte."""
    stream = written("json")
    log(LOGGER, logging.INFO, "Big.", body="x" * 1_000_000)
    record = json.loads(stream.getvalue())
    assert record["body"].endswith("… (1000000 characters)")
    assert len(record["body"]) < 5000


def test_a_broken_stream_stops_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """When the log cannot be written, the work goes on and no traceback appears."""
    stream = written()
    stream.close()
    log(LOGGER, logging.INFO, "Lost.")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("format", ["text", "json"])
def test_known_secrets_are_looked_for_once_a_line(format: LogFormat) -> None:
    """A look takes as long as there are secrets: one for the sentence, one for all its data, whatever is in it."""
    looks: list[str] = []

    class Counting(Masker):
        def __call__(self, text: str) -> str:
            looks.append(text)
            return super().__call__(text)

    stream = written(format, masker=Counting(["hunter2", "status"]))
    log(LOGGER, logging.INFO, "Answered.", status=200, path="/a/hunter2", by="a status", n=None, reason="hunter2")
    assert len(looks) == 2
    assert stream.getvalue().count(MASK) == 3
    assert "status" in stream.getvalue()  # the name of the field
    log(LOGGER, logging.INFO, "Answered.", path="hunter2\0", by="\0hunter2")
    assert stream.getvalue().count(MASK) == 5


def test_what_is_printable_is_left_as_it_is() -> None:
    """Texts of every kind, and whatever may forge a line is escaped also among them."""
    printable = "".join(filter(str.isprintable, map(chr, range(0x110000))))
    assert escape(printable) == printable
    assert escape("Łódź – 東京") == "Łódź – 東京"
    assert escape("Łódź\u202e") == "Łódź\\u202e"


@pytest.mark.parametrize("format", ["text", "json"])
def test_moments_of_one_second_are_told_apart(format: LogFormat) -> None:
    """The text of a second is made once; the one after it is another, and so is one before it."""
    stream = written(format)
    for moment in (1000.0, 1000.25, 1000.9999, 1001.5, 999.001):
        record = LOGGER.makeRecord(LOGGER.name, logging.INFO, "", 0, "Now.", (), None)
        record.created = moment
        LOGGER.handle(record)
    told = re.findall(r":\d\d:(\d\d\.\d{3})", stream.getvalue())
    assert told == ["40.000", "40.250", "40.999", "41.500", "39.001"]
