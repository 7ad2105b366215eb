"""Lines of the log: for people (``text``), for machines (``json``); and answers as web servers write them.

No line holds a secret, a raw control character or a traceback.
"""

from __future__ import annotations

import json
import logging
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

from aggregator.telemetry.escaping import escape
from aggregator.telemetry.redaction import MASK, Masker, is_secret, redact_text, redact_value
from aggregator.telemetry.requests import ANSWERED, REQUESTS, AnswerLine, RequestLine, tenths
from aggregator.telemetry.stacks import frames_of

_LEVEL_COLOURS = {"WARNING": "\x1b[33m", "ERROR": "\x1b[31m", "CRITICAL": "\x1b[1;31m"}
_DIM, _PLAIN = "\x1b[2m", "\x1b[0m"
_LONGEST = 4096
_OWN = __name__.partition(".")[0]


class LineFormatter(logging.Formatter, ABC):
    """The base of all formats: message and fields of a record, with every secret masked."""

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
        joined = self.masker("\0".join([given[name] for name in plain]))
        texts = joined.split("\0")
        if len(texts) != len(plain):  # a text has one of its own, or there is none
            texts = [self.masker(given[name]) for name in plain]
        if "=" in joined or "://" in joined:
            texts = [redact_text(text) for text in texts]
        cleaned = given | dict(zip(plain, texts, strict=True))
        for name in cleaned:
            if is_secret(name):
                cleaned[name] = MASK
            elif len(plain) < len(cleaned) and name not in plain:
                cleaned[name] = redact_value(cleaned[name], self.clean)
        return cleaned

    @abstractmethod
    def request(self, line: RequestLine) -> str:
        """Return *line*, ended; called in any thread."""

    def requests(self, lines: Iterable[RequestLine]) -> str:
        """Return *lines*, each ended; called in any thread."""
        return "".join([self.request(line) for line in lines])

    def answers(self, lines: Sequence[AnswerLine]) -> str:
        """Return *lines*, each ended; called in any thread."""
        return "".join([self.request(line.whole()) for line in lines])


_THOUSANDTHS = tuple(f".{number:03d}" for number in range(1000))


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
        return self._start + _THOUSANDTHS[thousandths]


class JsonFormatter(LineFormatter):
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
        return _as_line(line)

    def request(self, line: RequestLine) -> str:
        """Return *line* as an object."""
        fields = {
            "ts": f"{_UNIVERSAL(line.moment)}Z",
            "level": "info" if line.level == logging.INFO else "warning",
            "logger": REQUESTS,
            "message": line.sentence,
            **line.known,
            **self._cleaned(line.said),
        }
        return f"{_as_line(fields)}\n"

    def answers(self, lines: Sequence[AnswerLine]) -> str:
        """Return the objects that ``request`` would write, all at once where no text of any of them needs care."""
        said = [text for line in lines for text in (line.endpoint, line.path, line.request, line.client)]
        joined = " ".join(said)
        if max(map(len, said)) <= _LONGEST and "=" not in joined and "://" not in joined:
            written = _all_quickly(lines) if self.masker(joined) == joined else b"\x7f"
            if written.isascii() and b"\x7f" not in written:
                return written.decode("ascii")
        if len(lines) > 1:
            return "".join([self.answers([line]) for line in lines])
        return "".join([self.request(line.whole()) for line in lines])


class TextFormatter(LineFormatter):
    """Local time, level, sentence, then ``name=value`` for each field; values with spaces are quoted."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, in colour when the formatter was made so."""
        fields = self.fields(record)
        if record.name.partition(".")[0] != _OWN:
            fields["logger"] = record.name
        return self._line(record.created, record.levelname, self.message(record), fields)

    def request(self, line: RequestLine) -> str:
        """Return *line* as a record of its level."""
        level = "INFO" if line.level == logging.INFO else "WARNING"
        return f"{self._line(line.moment, level, line.sentence, line.known | self._cleaned(line.said))}\n"

    def _line(self, created: float, level: str, message: str, fields: dict[str, Any]) -> str:
        moment, shown = _LOCAL(created), f"{level:<7}"
        if self.colour:
            shown = f"{_LEVEL_COLOURS.get(level, _DIM)}{shown}{_PLAIN}"
            moment = f"{_DIM}{moment}{_PLAIN}"
        data = "".join([f" {self._name(name)}{_shown(value)}" for name, value in fields.items()])
        return f"{moment} {shown} {escape(message)}{data and ' '}{data}"

    def _name(self, name: str) -> str:
        return f"{_DIM}{escape(name)}={_PLAIN}" if self.colour else f"{escape(name)}="


class CombinedFormatter(TextFormatter):
    """Answers in the combined format of web servers; all else as text."""

    def request(self, line: RequestLine) -> str:
        """Return *line* as ``client - user [time] "request" status size "referer" "user agent"``."""
        seen = line.seen
        if seen is None:  # of what was no request there is nothing to be said in this format
            return super().request(line)
        moment = datetime.fromtimestamp(line.moment).astimezone().strftime("%d/%b/%Y:%H:%M:%S %z")
        query = f"?{seen.query}" if seen.query else ""
        request = _quoted(self.clean(f"{seen.method} {seen.path}{query} HTTP/1.1"))
        status, size = line.known["status"], line.known.get("size") or "-"
        ends = f"{_quoted(self.clean(seen.referer or '-'))} {_quoted(self.clean(seen.agent or '-'))}"
        user = escape(self.clean(seen.user)).replace(" ", "_") or "-"
        return f"{line.said.get('client') or '-'} - {user} [{moment}] {request} {status} {size} {ends}\n"


def _quoted(text: str) -> str:
    """Return *text* within quotes; what would end it, or begin an escape, is escaped itself."""
    return '"' + escape(text.replace("\\", "\\\\").replace('"', '\\"')) + '"'


class _Answered(Struct, frozen=True, gc=False):
    """An answer that went well, as an object of JSON."""

    ts: str
    level: str
    logger: str
    message: str
    status: int
    ms: float
    size: int
    parts: str
    trace_id: str | UnsetType
    span_id: str | UnsetType
    endpoint: str
    path: str
    request_id: str
    client: str


def _all_quickly(lines: Sequence[AnswerLine]) -> bytes:
    """Return *lines* as objects, each ended, or DEL where there is a text that cannot be encoded."""
    try:
        return _encode_lines([
            _Answered(
                f"{_UNIVERSAL(line.moment)}Z", "info", REQUESTS, ANSWERED, line.status, tenths(line.seconds),
                line.size, line.parts, line.trace or UNSET, line.span or UNSET, line.endpoint, line.path, line.request,
                line.client,
            )
            for line in lines
        ])  # fmt: skip
    except (TypeError, ValueError, UnicodeError):  # halves of a surrogate pair, numbers beyond 64 bits
        return b"\x7f"


def _shown(value: Any) -> str:
    """Return *value* as text after ``name=``: plain where it can be read back, else as JSON."""
    if isinstance(value, str) and value and _needs_quotes(value) is None:
        return escape(value)
    return escape(_as_text(value))


_needs_quotes = re.compile("[ \"'=\n]").search


def _as_line(fields: dict[str, Any]) -> str:
    """Return *fields* as one line of JSON in ASCII, harmless in a terminal."""
    try:
        text = _quickly(fields)
    except (TypeError, ValueError, UnicodeError):  # halves of a surrogate pair, numbers beyond 64 bits
        text = b"\x7f"
    if text.isascii() and b"\x7f" not in text:
        return text.decode("ascii")
    return _carefully(fields).replace("\x7f", "\\u007f")


_encode_lines = msgspec.json.Encoder().encode_lines
_quickly = msgspec.json.Encoder(enc_hook=str).encode
_carefully = json.JSONEncoder(separators=(",", ":"), default=str).encode
_as_text = json.JSONEncoder(ensure_ascii=False, default=str).encode
_UNIVERSAL = _Moments(lambda second: datetime.fromtimestamp(second, UTC).isoformat()[:19])
_LOCAL = _Moments(lambda second: datetime.fromtimestamp(second).astimezone().isoformat(" ")[:19])
