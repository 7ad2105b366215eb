"""What every store does, whatever keeps its state; an implementation is one row of ``STORES``."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from aggregator.stores.contract import Store
from aggregator.stores.memory import MemoryStore
from aggregator.stores.rate import Rate

STORES: dict[str, Callable[[Any], Store]] = {"memory": MemoryStore}


@pytest.fixture(params=STORES)
def store(request, clock) -> Store:
    """Return an empty store on the clock of the test."""
    return STORES[request.param](clock)


def now(awaitable: Awaitable[Any]) -> Any:
    """Return what *awaitable* comes to."""

    async def main() -> Any:
        return await awaitable

    return asyncio.run(main())


def test_a_counter_adds_up_until_its_lifetime_is_over(store, clock):
    """It ends when it was to end from its beginning, not from its last addition."""
    assert [now(store.add(b"a", 1, 10)), now(store.add(b"b", 5, 10))] == [1, 5]
    clock.now += 9
    assert now(store.add(b"a", 2, 10)) == 3
    clock.now += 1
    assert now(store.add(b"a", 1, 10)) == 1


def test_a_bucket_grants_its_burst_and_then_its_rate(store, clock):
    """Two at once, then one each half second; a refusal says how long to wait and costs nothing."""
    rate = Rate(2, 1.0, 2)
    assert [now(store.take(b"k", rate)).granted for _ in range(3)] == [True, True, False]
    assert now(store.take(b"other", rate)).granted
    assert now(store.take(b"k", rate)).wait == pytest.approx(0.5)
    clock.now += 0.5
    assert [now(store.take(b"k", rate)).granted for _ in range(2)] == [True, False]


def test_a_bucket_holds_no_more_than_its_burst(store, clock):
    """However long nobody took anything, two at once are all there are."""
    rate = Rate(2, 1.0, 2)
    assert now(store.take(b"k", rate)).granted
    clock.now += 1000
    assert [now(store.take(b"k", rate)).granted for _ in range(3)] == [True, True, False]


def test_the_whole_burst_can_be_waited_for(store):
    """As much as the bucket holds is there again when it is full; more is never there."""
    rate = Rate(5, 5.0, 5)
    assert now(store.take(b"k", rate)).granted
    assert now(store.take(b"k", rate, 5)).wait == pytest.approx(1.0)


def test_a_cost_is_taken_whole_or_not_at_all(store):
    """Where three of five are left, four are refused and three are granted."""
    rate = Rate(5, 5.0, 5)
    assert now(store.take(b"k", rate, 2)).remaining == 3
    assert now(store.take(b"k", rate, 4)).remaining == 3
    assert now(store.take(b"k", rate, 3)) == (0.0, 0, pytest.approx(5.0))
    assert now(store.take(b"k", rate, 6)).wait == float("inf")


def test_a_value_is_kept_for_its_lifetime(store, clock):
    """The last one that was put counts; what was deleted or ended is not there."""
    now(store.put(b"k", b"1", 10))
    now(store.put(b"k", b"2", 20))
    clock.now += 15
    assert now(store.get(b"k")) == b"2"
    clock.now += 5
    assert now(store.get(b"k")) is None
    now(store.put(b"k", b"3", 10))
    now(store.delete(b"k"))
    assert (now(store.get(b"k")), now(store.get(b"never"))) == (None, None)


def test_values_are_forgotten_by_tag(store, clock):
    """All with the tag go, the others stay; ended ones and those that were put anew without it do not count."""
    now(store.put(b"a", b"1", 10, [b"users", b"x"]))
    now(store.put(b"b", b"2", 10, [b"users"]))
    now(store.put(b"c", b"3", 10, [b"x"]))
    now(store.put(b"b", b"4", 10))
    now(store.put(b"d", b"5", 1, [b"users"]))
    clock.now += 2
    assert now(store.delete_tagged(b"users")) == 1
    assert [now(store.get(key)) for key in (b"a", b"b", b"c")] == [None, b"4", b"3"]
    assert now(store.delete_tagged(b"users")) == 0


def test_a_lock_has_one_holder(store, clock):
    """Nobody else gets it until it is given back or its time is over."""
    held = now(store.lock(b"k", 10))
    assert held is not None
    assert now(store.lock(b"k", 10)) is None
    assert now(store.lock(b"other", 10)) is not None
    assert now(store.unlock(held))
    again = now(store.lock(b"k", 10))
    assert again is not None
    clock.now += 9
    assert now(store.renew(again, 10))
    clock.now += 9
    assert now(store.lock(b"k", 10)) is None
    clock.now += 1
    assert now(store.lock(b"k", 10)) is not None


def test_a_late_holder_is_fenced(store, clock):
    """Tokens of a key grow; who lost a lock by time can neither renew nor give back that of the next holder."""
    late = now(store.lock(b"k", 1))
    clock.now += 1
    next_one = now(store.lock(b"k", 10))
    assert late is not None
    assert next_one.token > late.token
    assert (now(store.renew(late, 10)), now(store.unlock(late))) == (False, False)
    assert now(store.unlock(next_one))


def test_a_message_reaches_who_listens(store):
    """Every listener of the channel hears it, none of another, and none that has ended."""
    heard: list[tuple[str, bytes]] = []

    async def main() -> None:
        ends = [await store.listen(b"c", lambda message, who=who: heard.append((who, message))) for who in "ab"]
        await store.listen(b"other", lambda message: heard.append(("other", message)))
        await store.publish(b"c", b"1")
        ends[0]()
        ends[0]()
        await store.publish(b"c", b"2")
        await store.publish(b"silent", b"3")
        await store.aclose()

    asyncio.run(main())
    assert heard == [("a", b"1"), ("b", b"1"), ("b", b"2")]
