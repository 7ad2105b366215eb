"""Durations as texts: ``250ms``, ``2s``, ``1m30s``, ``7d``."""

from __future__ import annotations

import re

UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
"""Seconds of each unit."""

_PIECE = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")


def duration_of(text: str) -> float | None:
    """Return the seconds that *text* says; None when it is no duration."""
    pieces = _PIECE.findall(text)
    if not pieces or "".join(number + unit for number, unit in pieces) != text:
        return None
    return float(sum(float(number) * UNITS[unit] for number, unit in pieces))
