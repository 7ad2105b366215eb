"""Keys that items are matched by, in joins of lists and in batches: one rule for both.

A key is its text, as it stands in a URL: ``7`` is what ``"7"`` is, ``7.0`` and ``7e0`` too, and true is ``"true"`` and
not 1. One side has often been read from a path or a CSV, where all is text.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

_MOST_DIGITS = 400
"""Digits that a number is written out to; a larger one, which no float can hold, keeps its exponent."""


def key_text(value: Any) -> str | None:
    """Return *value*, a JSON scalar, as the text that it is matched by; None for null and for what is no scalar."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _number_text(Decimal(repr(value)))
    return _number_text(value) if isinstance(value, Decimal) else None


def _number_text(number: Decimal) -> str:
    """Return *number* without zeros that say nothing, so that equal numbers have one text."""
    sign, digits, exponent = number.as_tuple()
    text = "".join(map(str, digits))
    if not isinstance(exponent, int) or not text.strip("0"):
        return "0"
    short = text.rstrip("0")
    exponent += len(text) - len(short)
    shown = Decimal((sign, tuple(map(int, short)), exponent))
    return format(shown, "f") if abs(exponent) <= _MOST_DIGITS else str(shown)
