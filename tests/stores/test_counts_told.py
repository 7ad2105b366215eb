"""What limits, quotas and tables in memory tell, at their exact bounds."""

from __future__ import annotations

import math

import pytest

from aggregator.errors import StoreError
from aggregator.stores.lasting import Lasting
from aggregator.stores.limiter import Limiter
from aggregator.stores.quota import Quota
from aggregator.stores.rate import Rate, Taken
from aggregator.stores.used import Used
from aggregator.stores.values import Values

DAY = 86_400.0
NONE: frozenset[bytes] = frozenset()


def test_what_a_bucket_tells(clock) -> None:
    """How long until it can be, what is left, and when it is full again; more than it holds never comes."""
    limiter = Limiter(Rate(1, 2.0, 4), clock)
    told = [limiter.look("k"), limiter.take("k", 3), limiter.look("k", 2), limiter.take("k", 2), limiter.take("k", 5)]
    assert told == [
        Taken(0.0, 3, 2.0), Taken(0.0, 1, 6.0), Taken(2.0, 1, 6.0), Taken(2.0, 1, 6.0), Taken(math.inf, 1, 6.0),
    ]  # fmt: skip
    assert limiter.take("k") == Taken(0.0, 0, 8.0)
    assert (limiter.take("k"), limiter.wait("k"), limiter.grant("k")) == (Taken(2.0, 0, 8.0), 2.0, -1.0)
    clock.now += 2.0
    assert (limiter.wait("k"), limiter.grant("k"), limiter.wait("unknown")) == (0.0, 8.0, 0.0)
    limiter.give_back("k")
    limiter.give_back("unknown")
    assert limiter.look("k") == Taken(0.0, 0, 8.0)
    assert [limiter.knows(key) for key in ("k", "unknown")] == [True, False]


def test_what_is_reserved(clock) -> None:
    """At once, or up to so many seconds later, behind those that wait; one that would be later takes nothing."""
    limiter = Limiter(Rate(1, 2.0, 1), clock)
    assert [limiter.reserve("k", wait) for wait in (4.0, 4.0, 3.9, 4.0, 0.0)] == [0.0, 2.0, None, 4.0, None]
    clock.now += 6.0
    assert limiter.reserve("k", 0.0) == 0.0


def test_time_goes_on_when_the_clock_jumps_back(clock) -> None:
    """From where it was: nobody is locked out, and nothing is granted twice."""
    limiter = Limiter(Rate(1, 2.0, 1), clock)
    limiter.take("k")
    clock.now -= 500.0
    assert limiter.take("k").wait == 2.0
    clock.now += 1.0
    assert limiter.look("k").wait == 1.0
    clock.now += 1.0
    assert limiter.take("k").granted


@pytest.mark.parametrize(("most", "known"), [(4, 4), (5, 4), (2, 2), (1, 2), (0, 2)])
def test_so_many_keys_are_known(clock, most: int, known: int) -> None:
    """Half of them are young, one at least; the young ones become old when there is one more."""
    limiter, used = Limiter(Rate(1, 1000.0, 1), clock, most), Used(Quota(9, "day"), clock, most)
    sizes: set[tuple[int, int]] = set()
    for number in range(20):
        limiter.take(number)
        used.take(b"%d" % number)
        sizes.add((len(limiter), len(used)))
    assert max(sizes) == (known, known)


def test_what_a_quota_tells(clock) -> None:
    """What is left, and when its period ends; more than there ever is never comes, and what is refused takes nothing."""
    clock.now = DAY / 4
    used, changes = Used(Quota(5, "day"), clock), []
    used.changed = lambda: changes.append(1)
    left = DAY * 3 / 4
    told = [used.look(b"k", 5), used.take(b"k", 3), used.take(b"k", 3), used.look(b"k", 6), used.take(b"k", 2)]
    assert told == [
        Taken(0.0, 0, left), Taken(0.0, 2, left), Taken(left, 2, left), Taken(math.inf, 2, left), Taken(0.0, 0, left),
    ]  # fmt: skip
    assert (used.look(b"k"), dict(used.counts()), len(changes)) == (Taken(left, 0, left), {b"k": 5}, 2)
    used.take(b"refused", 6)
    assert len(used) == 1
    used.forget(b"k")
    assert (dict(used.counts()), len(changes)) == ({}, 3)


def test_what_a_quota_counted_before(clock) -> None:
    """It is added to what is counted now; what a store has counted takes its place, and may be more than there is."""
    clock.now = 0.0
    used = Used(Quota(5, "day"), clock)
    used.take(b"k", 2)
    used.restore({b"k": 2, b"l": 1})
    assert dict(used.counts()) == {b"k": 4, b"l": 1}
    used.note(b"k", 9)
    assert (used.look(b"k").remaining, used.take(b"k").remaining, dict(used.counts())) == (0, 0, {b"k": 9, b"l": 1})


@pytest.mark.parametrize(("later", "is_kept"), [(DAY - 0.001, True), (DAY, False), (-0.001, False)])
def test_a_period_has_its_own_counts(clock, later: float, is_kept: bool) -> None:
    """Up to its end, and not before its beginning either."""
    clock.now = 10 * DAY
    used = Used(Quota(5, "day"), clock)
    used.take(b"k", 5)
    clock.now += later
    assert (used.present().start == 10 * DAY, dict(used.counts())) == (is_kept, {b"k": 5} if is_kept else {})


def test_another_quota_of_the_same_period_goes_on(clock) -> None:
    """With what is used; another period begins anew."""
    clock.now = 0.0
    used = Used(Quota(5, "day"), clock)
    used.take(b"k", 4)
    used.adopt(Quota(3, "day"))
    assert used.look(b"k") == Taken(DAY, 0, DAY)
    used.adopt(Quota(3, "hour"))
    assert used.look(b"k") == Taken(0.0, 2, 3600.0)


@pytest.mark.parametrize("given", [(0, "day"), (-1, "day"), (1, "week")])
def test_a_quota_that_means_nothing_is_refused(given) -> None:
    """One unit is the least."""
    with pytest.raises(ValueError, match="A quota has a count above zero, and an hour, a day or a month"):
        Quota(*given)
    assert Quota(1, "day").burst == 1


def test_an_entry_lasts_up_to_its_moment(clock) -> None:
    """And makes room at it; what is changed ends when it would have ended, and what is deleted is gone."""
    table: Lasting[str] = Lasting(clock, 2, "locks")
    table.put(b"a", "1", 5.0)
    table.put(b"b", "2", 9.0)
    table.change(b"a", "3")
    with pytest.raises(StoreError, match=r"^The store holds as many locks as it may\.$"):
        table.put(b"c", "4", 9.0)
    clock.now += 4.999
    assert table.get(b"a") == "3"
    clock.now += 0.001
    assert table.get(b"a") is None
    table.put(b"c", "4", 9.0)
    table.delete(b"b")
    table.delete(b"b")
    table.put(b"d", "5", 9.0)
    assert [table.get(key) for key in (b"a", b"b", b"c", b"d")] == [None, None, "4", "5"]


def test_an_entry_that_is_put_again_has_its_last_end(clock) -> None:
    """Its first one forgets nothing; ends that no longer count are dropped when they are many."""
    table: Lasting[str] = Lasting(clock, 9, "locks")
    table.put(b"a", "1", 1.0)
    table.put(b"a", "2", 5.0)
    clock.now += 2.0
    table.put(b"b", "3", 5.0)
    assert table.get(b"a") == "2"
    for _ in range(18):
        table.put(b"a", "4", 5.0)
    assert len(table.ends) == 20
    table.put(b"a", "5", 5.0)
    assert len(table.ends) == 2


def test_a_value_costs_its_bytes_and_two_hundred_more(clock) -> None:
    """Those of its key and its tags, too; one that has exactly as many as there are is kept, and takes all room."""
    values = Values(clock, 9, 1000)
    values.put(b"a", b"x", 10, NONE)
    assert values.size == 202
    values.put(b"key", b"x" * 790, 10, frozenset({b"tag", b"more"}))
    assert (values.size, values.get(b"a")) == (1000, None)
    values.put(b"key", b"x" * 791, 10, frozenset({b"tag", b"more"}))
    assert (values.size, values.get(b"key")) == (0, None)


def test_a_value_makes_no_more_room_than_it_needs(clock) -> None:
    """Of bytes as of places."""
    values = Values(clock, 3, 1000)
    for key in (b"a", b"b", b"c"):
        values.put(key, b"x", 10, NONE)
    values.put(b"d", b"x" * 395, 10, NONE)
    assert ([values.get(key) for key in (b"a", b"b", b"c")], values.size) == ([None, b"x", b"x"], 1000)


def test_a_value_ends_at_its_moment(clock) -> None:
    """It is not among those that a tag forgets then."""
    values = Values(clock, 9, 10_000)
    values.put(b"a", b"1", 5.0, frozenset({b"t"}))
    values.put(b"b", b"2", 5.001, frozenset({b"t", b"u"}))
    values.put(b"c", b"3", 9.0, frozenset({b"u"}))
    clock.now += 5.0
    assert values.get(b"a") is None
    values.put(b"a", b"1", 0.0, frozenset({b"t"}))
    assert [values.delete_tagged(tag) for tag in (b"t", b"t", b"unknown")] == [1, 0, 0]
    assert (values.get(b"b"), values.get(b"c"), values.delete_tagged(b"u"), values.size) == (None, b"3", 1, 0)


def test_what_has_ended_counts_no_more_among_those_of_a_tag(clock) -> None:
    """Though nobody has asked for it."""
    values = Values(clock, 9, 10_000)
    values.put(b"a", b"1", 5.0, frozenset({b"t"}))
    clock.now += 5.0
    assert (values.delete_tagged(b"t"), values.size) == (0, 0)


def test_a_value_without_a_lifetime_takes_no_room(clock) -> None:
    """One with the shortest does; the longest unread of those that there may be makes room for one more."""
    values = Values(clock, 2, 10_000)
    for lifetime, size in ((0.0, 0), (-1.0, 0), (0.5, 202)):
        values.put(b"a", b"x", lifetime, NONE)
        assert values.size == size
    values.put(b"b", b"x", 5.0, NONE)
    values.put(b"c", b"x", 5.0, NONE)
    assert ([values.get(key) for key in (b"a", b"b", b"c")], values.size) == ([None, b"x", b"x"], 404)


def test_all_of_a_quota_comes_in_the_next_period(clock) -> None:
    """As much as there ever is has to wait for its end, and one more never comes."""
    clock.now = 0.0
    used = Used(Quota(5, "day"), clock)
    used.take(b"k")
    assert [used.look(b"k", cost).wait for cost in (4, 5, 6)] == [0.0, DAY, math.inf]
