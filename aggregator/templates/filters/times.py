"""Filters of moments: RFC 3339 texts and seconds since 1970, what is added to them, and how they are written.

`plus` and `minus` keep the form of what they take, so that they fit between any two others.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, Final

from aggregator.durations import duration_of
from aggregator.errors import ExpressionError
from aggregator.templates.expressions.data import is_number
from aggregator.templates.filters.doc import FilterDoc, table
from aggregator.templates.filters.wants import refuse, want_number, want_text


def _timestamp(value: Any) -> int | float:
    """Seconds as POSIX counts them: a leap second (RFC 3339 §5.6, at the end of a day in UTC) is that of midnight."""
    return _seconds(value, "timestamp")


def _seconds(value: Any, who: str) -> int | float:
    text = want_text(value, who).upper()
    leap = _LEAP_SECOND(text)
    try:
        moment = datetime.fromisoformat(f"{leap[1]}59{leap[2]}" if leap else text)
    except ValueError:
        raise ExpressionError(f"`{who}` takes a date and time as in RFC 3339") from None
    seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() + bool(leap)
    if leap and int(seconds) % 86400:
        raise ExpressionError(f"`{who}` takes a leap second at the end of a day in UTC only")
    return int(seconds) if seconds.is_integer() else seconds


def _datetime(value: Any, format: Any = None) -> str:
    seconds = _seconds(value, "datetime") if isinstance(value, str) else want_number(value, "datetime")
    moment = _moment(seconds, "datetime")
    if format is None:
        return moment.isoformat().replace("+00:00", "Z")
    pattern = want_text(format, "datetime")
    if _UNKNOWN_DIRECTIVE(pattern) or len(pattern) > _LONGEST_FORMAT:
        raise ExpressionError(f"`datetime` takes a format of text and {', '.join(_DIRECTIVES)}")
    return moment.strftime(pattern)


def _moment(seconds: Any, who: str) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        raise ExpressionError(f"`{who}` takes seconds since 1970") from None


def _plus(value: Any, duration: Any) -> Any:
    return _moved(value, _length(duration, "plus"), "plus")


def _minus(value: Any, duration: Any) -> Any:
    return _moved(value, -_length(duration, "minus"), "minus")


def _moved(value: Any, seconds: float, who: str) -> Any:
    if is_number(value):
        return value + (int(seconds) if seconds.is_integer() else seconds)
    if not isinstance(value, str):
        refuse(value, who, "a date and time, or a number of seconds")
    moment = _moment(_seconds(value, who) + seconds, who)
    return moment.isoformat(timespec="milliseconds" if moment.microsecond else "seconds").replace("+00:00", "Z")


def _length(value: Any, who: str) -> float:
    if is_number(value):
        return float(value)
    seconds = duration_of(want_text(value, who))
    if seconds is None:
        raise ExpressionError(f"`{who}` takes a duration such as '90s', '1h30m' or '7d', or seconds")
    return seconds


_LEAP_SECOND: Final = re.compile(r"(.*[T ]\d\d:\d\d:)60(.*)").fullmatch
_LONGEST_FORMAT: Final = 200
_DIRECTIVES: Final = tuple(f"%{letter}" for letter in "YmdHMSfjaAbByIpZGVu%")
_UNKNOWN_DIRECTIVE: Final = re.compile(r"%(?![YmdHMSfjaAbByIpZGVu%])").search
TIMES: Final = table(
    FilterDoc(
        "timestamp",
        _timestamp,
        "Seconds since 1970 of an RFC 3339 time.",
        "'2024-01-01T00:00:00Z' | timestamp",
        1704067200,
    ),
    FilterDoc(
        "datetime",
        _datetime,
        "A time (UTC) as RFC 3339 text, or as the *format* of strftime says; of seconds since 1970 or such text.",
        "1704067200 | datetime('%a, %d %b %Y')",
        "Mon, 01 Jan 2024",
    ),
    FilterDoc(
        "plus",
        _plus,
        "A time that is later by a duration; text stays text, seconds stay seconds.",
        "'2024-01-01T00:00:00Z' | plus('1d')",
        "2024-01-02T00:00:00Z",
    ),
    FilterDoc(
        "minus",
        _minus,
        "A time that is earlier by a duration; text stays text, seconds stay seconds.",
        "1704067200 | minus('1m30s')",
        1704067110,
    ),
)
