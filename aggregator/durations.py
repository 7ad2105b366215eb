"""Numbers as texts, durations, ``250ms``, ``2s``, ``1m30s``, ``7d``, rates, ``10/m``, and quotas, ``10000/day``."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, Final

UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
"""Seconds of each unit."""

_PIECE = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")


def number_text(value: float) -> str:
    """Return *value* as people write it, with up to twelve digits and no power of ten: ``0.5``, ``1000000``."""
    return format(Decimal(f"{value:.12g}"), "f")


def duration_of(text: str) -> float | None:
    """Return the seconds that *text* says; None when it is no duration."""
    pieces = _PIECE.findall(text)
    if not pieces or "".join(number + unit for number, unit in pieces) != text:
        return None
    return float(sum(float(number) * UNITS[unit] for number, unit in pieces))


_RATE = re.compile(r"([1-9]\d{0,8})/(?:(s|m|h|d)|(\d.*))")


def rate_of(text: str) -> tuple[int, float] | None:
    """Return how many there may be in how many seconds: ``10/m`` is ``(10, 60.0)``; None when *text* is no rate."""
    found = _RATE.fullmatch(text)
    if found is None:
        return None
    period = UNITS[found[2]] if found[2] else duration_of(found[3])
    return (int(found[1]), period) if period else None


def rate_text(count: int, period: float) -> str:
    """Return *count* in *period* seconds as a rate: ``10/m``, ``5/30s``."""
    unit = next(
        (unit for unit, seconds in UNITS.items() if seconds == period and unit != "ms"), f"{number_text(period)}s"
    )
    return f"{count}/{unit}"


_IN_WORDS = re.compile(
    r"([1-9]\d{0,8})\s*(?:req(?:uest)?s?|calls?|times|r(?=p))?\s*(?:/|p(?:er\b)?|every\b|an?\b|each\b|in\b)\s*"
    r"(\d{1,4})?\s*(s|m|h|d)(?:ec(?:ond)?s?|in(?:ute)?s?|ours?|r|ays?)?",
    re.IGNORECASE,
)


def rate_in_words(text: str) -> str | None:
    """Return *text* as a rate, where it says one as people do: ``5 per minute`` and ``5rpm`` are ``5/m``."""
    found = _IN_WORDS.fullmatch(text.strip())
    if found is None:
        return None
    count, periods, unit = found[1], found[2] or "", found[3].lower()
    return f"{count}/{periods if periods != '1' else ''}{unit}"


_COUNTS: Final = ("limit", "max_rate", "requests", "max_requests", "count", "max", "rate")
_TIMES: Final = ("window", "period", "per", "every", "interval", "time_window", "unit")
_UNITS: Final = ("second", "minute", "hour", "day")


def rate_in_two(found: Any, key: str) -> str | None:
    """Return the rate that *found*, a mapping, says by *key* and another one, as other gateways write it; or None."""
    if not isinstance(found, dict):
        return None
    if key in _UNITS:
        return _rate(found[key], key)
    counts, times = ([name for name in names if name in found] for names in (_COUNTS, _TIMES))
    if len(counts) != 1 or len(times) != 1 or key not in (*counts, *times):
        return None
    return _rate(found[counts[0]], found[times[0]])


def _rate(count: Any, time: Any) -> str | None:
    """Return *count* in *time* as a rate; a bare number of it are seconds, as other tools take it."""
    if not isinstance(count, int) or isinstance(count, bool) or isinstance(time, bool):
        return None
    if isinstance(time, int):
        time = f"{time}s"
    rate = f"{count}/{time}"
    return rate if rate_of(rate) is not None else rate_in_words(rate)


_QUOTA = re.compile(r"([1-9]\d{0,11})/(hour|day|month)")


def quota_of(text: str) -> tuple[int, str] | None:
    """Return how many there may be, and in what: ``10000/day`` is ``(10000, "day")``; None when *text* is no quota."""
    found = _QUOTA.fullmatch(text)
    return None if found is None else (int(found[1]), found[2])
