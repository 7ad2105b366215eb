"""Times of maintenance: days and hours as the clocks of a zone show them, over midnight and over summer time."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from aggregator.policies.switches.calendar import Hours, hours_of
from aggregator.policies.switches.offs import offs_at
from aggregator.policies.switches.plan import MaintenancePlan, OffPlan
from aggregator.policies.switches.table import Change, Switch, Switches, Target

BERLIN = ZoneInfo("Europe/Berlin")


def at(text: str) -> float:
    """Return the time at which a clock in Berlin shows *text*."""
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN).timestamp()


@pytest.mark.parametrize(("every", "now", "until"), [
    ("Sun 02:00-04:00", "2026-11-29 02:00", "2026-11-29 04:00"),
    ("Sun 02:00-04:00", "2026-11-29 03:59", "2026-11-29 04:00"),
    ("Sun 02:00-04:00", "2026-11-29 04:00", None),
    ("Sun 02:00-04:00", "2026-11-29 01:59", None),
    ("Sun 02:00-04:00", "2026-11-28 03:00", None),
    ("02:00-04:00", "2026-11-28 03:00", "2026-11-28 04:00"),
    ("Sat 23:00-01:00", "2026-11-29 00:30", "2026-11-29 01:00"),
    ("Sat 23:00-01:00", "2026-11-28 00:30", None),
    ("Mon-Fri 22:00-24:00", "2026-11-27 23:59", "2026-11-28 00:00"),
    ("Fri-Mon 10:00-11:00", "2026-11-30 10:30", "2026-11-30 11:00"),
    ("Sat,Tue 10:00-11:00", "2026-12-01 10:30", "2026-12-01 11:00"),
    ("Sun 01:00-05:00", "2026-03-29 03:30", "2026-03-29 05:00"),
    ("Sun 01:00-05:00", "2026-10-25 02:30", "2026-10-25 05:00"),
])  # fmt: skip
def test_hours(every, now, until):
    """The beginning belongs to them, the end does not."""
    hours = hours_of(every)
    assert hours is not None
    assert hours.until(at(now), BERLIN) == (None if until is None else at(until))


@pytest.mark.parametrize(("every", "begins", "ends"), [
    ("Sun 02:00-04:00", "2026-03-29T01:00", "2026-03-29T02:00"),
    ("Sun 02:15-03:15", "2026-03-29T01:00", "2026-03-29T01:15"),
    ("Sun 02:00-02:30", "2026-03-29T01:00", "2026-03-29T01:30"),
    ("Sun 02:00-04:00", "2026-10-25T00:00", "2026-10-25T03:00"),
    ("Sun 02:30-03:00", "2026-10-25T00:30", "2026-10-25T02:00"),
    ("Sat 23:30-02:30", "2026-03-28T22:30", "2026-03-29T01:30"),
])  # fmt: skip
def test_hours_when_clocks_change(every, begins, ends):
    """Hours that are skipped begin when the clocks have jumped; those that come twice begin with the first."""
    hours = hours_of(every)
    begin, end = (datetime.fromisoformat(f"{text}Z").timestamp() for text in (begins, ends))
    assert [hours.until(now, BERLIN) for now in (begin - 1, begin, end - 1, end)] == [None, end, end, None]


@pytest.mark.parametrize(("order", "switched_until", "until"), [
    ((0, 1), None, "2026-11-29 04:00"),
    ((1, 0), None, "2026-11-29 04:00"),
    ((0, 1), "2026-11-29 02:50", "2026-11-29 04:00"),
    ((0, 1), "2026-11-29 05:00", "2026-11-29 05:00"),
])  # fmt: skip
def test_times_that_overlap(order, switched_until, until):
    """What is told to wait for is the end of all of them, an operator's included, in whatever order they stand."""
    said = [("Sun 02:00-03:00", 503), ("Sun 02:30-04:00", 423)]
    plans = []
    for number in order:
        every, status = said[number]
        hours = hours_of(every)
        assert hours is not None
        plans.append(MaintenancePlan(("GET /a",), hours, every, "Europe/Berlin", status, None))
    target = Target("endpoint", "GET /a")
    switches = {} if switched_until is None else {target: Switch(at(switched_until), 0.0, "me", "")}
    found = offs_at(at("2026-11-29 02:45"), tuple(plans), switches)
    assert found == {target: OffPlan(503 if switches else 423, None, at(until))}


@pytest.mark.parametrize("text", [
    "", "Sun", "Sun 2-4", "Sunday 02:00-04:00", "Sun 25:00-26:00", "Sun 02:60-03:00", "Sun 02:00-02:00", "Xyz 02:00-03:00",
    "Sun 02:00-24:30", "Mon- 02:00-03:00 Sun",
])  # fmt: skip
def test_what_are_no_hours(text):
    """They are told from those that are."""
    assert hours_of(text) is None


def test_a_switch_is_over_by_itself():
    """At its time it is in service; one without an end stays until it is switched on."""
    table = Switches()
    users, home = Target("upstream", "users"), Target("endpoint", "GET /home")
    table.turn_off(users, Switch(200.0, 100.0, "me", ""))
    table.turn_off(home, Switch(None, 100.0, "me", ""))
    assert table.has_ends
    assert set(table.off(199.9)) == {users, home}
    assert set(table.off(200.0)) == {home}
    assert not table.has_ends
    assert table.merge({home: Change(300.0, None)}, 300.0)
    assert not table.merge({home: Change(300.0, None)}, 300.0)


@pytest.mark.parametrize(("text", "days", "start", "end"), [
    ("Sun 02:00-04:30", {6}, 120, 270),
    (" mon-FRI,Sun   23:59-24:00 ", {0, 1, 2, 3, 4, 6}, 1439, 1440),
    ("Fri-Mon 23:00-01:59", {4, 5, 6, 0}, 1380, 119),
    ("Tue,Tue-Tue 00:00-00:01", {1}, 0, 1),
    ("Mon-Sun 00:00-24:00", set(range(7)), 0, 1440),
    ("10:00-09:59", set(range(7)), 600, 599),
])  # fmt: skip
def test_days_and_minutes(text: str, days: set[int], start: int, end: int) -> None:
    """Days from Monday on, those that go over the end of the week too; minutes of a day, the last one included."""
    assert hours_of(text) == Hours(frozenset(days), start, end)


@pytest.mark.parametrize(
    "text", ["24:00-01:00", "23:60-24:00", "23:00-24:01", "23:00-25:00", "02:00-02:60", "02:00-02:00"]
)
def test_what_no_clock_shows(text: str) -> None:
    """An hour has sixty minutes, and a day ends at its twenty-fourth hour."""
    assert hours_of(text) is None


def test_what_waits_for_the_end_of_a_switch() -> None:
    """A second at least, rounded, and a minute where the end is not known."""
    waits = [OffPlan(503, None, until).wait(100.0) for until in (None, 100.2, 90.0, 101.6, 160.0)]
    assert waits == [60, 1, 1, 2, 60]
