"""Periods, the counts that processes share, and what they announce to each other: in whole, each at its bound."""

from __future__ import annotations

from datetime import UTC, datetime
from math import inf
from typing import Any

import pytest

from aggregator.stores.quota import Period, Quota
from aggregator.stores.rate import Rate, Taken
from aggregator.stores.shared.announced import Announced, Announcements, Numbered
from aggregator.stores.shared.asks import Ask
from aggregator.stores.shared.periods import Periods
from aggregator.stores.shared.tallies import QuotaCounts, Tallies
from aggregator.stores.used import Used

DAY = datetime(2027, 1, 31, tzinfo=UTC).timestamp()
"""The beginning of 2027-01-31 in UTC."""


class Clock:
    """A time that is set by hand."""

    def __init__(self, now: float = DAY) -> None:
        self.now = now

    def __call__(self) -> float:
        """Return it."""
        return self.now


@pytest.mark.parametrize(
    ("unit", "at", "period"),
    [
        ("hour", 3723.5, (3600, 7200)),
        ("hour", 0.0, (0, 3600)),
        ("day", 86_399.9, (0, 86_400)),
        ("month", 86_399.9, (-30 * 86_400, 86_400)),
    ],
)
def test_a_period_in_whole(unit: Any, at: float, period: tuple[float, float]) -> None:
    """From its first moment up to the first of the next."""
    assert Quota(1, unit).period(DAY + at) == Period(DAY + period[0], DAY + period[1])


def test_half_of_the_keys_are_young() -> None:
    """What fills them up makes them old; what is used of the old ones is young again, and one key is the least."""
    used = Used(Quota(9, "day"), Clock(), most_keys=4)
    for key in (b"a", b"b", b"c", b"a"):
        used.take(key)
    assert [*used.counts()] == [(b"b", 1), (b"c", 1), (b"a", 2)]
    used.take(b"d")
    assert [*used.counts()] == [(b"c", 1), (b"a", 2), (b"d", 1)]
    one = Used(Quota(9, "day"), Clock(), most_keys=1)
    assert [one.take(b"a").remaining for _ in range(2)] == [8, 7]


def test_messages_are_numbered_one_after_another() -> None:
    """From a time on; who has missed more than is kept, or knows a number of another life, is told of none."""
    told = Announcements(lambda: 2.0)
    assert told.since(b"c", 2_000_000) == Announced(2_000_000, [])
    assert [told.add(b"c", text) for text in (b"a", b"b")] == [
        Numbered(2_000_001, 2_000_000, b"a"), Numbered(2_000_002, 2_000_001, b"b"),
    ]  # fmt: skip
    found = [told.since(b"c", 2_000_000 + number).messages for number in (-1, 0, 1, 2, 3)]
    assert found == [None, [b"a", b"b"], [b"b"], [], None]
    for number in range(999):
        told.add(b"c", b"%d" % number)
    assert told.since(b"c", 2_000_000).messages is None
    assert len(told.since(b"c", 2_000_001).messages or ()) == 1000


def test_a_numbered_message_as_bytes() -> None:
    """Whatever its text is; what nobody packed is refused."""
    numbered = Numbered(7, 5, b"a b \x00")
    assert (numbered.packed(), Numbered.unpacked(b"7 5 a b \x00")) == (b"7 5 a b \x00", numbered)
    for frame in (b"7 5", b"x 5 a"):
        with pytest.raises(ValueError, match=r"."):
            Numbered.unpacked(frame)


def test_a_period_is_reckoned_anew_at_its_end() -> None:
    """And where the clock jumps back behind its beginning."""
    periods, quota = Periods(), Quota(1, "day")
    found = [periods.at(quota, DAY + at).start - DAY for at in (0, 86_399, 86_400, 86_399, -1)]
    assert found == [0, 0, 86_400, 0, -86_400]


def test_counts_that_processes_share() -> None:
    """A limit refuses for all, what does not bind refuses nobody, and what is given back can be taken again."""
    clock = Clock()
    tallies = Tallies(clock, clock)
    quota = Ask(b"q", b"k", Quota(3, "day"), 2)
    rate = Ask(b"r", b"k", Rate(1, 2.0, 1))
    assert tallies.take_all([quota, rate]) == (Taken(0.0, 1, 86_400.0), Taken(0.0, 0, 2.0))
    assert tallies.take_all([quota, rate]) == (Taken(86_400.0, 1, 86_400.0), Taken(2.0, 0, 2.0))
    one = quota._replace(cost=1)
    assert tallies.take_all([one, rate]) == (Taken(0.0, 1, 86_400.0), Taken(2.0, 0, 2.0))
    assert tallies.take_all([one, rate._replace(binding=False)]) == (Taken(0.0, 0, 86_400.0), Taken(2.0, 0, 2.0))
    tallies.give_back(rate)
    tallies.give_back(one)
    tallies.give_back(one._replace(key=b"nobody"))
    assert tallies.take_all([one, rate]) == (Taken(0.0, 0, 86_400.0), Taken(0.0, 0, 2.0))
    assert tallies.take_all([quota._replace(cost=4)]) == (Taken(inf, 0, 86_400.0),)
    assert [*tallies.quotas()] == [QuotaCounts(b"q", Period(DAY, DAY + 86_400), {b"k": 3})]


def test_what_changes_a_quota_that_processes_share_is_told() -> None:
    """And nothing of a rate, which nobody keeps on a disk."""
    clock, changes = Clock(), list[None]()
    tallies = Tallies(clock, clock)
    tallies.changed = lambda: changes.append(None)
    for ask in (Ask(b"r", b"k", Rate(1, 2.0, 1)), Ask(b"q", b"k", Quota(3, "day"))):
        tallies.take_all([ask])
        tallies.give_back(ask)
        tallies.forget(ask)
        assert len(changes) == (0 if isinstance(ask.limit, Rate) else 3)
    assert [*tallies.quotas()] == [QuotaCounts(b"q", Period(DAY, DAY + 86_400), {})]


def test_counts_of_a_quota_go_on_in_their_period_alone() -> None:
    """At its end they begin anew, and nothing is told of the one before."""
    clock = Clock(DAY + 86_399)
    tallies, ask = Tallies(clock, clock), Ask(b"q", b"k", Quota(3, "day"))
    tallies.restore(b"q", Period(DAY, DAY + 86_400), {b"k": 2})
    assert tallies.take_all([ask]) == (Taken(0.0, 0, 1.0),)
    clock.now += 1
    assert [*tallies.quotas()] == []
    assert tallies.take_all([ask]) == (Taken(0.0, 2, 86_400.0),)
