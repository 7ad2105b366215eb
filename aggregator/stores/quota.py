"""Quotas: how many units there are in an hour, a day or a month of the calendar, as the clocks of a zone show it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from msgspec import Struct

Unit = Literal["hour", "day", "month"]
UNITS: tuple[Unit, ...] = ("hour", "day", "month")
_HOUR = 3600.0


class Period(NamedTuple):
    """An hour, a day or a month: from *start* up to *end*, both in seconds since 1970."""

    start: float
    end: float


class Quota(Struct, frozen=True):
    """*count* units in each *unit* of the calendar of *zone*, a name such as ``Europe/Berlin``."""

    count: int
    unit: Unit
    zone: str = "UTC"

    def __post_init__(self) -> None:
        if self.count < 1 or self.unit not in UNITS:
            raise ValueError("A quota has a count above zero, and an hour, a day or a month.")

    @property
    def burst(self) -> int:
        """The number of units that may be taken at once: all of them."""
        return self.count

    def period(self, now: float) -> Period:
        """Return the period that *now* (seconds since 1970) lies in."""
        here = datetime.fromtimestamp(now, ZoneInfo(self.zone))
        if self.unit == "hour":  # reckoned from now: at the end of summer time an hour comes twice
            start = now - (here.minute * 60 + here.second + here.microsecond / 1e6)
            return Period(float(round(start)), round(start) + _HOUR)
        first = here.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
        if self.unit == "day":
            return Period(first.timestamp(), (first + timedelta(days=1)).timestamp())
        first = first.replace(day=1)
        later = (first + timedelta(days=32)).replace(day=1)
        return Period(first.timestamp(), later.timestamp())
