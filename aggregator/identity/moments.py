"""Moments as files say them: RFC 3339, a date, or what YAML has made of either."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

_DAY = 86400.0


def moment_of(value: Any, *, ends: bool = False) -> float | None:
    """Return *value* as a Unix time; None for what is no moment.

    A date without a time is the beginning of its day in UTC, or its end for what *ends* then.
    """
    if isinstance(value, str):
        try:
            value = date.fromisoformat(value) if len(value) == 10 else datetime.fromisoformat(value)
        except ValueError:
            return None
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    if isinstance(value, date):
        midnight = datetime(value.year, value.month, value.day, tzinfo=UTC).timestamp()
        return midnight + (_DAY if ends else 0.0)  # which the last day of the calendar has, too
    return None
