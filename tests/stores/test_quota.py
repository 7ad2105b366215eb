"""Periods of the calendar, and what is used in them."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from aggregator.stores.quota import Quota, Unit
from aggregator.stores.used import Used


@pytest.mark.parametrize(
    ("unit", "zone", "now", "hours"),
    [
        ("day", "Europe/Berlin", "2027-03-28T05:00", 23),
        ("day", "Europe/Berlin", "2027-10-31T05:00", 25),
        ("day", "America/Havana", "2027-11-07T00:30", 25),  # midnight comes twice
        ("day", "Africa/Cairo", "2027-04-30T12:00", 23),  # midnight does not come at all
        ("hour", "Asia/Kathmandu", "2027-05-05T05:59", 1),
        ("month", "UTC", "2027-02-28T23:00", 28 * 24),
        ("month", "UTC", "2027-12-31T23:00", 31 * 24),
        ("month", "Europe/Berlin", "2027-03-31T23:00", 31 * 24 - 1),
    ],
)
def test_the_length_of_a_period(unit: Unit, zone: str, now: str, hours: int) -> None:
    """A period is as long as the calendar of its zone has it, and holds the moment that it is asked for."""
    moment = datetime.fromisoformat(now).replace(tzinfo=ZoneInfo(zone)).timestamp()
    period = Quota(1, unit, zone).period(moment)
    assert period.start <= moment < period.end
    assert (period.end - period.start) / 3600 == hours


@pytest.mark.parametrize("unit", ["hour", "day", "month"])
def test_periods_follow_each_other(unit: Unit) -> None:
    """The end of a period is the beginning of the next, over both changes of the clock, at every half hour of a year."""
    quota = Quota(1, unit, "Europe/Berlin")
    moment, last = 1_800_000_000.25, None
    for _ in range(366 * 48):
        period = quota.period(moment)
        assert period.start <= moment < period.end
        assert last is None or period == last or period.start == last.end
        last, moment = period, moment + 1800


def test_memory_is_bounded() -> None:
    """Beyond the number of keys those begin anew that were not asked for longest."""
    used = Used(Quota(2, "day"), lambda: 0.0, most_keys=10)
    for number in range(1000):
        used.take(b"always")
        used.take(b"%d" % number)
        assert len(used) <= 10
    assert not used.take(b"always").granted
    assert used.take(b"1").granted
