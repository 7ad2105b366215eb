"""Times of maintenance: days of the week and hours of a zone, and when the present one ends."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from msgspec import Struct

DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_FORM = re.compile(r"(?:([A-Za-z,\-]+)\s+)?(\d{2}):(\d{2})-(\d{2}):(\d{2})")


class Hours(Struct, frozen=True):
    """From *start* to *end* (minutes of a day; an end that is not later is on the next day) on *days* (Monday is 0)."""

    days: frozenset[int]
    start: int
    end: int

    def until(self, now: float, zone: ZoneInfo) -> float | None:
        """Return when the maintenance window that *now* is in ends, by the clocks of *zone*; None outside of all."""
        here = datetime.fromtimestamp(now, zone)
        for ago in (0, 1):
            day = here.date() - timedelta(days=ago)
            if day.weekday() not in self.days:
                continue
            midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
            start = _shown(_at(midnight, self.start))
            end = _at(midnight, self.end if self.end > self.start else self.end + 24 * 60).timestamp()
            if start.timestamp() <= now < end:
                return end
        return None


def _at(midnight: datetime, minutes: int) -> datetime:
    """Return the time so many *minutes* of a clock on the wall after *midnight*."""
    days, rest = divmod(minutes, 24 * 60)
    return (midnight + timedelta(days=days)).replace(hour=rest // 60, minute=rest % 60)


def _shown(time: datetime) -> datetime:
    """Return *time*, or the first minute after it that clocks show where they jump over it (PEP 495)."""
    while datetime.fromtimestamp(time.timestamp(), time.tzinfo).replace(tzinfo=None) != time.replace(tzinfo=None):
        time += timedelta(minutes=1)
    return time


def hours_of(text: str) -> Hours | None:
    """Return what *text* says, such as ``Sun 02:00-04:00`` or ``Mon-Fri,Sun 23:00-01:00``; None when it is nothing."""
    found = _FORM.fullmatch(text.strip())
    if found is None:
        return None
    days = _days_of(found[1]) if found[1] else frozenset(range(7))
    from_hour, from_minute, to_hour, to_minute = (int(number) for number in found.groups()[1:])
    if not days or from_hour > 23 or to_hour > 24 or from_minute > 59 or to_minute > 59:
        return None
    start, end = from_hour * 60 + from_minute, to_hour * 60 + to_minute
    return None if end > 24 * 60 or start == end else Hours(days, start, end)


def _days_of(text: str) -> frozenset[int]:
    found: set[int] = set()
    for piece in text.split(","):
        first, _, last = piece.partition("-")
        names = (first.capitalize(), (last or first).capitalize())
        if any(name not in DAYS for name in names):
            return frozenset()
        begin, end = (DAYS.index(name) for name in names)
        found.update((begin + number) % 7 for number in range((end - begin) % 7 + 1))
    return frozenset(found)
