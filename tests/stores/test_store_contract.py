"""What every store does, whatever keeps its state; an implementation is one row of ``STORES``."""

from __future__ import annotations

import asyncio

import pytest

from aggregator.errors import StoreError
from aggregator.stores.quota import Quota
from aggregator.stores.rate import Rate, Taken
from aggregator.stores.shared.announced import MOST_KEPT, Numbered
from aggregator.stores.shared.asks import Ask
from tests.stores.conftest import stores

SLACK = 100.0
"""Seconds that may go by in a test: the clock of a server goes on."""


def test_a_counter_adds_up_until_its_lifetime_is_over(store, clock, now):
    """It ends when it was to end from its beginning, not from its last addition."""
    assert [now(store.add(b"a", 1, 1000)), now(store.add(b"b", 5, 1000))] == [1, 5]
    clock.now += 900
    assert now(store.add(b"a", 2, 1000)) == 3
    clock.now += 100
    assert now(store.add(b"a", 1, 1000)) == 1


def test_a_bucket_grants_its_burst_and_then_its_rate(store, clock, now):
    """Two at once, then one each two thousand seconds; a refusal says how long to wait and costs nothing."""
    rate = Rate(2, 4000.0, 2)
    assert [now(store.take(b"k", rate)).granted for _ in range(3)] == [True, True, False]
    assert now(store.take(b"other", rate)).granted
    assert now(store.take(b"k", rate)).wait == pytest.approx(2000, abs=SLACK)
    clock.now += 2000
    assert [now(store.take(b"k", rate)).granted for _ in range(2)] == [True, False]


def test_a_bucket_holds_no_more_than_its_burst(store, clock, now):
    """However long nobody took anything, two at once are all there are."""
    rate = Rate(2, 4000.0, 2)
    assert now(store.take(b"k", rate)).granted
    clock.now += 100_000
    assert [now(store.take(b"k", rate)).granted for _ in range(3)] == [True, True, False]


def test_the_whole_burst_can_be_waited_for(store, now):
    """As much as the bucket holds is there again when it is full; more is never there."""
    rate = Rate(5, 5000.0, 5)
    assert now(store.take(b"k", rate)).granted
    assert now(store.take(b"k", rate, 5)).wait == pytest.approx(1000, abs=SLACK)


def test_a_cost_is_taken_whole_or_not_at_all(store, now):
    """Where three of five are left, four are refused and three are granted."""
    rate = Rate(5, 5000.0, 5)
    assert now(store.take(b"k", rate, 2)).remaining == 3
    assert now(store.take(b"k", rate, 4)).remaining == 3
    assert now(store.take(b"k", rate, 3)) == Taken(0.0, 0, pytest.approx(5000, abs=SLACK))
    assert now(store.take(b"k", rate, 6)).wait == float("inf")


def test_a_value_is_kept_for_its_lifetime(store, clock, now):
    """The last one that was put counts; what was deleted or ended is not there."""
    now(store.put(b"k", b"1", 1000))
    now(store.put(b"k", b"2", 2000))
    clock.now += 1500
    assert now(store.get(b"k")) == b"2"
    clock.now += 500
    assert now(store.get(b"k")) is None
    now(store.put(b"k", b"3", 1000))
    now(store.delete(b"k"))
    assert (now(store.get(b"k")), now(store.get(b"never"))) == (None, None)


def test_values_are_forgotten_by_tag(store, clock, now):
    """All with the tag go, the others stay; ended ones and those that were put anew without it do not count."""
    now(store.put(b"a", b"1", 1000, [b"users", b"x"]))
    now(store.put(b"b", b"2", 1000, [b"users"]))
    now(store.put(b"c", b"3", 1000, [b"x"]))
    now(store.put(b"b", b"4", 1000))
    now(store.put(b"d", b"5", 100, [b"users"]))
    clock.now += 200
    assert now(store.delete_tagged(b"users")) == 1
    assert [now(store.get(key)) for key in (b"a", b"b", b"c")] == [None, b"4", b"3"]
    assert now(store.delete_tagged(b"users")) == 0


def test_a_lock_has_one_holder(store, clock, now):
    """Nobody else gets it until it is given back or its time is over."""
    held = now(store.lock(b"k", 1000))
    assert held is not None
    assert now(store.lock(b"k", 1000)) is None
    assert now(store.lock(b"other", 1000)) is not None
    assert now(store.unlock(held))
    again = now(store.lock(b"k", 1000))
    assert again is not None
    clock.now += 900
    assert now(store.renew(again, 1000))
    clock.now += 900
    assert now(store.lock(b"k", 1000)) is None
    clock.now += 100
    assert now(store.lock(b"k", 1000)) is not None


def test_a_late_holder_is_fenced(store, clock, now):
    """Tokens of a key grow; who lost a lock by time can neither renew nor give back that of the next holder."""
    late = now(store.lock(b"k", 100))
    clock.now += 100
    next_one = now(store.lock(b"k", 1000))
    assert late is not None
    assert next_one.token > late.token
    assert (now(store.renew(late, 1000)), now(store.unlock(late))) == (False, False)
    assert now(store.unlock(next_one))


def test_a_message_reaches_who_listens(store, now):
    """Every listener of the channel hears it, none of another, and none that has ended."""
    heard: list[tuple[str, bytes]] = []

    async def main() -> None:
        first, last = asyncio.Event(), asyncio.Event()
        ends = [await store.listen(b"c", lambda message, who=who: heard.append((who, message))) for who in "ab"]
        await store.listen(b"c", lambda _: first.set())
        await store.listen(b"other", lambda message: (heard.append(("other", message)), last.set()))
        await store.publish(b"c", b"1")
        await first.wait()
        ends[0]()
        ends[0]()
        await store.publish(b"c", b"2")
        await store.publish(b"silent", b"3")
        await store.publish(b"other", b"4")
        await last.wait()
        await store.aclose()

    now(main())
    assert heard == [("a", b"1"), ("b", b"1"), ("b", b"2"), ("other", b"4")]


def test_what_is_announced_is_told_to_who_asks_later(store, now):
    """Behind a number come those after it, in their order; nothing is known behind a number that there is not."""
    start = now(store.announced(b"c", 0))
    assert start.messages is None
    for message in (b"1", b"\x00 \r\n2", b"3"):
        now(store.announce(b"c", message))
    assert now(store.announced(b"c", start.last)) == (start.last + 3, [b"1", b"\x00 \r\n2", b"3"])
    assert now(store.announced(b"c", start.last + 2)) == (start.last + 3, [b"3"])
    assert now(store.announced(b"c", start.last + 3)) == (start.last + 3, [])
    for unknown in (start.last - 1, start.last + 4):
        assert now(store.announced(b"c", unknown)) == (start.last + 3, None)


def test_the_last_announcements_alone_are_kept(store, now):
    """Who asks for more is told that they are not known."""
    start = now(store.announced(b"c", 0)).last

    async def announce() -> None:
        await asyncio.gather(*(store.announce(b"c", b"%d" % number) for number in range(MOST_KEPT + 5)))

    now(announce())
    last = start + MOST_KEPT + 5
    assert now(store.announced(b"c", start)) == (last, None)
    assert now(store.announced(b"c", last - 2)).messages == [b"%d" % (MOST_KEPT + 3), b"%d" % (MOST_KEPT + 4)]


def test_an_announcement_is_sent_with_its_number(store, now):
    """Who listens hears it behind its number and that of the one before."""
    heard: list[Numbered] = []

    async def main() -> None:
        last = asyncio.Event()
        await store.listen(b"c", lambda frame: (heard.append(Numbered.unpacked(frame)), len(heard) > 1 and last.set()))
        start = (await store.announced(b"c", 0)).last
        await store.announce(b"c", b"1")
        await store.announce(b"c", b"2 2")
        await last.wait()
        await store.aclose()
        assert heard == [(start + 1, start, b"1"), (start + 2, start + 1, b"2 2")]

    now(main())


TEN, TWO = Ask(b"ten", b"k", Rate(10, 10_000.0, 10)), Ask(b"two", b"k", Rate(2, 2000.0, 2))


def test_several_limits_grant_together_or_take_nothing(store, now):
    """Where one of two refuses, the other is not charged, and tells what it has left."""
    for left in (9, 8):
        assert [taken.remaining for taken in now(store.take_all([TEN, TWO]))] == [left, left - 8]
    ten, two = now(store.take_all([TEN, TWO]))
    assert (ten.wait, ten.remaining, two.granted) == (0.0, 8, False)
    assert two.wait == pytest.approx(1000, abs=SLACK)
    assert [taken.remaining for taken in now(store.take_all([TEN]))] == [7]


@pytest.mark.parametrize("store", stores("socket", "redis"), indirect=True)
def test_what_is_taken_may_be_told_instead(store, now):
    """A function gets what an await comes to, without a task for it, and why there is nothing when the way is closed."""

    async def told() -> object:
        found = asyncio.get_running_loop().create_future()
        tasks = len(asyncio.all_tasks())
        store.begin_take([TEN, TWO], found.set_result)
        assert len(asyncio.all_tasks()) == tasks
        return await found

    assert [taken.remaining for taken in now(told())] == [9, 1]

    async def closed() -> object:
        found = asyncio.get_running_loop().create_future()
        store.begin_take([TEN], found.set_result)
        store.close()
        return await found

    assert isinstance(now(closed()), StoreError)


def test_a_limit_that_does_not_bind_refuses_nobody(store, now):
    """It tells that it would have; the others are charged."""
    reported = TWO._replace(binding=False)
    for _ in range(2):
        now(store.take_all([TEN, reported]))
    ten, two = now(store.take_all([TEN, reported]))
    assert (ten.granted, ten.remaining, two.granted) == (True, 7, False)


def test_a_limit_is_counted_by_name_and_key(store, now):
    """Names and keys that read alike when they stand one behind the other are different ones."""
    rate = Rate(1, 1000.0, 1)
    for name, key in ((b"a", b"bc"), (b"ab", b"c"), (b"a", b"b")):
        assert [now(store.take_all([Ask(name, key, rate)]))[0].granted for _ in range(2)] == [True, False]


def test_a_changed_rate_goes_on_with_what_was_used(store, now):
    """Who has used up half of a burst has half of another one left."""
    now(store.take_all([TEN._replace(cost=5)]))
    wider = TEN._replace(limit=Rate(100, 100_000.0, 100), cost=50)
    assert [now(store.take_all([wider]))[0].granted for _ in range(2)] == [True, False]


def test_a_quota_counts_to_the_end_of_its_period(store, clock, now):
    """All of it may be taken at once, nothing more, and all of it is there again in the next hour."""
    ask = Ask(b"q", b"k", Quota(3, "hour"), 2)
    clock.now += 3600 - clock.now % 3600
    assert now(store.take_all([ask]))[0] == Taken(0.0, 1, pytest.approx(3600))
    clock.now += 600
    assert now(store.take_all([ask]))[0] == Taken(pytest.approx(3000), 1, pytest.approx(3000))
    assert now(store.take_all([ask._replace(cost=4)]))[0].wait == float("inf")
    assert now(store.take_all([ask._replace(cost=1)]))[0].remaining == 0
    clock.now += 3000
    assert now(store.take_all([ask]))[0].remaining == 1


@pytest.mark.parametrize("limit", [Rate(2, 2000.0, 2), Quota(2, "month")])
def test_a_count_that_is_forgotten_begins_anew(store, now, limit):
    """All of it can be taken again."""
    ask = Ask(b"n", b"k", limit, 2)
    assert now(store.take_all([ask]))[0].granted
    now(store.forget(ask))
    assert now(store.take_all([ask]))[0].granted


def test_what_was_taken_can_be_put_back(store, now):
    """A count is never more than full, and what nobody has taken from is left alone."""
    now(store.give_back(TWO))
    assert [now(store.take_all([TWO]))[0].remaining for _ in range(2)] == [1, 0]
    now(store.give_back(TWO))
    assert [now(store.take_all([TWO]))[0].granted for _ in range(2)] == [True, False]
    for _ in range(4):
        now(store.give_back(TWO))
    assert [now(store.take_all([TWO]))[0].granted for _ in range(3)] == [True, True, False]


def test_processes_are_counted_while_they_tell_of_themselves(store, clock, now):
    """One that was not seen for its lifetime does not count."""
    assert [now(store.seen(name, 1000.0)) for name in (b"a", b"a", b"b")] == [1, 1, 2]
    clock.now += 600
    assert now(store.seen(b"a", 1000.0)) == 2
    clock.now += 600
    assert now(store.seen(b"a", 1000.0)) == 1


def test_operations_of_one_turn_keep_their_order(store, now):
    """Many at once are each answered with what is theirs."""

    async def main() -> list[int]:
        return await asyncio.gather(*(store.add(b"n", 1, 1000) for _ in range(100)))

    assert now(main()) == list(range(1, 101))
