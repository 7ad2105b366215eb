"""The store of one process has bounds, and says what happens beyond them."""

from __future__ import annotations

import asyncio

import pytest

from aggregator.errors import StoreError
from aggregator.stores.lasting import Lasting
from aggregator.stores.limiter import Limiter
from aggregator.stores.memory import MemoryStore
from aggregator.stores.rate import Rate
from aggregator.stores.values import Values

NONE: frozenset[bytes] = frozenset()


def test_counters_and_locks_are_refused_beyond_their_number(clock):
    """A forgotten counter would grant what was used up; those that have ended make room."""

    async def main() -> None:
        store = MemoryStore(clock, most_keys=2)
        for key in (b"a", b"b"):
            await store.add(key, 1, 10)
            await store.lock(key, 10)
        with pytest.raises(StoreError, match="as many counters"):
            await store.add(b"c", 1, 10)
        with pytest.raises(StoreError, match="as many locks"):
            await store.lock(b"c", 10)
        assert await store.add(b"a", 1, 10) == 2
        clock.now += 10
        assert await store.add(b"c", 1, 10) == 1

    asyncio.run(main())


def test_the_longest_unread_value_makes_room(clock):
    """Beyond the number as beyond the bytes; a value larger than all is not kept, nor is one without a lifetime."""
    values = Values(clock, 2, 2000)
    for key in (b"a", b"b"):
        values.put(key, b"x", 10, NONE)
    values.get(b"a")
    values.put(b"c", b"x", 10, NONE)
    assert [values.get(key) for key in (b"a", b"b", b"c")] == [b"x", None, b"x"]
    values.put(b"d", b"x" * 1700, 10, NONE)
    assert (values.get(b"a"), values.get(b"c")) == (None, None)
    values.put(b"e", b"x" * 2000, 10, NONE)
    values.put(b"f", b"x", 0, NONE)
    assert (values.get(b"e"), values.get(b"f")) == (None, None)
    values.delete(b"d")
    assert values.size == 0


def test_what_is_renewed_for_ever_takes_no_more_room(clock):
    """Ends that no longer count are dropped."""
    table: Lasting[int] = Lasting(clock, 10, "locks")
    for _ in range(1000):
        table.put(b"a", 1, 10)
    assert len(table.ends) < 100
    clock.now += 10
    table.put(b"b", 1, 10)
    assert (table.get(b"a"), table.get(b"b")) == (None, 1)


def test_a_limiter_never_knows_more_keys_than_it_may(clock):
    """Beyond the bound the longest unused keys begin anew; those in use are still limited."""
    limiter = Limiter(Rate(1, 1000.0, 1), clock, most_keys=100)
    for number in range(1000):
        limiter.take(number)
        assert len(limiter) <= 100
        assert limiter.take("steady").granted is (number == 0)
    assert limiter.take(0).granted


def test_buckets_that_are_full_are_forgotten_by_time(clock):
    """Two spans later nothing of an unused key is known; within a span everything is."""
    limiter = Limiter(Rate(1, 1.0, 5), clock)
    for number in range(50):
        limiter.take(number, 5)
    clock.now += 4.9
    assert not limiter.take(0, 5).granted
    clock.now += 0.2
    assert limiter.take(1, 5).granted
    clock.now += 5.1
    limiter.take("x")
    clock.now += 5.1
    limiter.take("x")
    assert len(limiter) == 1


def test_a_bucket_that_is_not_full_is_known_however_often_others_are_used(clock):
    """Many takes within one span forget nobody."""
    limiter = Limiter(Rate(1, 10.0, 1), clock)
    limiter.take("k")
    for number in range(9):
        clock.now += 1
        limiter.take(number)
    assert limiter.take("k").wait == pytest.approx(1.0)


def test_a_share_that_was_used_up_stays_used_up(clock):
    """After a change of the rate who had nothing left has nothing left, and who had half has half."""
    limiter = Limiter(Rate(10, 10.0, 10), clock)
    limiter.take("all", 10)
    limiter.take("half", 5)
    limiter.adopt(Rate(100, 10.0, 100))
    assert limiter.take("all").wait == pytest.approx(0.1)
    assert limiter.take("half").remaining == 49


@pytest.mark.parametrize(("count", "period", "burst"), [(0, 1.0, 1), (1, 0.0, 1), (1, 1.0, 0), (1, float("inf"), 1)])
def test_a_rate_that_means_nothing_is_refused(count, period, burst):
    """Each number is above zero, and the period ends."""
    with pytest.raises(ValueError, match="above zero"):
        Rate(count, period, burst)


@pytest.mark.parametrize("rate", [Rate(3, 1.0, 3), Rate(7, 60.0, 21), Rate(100, 1.0, 1000)])
def test_a_burst_is_granted_whole(rate, clock):
    """Adding up intervals that are no binary fraction loses nobody a unit, and grants none too many."""
    clock.now = 1e6 + 0.1
    limiter = Limiter(rate, clock)
    left = [limiter.take("k").remaining for _ in range(rate.burst)]
    assert left == list(range(rate.burst - 1, -1, -1))
    assert not limiter.take("k").granted
