"""The log of the process: one record, one line.

``configure_logging`` is called by the command line; everyone else calls ``log`` with a sentence and fields, or uses a
standard logger.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal, TextIO, cast

from aggregator.diagnostics.display import has_color
from aggregator.telemetry.formatting import CombinedFormatter, JsonFormatter, LineFormatter, TextFormatter
from aggregator.telemetry.redaction import Masker
from aggregator.telemetry.requests import FRAME, AnswerLine, RequestLine
from aggregator.telemetry.writing import Writer

LogFormat = Literal["text", "json", "combined"]

# These write a line for every call, with its whole URL.
_CHATTY = ("httpx", "httpcore", "httpx2", "httpcore2", "uvicorn.access", "watchfiles", "asyncio")
_FORMATTERS: dict[str, type[LineFormatter]] = {
    "text": TextFormatter, "json": JsonFormatter, "combined": CombinedFormatter,
}  # fmt: skip


def log(logger: logging.Logger, level: int, sentence: str, /, **fields: Any) -> None:
    """Write *sentence* (a capital, a full stop, no data in it) with its data in *fields*."""
    if logger.isEnabledFor(level):
        logger.log(level, sentence, extra={"fields": fields})


def configure_logging(
    format: LogFormat = "text",
    level: str = "info",
    stream: TextIO | None = None,
    masker: Masker | None = None,
    requests: TextIO | None = None,
    until: str | None = None,
) -> None:
    """Send every logger of the process to *stream* (stderr) in *format*; a second call replaces the first.

    *level* is ``debug``, ``info``, ``warning``, ``error`` or ``critical``; another one raises ``ValueError``.
    At ``debug``, a record with an exception tells its stack. *masker* knows the secret values to hide. Lines about
    answers go to *requests*, if there is such a stream. *until* is told beside them: when others come back.
    """
    stream = stream or sys.stderr
    number = level_number(level)
    known, stacks = masker or Masker(), number <= logging.DEBUG
    handler = _Handler(stream)
    handler.until = until
    handler.setFormatter(_FORMATTERS[format](known, stacks=stacks, colour=has_color(stream)))
    own = stream if requests is None else requests
    handler.requests = _Requests(own, _FORMATTERS[format](known, stacks=stacks, colour=has_color(own)))
    root = logging.getLogger()
    for old in [item for item in root.handlers if isinstance(item, _Handler)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(number)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(max(number, logging.WARNING))


def level_number(level: str) -> int:
    """Return the number of *level*; raises ``ValueError`` for one that does not exist."""
    number = logging.getLevelNamesMapping().get(level.upper())
    if not number:
        raise ValueError(f"no log level is named {level!r}")
    return number


@contextmanager
def error_output(stream: TextIO) -> Iterator[TextIO]:
    """Yield what stands for *stream* and never blocks who writes: a thread does that, and lost lines are counted.

    A stream without a descriptor, as tests use them, is yielded as it is.
    """
    try:
        writer = Writer(stream, tell_loss)
    except (OSError, ValueError):
        yield stream
        return
    try:
        yield cast("TextIO", writer)
    finally:
        writer.close()


def log_state() -> dict[str, str | None] | None:
    """Return the ``level`` and the ``format`` that the log of the process has now; None where it is not ours.

    ``until`` is when that ends (RFC 3339), or None.
    """
    for handler in logging.getLogger().handlers:
        if isinstance(handler, _Handler):
            written = next(name for name, kind in _FORMATTERS.items() if type(handler.formatter) is kind)
            return {"level": logging.getLevelName(logging.getLogger().level).lower(), "format": written,
                    "until": handler.until}  # fmt: skip
    return None


def lost_lines() -> int:
    """Return how many lines of the log the process has lost so far, since nobody read them in time."""
    handlers = [handler for handler in logging.getLogger().handlers if isinstance(handler, _Handler)]
    streams: list[Any] = [stream for handler in handlers for stream in handler.streams]
    return sum(stream.lost for stream in streams if isinstance(stream, Writer))


def tell_loss(count: int) -> None:
    """Log that *count* lines were lost."""
    log(
        logging.getLogger(__name__),
        logging.WARNING,
        "Lines of the log were lost: they could not be written in time.",
        lines=count,
    )


class _Requests:
    """Writes lines about answers to *stream*: later, where that is one that writes in a thread."""

    def __init__(self, stream: TextIO, formatter: LineFormatter) -> None:
        self.stream = stream
        self.shows_requests = isinstance(formatter, CombinedFormatter)
        self._write, self._write_answers = formatter.requests, formatter.answers
        self._writer = stream if isinstance(stream, Writer) else None

    def put(self, line: RequestLine) -> None:
        """Write *line*; what cannot be written is lost."""
        if self._writer is not None:
            self._writer.write_later(self._write, line, line.weight)
        else:
            self._write_now(self._write([line]))

    def put_answer(self, line: AnswerLine) -> None:
        """Write *line*; what cannot be written is lost."""
        if self._writer is not None:
            self._writer.write_later(self._write_answers, line, FRAME + len(line.path))
        else:
            self._write_now(self._write_answers([line]))

    def _write_now(self, text: str) -> None:
        try:
            self.stream.write(text)
            self.stream.flush()
        except (OSError, ValueError):
            return


class _Handler(logging.StreamHandler[TextIO]):
    """The process's own handler, told apart from those of others by its type."""

    requests: _Requests
    until: str | None = None

    @property
    def streams(self) -> tuple[TextIO, ...]:
        """The streams written to."""
        own = self.requests.stream
        return (self.stream,) if own is self.stream else (self.stream, own)

    def emit(self, record: logging.LogRecord) -> None:
        """Write *record*; a line about an answer in its own way."""
        line = getattr(record, "line", None)
        if line is None:
            super().emit(record)
        else:
            self.requests.put(line)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name is the library's
        """Drop the record: a log that cannot be written must not print a traceback, nor stop the work."""
