"""The log of the process: one record, one line, for people (``text``) or for machines (``json``).

``configure_logging`` is called once by the command line; everyone else calls ``log`` with a sentence and
fields, or uses a standard logger. No line holds a secret, a raw control character or a traceback.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Literal, TextIO, cast

from aggregator.diagnostics.display import has_color
from aggregator.telemetry.escaping import escape
from aggregator.telemetry.redaction import Masker, redact_named, redact_text
from aggregator.telemetry.stacks import frames_of
from aggregator.telemetry.writing import Writer

LogFormat = Literal["text", "json"]

# These write a line for every call, with its whole URL.
_CHATTY = ("httpx", "httpcore", "httpx2", "httpcore2", "uvicorn.access", "watchfiles", "asyncio")
_LEVEL_COLOURS = {"WARNING": "\x1b[33m", "ERROR": "\x1b[31m", "CRITICAL": "\x1b[1;31m"}
_DIM, _PLAIN = "\x1b[2m", "\x1b[0m"
_LONGEST = 4096
_OWN = __name__.partition(".")[0]


def log(logger: logging.Logger, level: int, sentence: str, /, **fields: Any) -> None:
    """Write *sentence* (a capital, a full stop, no data in it) with its data in *fields*."""
    if logger.isEnabledFor(level):
        logger.log(level, sentence, extra={"fields": fields})


def configure_logging(
    format: LogFormat = "text",
    level: str = "info",
    stream: TextIO | None = None,
    masker: Masker | None = None,
) -> None:
    """Send every logger of the process to *stream* (stderr) in *format*; a second call replaces the first.

    *level* is ``debug``, ``info``, ``warning``, ``error`` or ``critical``; another one raises ``ValueError``.
    At ``debug``, a record with an exception tells its stack. *masker* knows the secret values to hide.
    """
    stream = stream or sys.stderr
    number = logging.getLevelNamesMapping().get(level.upper())
    if not number:
        raise ValueError(f"no log level is named {level!r}")
    kind = JsonFormatter if format == "json" else TextFormatter
    handler = _Handler(stream)
    handler.setFormatter(kind(masker or Masker(), stacks=number <= logging.DEBUG, colour=has_color(stream)))
    root = logging.getLogger()
    for old in [item for item in root.handlers if isinstance(item, _Handler)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(number)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(max(number, logging.WARNING))


@contextmanager
def error_output(stream: TextIO) -> Iterator[TextIO]:
    """Yield what stands for *stream* and never blocks who writes: a thread does that, and lost lines are counted.

    A stream without a descriptor, as tests use them, is yielded as it is.
    """
    try:
        writer = Writer(stream, _tell_loss)
    except (OSError, ValueError):
        yield stream
        return
    try:
        yield cast("TextIO", writer)
    finally:
        writer.close()


def lost_lines() -> int:
    """Return how many lines of the log the process has lost so far, since nobody read them in time."""
    streams: list[Any] = [handler.stream for handler in logging.getLogger().handlers if isinstance(handler, _Handler)]
    return sum(stream.lost for stream in streams if isinstance(stream, Writer))


def _tell_loss(count: int) -> None:
    log(
        logging.getLogger(__name__),
        logging.WARNING,
        "Lines of the log were lost: nobody read them in time.",
        lines=count,
    )


class _Handler(logging.StreamHandler[TextIO]):
    """The process's own handler, told apart from those of others by its type."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name is the library's
        """Drop the record: a log that cannot be written must not print a traceback, nor stop the work."""


class _LineFormatter(logging.Formatter):
    """What both formats share: the message and fields of a record, with every secret masked."""

    def __init__(self, masker: Masker, *, stacks: bool = False, colour: bool = False) -> None:
        super().__init__()
        self.masker = masker
        self.stacks = stacks
        self.colour = colour

    def clean(self, text: str) -> str:
        """Return *text* without secrets, cut to a length that a person may read."""
        text = redact_text(self.masker(text))
        return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}… ({len(text)} characters)"

    def message(self, record: logging.LogRecord) -> str:
        """Return the sentence of *record*; one whose arguments do not fit is shown without them."""
        try:
            return self.clean(record.getMessage())
        except (TypeError, ValueError, KeyError):
            return self.clean(str(record.msg))

    def fields(self, record: logging.LogRecord) -> dict[str, Any]:
        """Return the data of *record*, JSON-like, in the order written, with its exception last."""
        given: dict[str, Any] = getattr(record, "fields", None) or {}
        fields = self._cleaned(given)
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            fields["error"] = self.clean(f"{type(error).__name__}: {error}".removesuffix(": "))
            if self.stacks:
                fields["stack"] = [self.clean(frame) for frame in frames_of(error)]
        return fields

    def _cleaned(self, given: dict[str, Any]) -> dict[str, Any]:
        """Return *given* without secrets: a look for known ones takes long, so it is one for all plain texts."""
        plain = [name for name, value in given.items() if type(value) is str and len(value) <= _LONGEST]
        joined = self.masker("\0".join([given[name] for name in plain])).split("\0")
        if len(joined) != len(plain):  # a text has one of its own, or there is none
            joined = [self.masker(given[name]) for name in plain]
        masked = dict(zip(plain, joined, strict=True))
        return {
            name: redact_named(name, masked[name]) if name in masked else redact_named(name, value, self.clean)
            for name, value in given.items()
        }


class _Moments:
    """Texts of moments; all of one second begin alike."""

    def __init__(self, begin: Callable[[int], str]) -> None:
        self._begin = begin
        self._second, self._start = -1, ""

    def __call__(self, moment: float) -> str:
        """Return *moment*, in Unix time, to the millisecond."""
        second, thousandths = divmod(int(moment * 1000), 1000)
        if second != self._second:
            self._second, self._start = second, self._begin(second)
        return f"{self._start}.{thousandths:03d}"


class JsonFormatter(_LineFormatter):
    """One JSON object a line, ASCII only: ``ts``, ``level``, ``logger``, ``message``, then the fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line; a field named like one of the first four gets an underscore after its name."""
        line: dict[str, Any] = {
            "ts": f"{_UNIVERSAL(record.created)}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": self.message(record),
        }
        for name, value in self.fields(record).items():
            line[f"{name}_" if name in line else name] = value
        return _as_line(line).replace("\x7f", "\\u007f")


class TextFormatter(_LineFormatter):
    """Local time, level, sentence, then ``name=value`` for each field; values with spaces are quoted."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, in colour when the formatter was made so."""
        moment = _LOCAL(record.created)
        fields = self.fields(record)
        if record.name.partition(".")[0] != _OWN:
            fields["logger"] = record.name
        level = f"{record.levelname:<7}"
        if self.colour:
            level = f"{_LEVEL_COLOURS.get(record.levelname, _DIM)}{level}{_PLAIN}"
            moment = f"{_DIM}{moment}{_PLAIN}"
        data = "".join(f" {self._name(name)}{_shown(value)}" for name, value in fields.items())
        return f"{moment} {level} {escape(self.message(record))}{data and ' '}{data}"

    def _name(self, name: str) -> str:
        return f"{_DIM}{escape(name)}={_PLAIN}" if self.colour else f"{escape(name)}="


def _shown(value: Any) -> str:
    """Return *value* as text after ``name=``: plain where it can be read back, else as JSON."""
    if isinstance(value, str) and value and _needs_quotes(value) is None:
        return escape(value)
    return escape(_as_text(value))


_needs_quotes = re.compile("[ \"'=\n]").search
_as_line = json.JSONEncoder(separators=(",", ":"), default=str).encode
_as_text = json.JSONEncoder(ensure_ascii=False, default=str).encode
_UNIVERSAL = _Moments(lambda second: datetime.fromtimestamp(second, UTC).isoformat()[:19])
_LOCAL = _Moments(lambda second: datetime.fromtimestamp(second).astimezone().isoformat(" ")[:19])
