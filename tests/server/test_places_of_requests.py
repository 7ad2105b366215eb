"""Places of requests and connections at the exact bound: who is let in, who waits, who is told what, and what is counted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

import pytest

from aggregator.edge.networks import NO_NETWORKS, parse_networks
from aggregator.plan.serving import ClientLimitsPlan
from aggregator.server.limiting.load import Load, Place, place_in, shed_answer
from aggregator.server.limiting.peers import Peers


class Timers:
    """Stands for a loop: keeps what is to be called later, and how often that was taken back."""

    def __init__(self) -> None:
        self.waits: list[tuple[float, Callable[[], None]]] = []
        self.cancelled = 0

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Any:
        """Keep *callback*; what is returned can be cancelled."""
        self.waits.append((seconds, callback))
        return self

    def cancel(self) -> None:
        """Count it."""
        self.cancelled += 1


class Counter:
    """The places of a server with some limits, and what became of the requests that had to wait."""

    def __init__(self, limits: ClientLimitsPlan) -> None:
        self.load, self.timers = Load(limits), Timers()
        self.told: list[str] = []

    def enter(self, name: str, client: str = "") -> Place | int:
        """Return what a request is told at once."""
        return self.load.enter(
            client, cast("asyncio.AbstractEventLoop", self.timers),
            lambda: self.told.append(name), lambda status: self.told.append(f"{name} {status}"),
        )  # fmt: skip

    def taken(self, name: str, client: str = "") -> Place:
        """Return the place of a request that gets one."""
        place = self.enter(name, client)
        assert isinstance(place, Place)
        return place

    @property
    def counts(self) -> tuple[int, int, int]:
        """Those under way, waiting, and shed."""
        return self.load.under_way, self.load.waiting, self.load.shed


def test_as_many_as_the_limits_say_are_let_in_and_wait() -> None:
    """The next one hears 503; each that leaves makes room for the one that has waited longest, once."""
    door = Counter(ClientLimitsPlan(in_flight=2, queue=2, wait=7.0))
    first, second, third, fourth = (door.taken(name) for name in "abcd")
    assert [place.is_waiting for place in (first, second, third, fourth)] == [False, False, True, True]
    assert (door.counts, [seconds for seconds, _ in door.timers.waits]) == ((2, 2, 0), [7.0, 7.0])
    assert (door.enter("e"), door.counts) == (503, (2, 2, 1))
    first.leave()
    first.leave()
    assert (door.told, third.is_waiting, door.counts, door.timers.cancelled) == (["c"], False, (2, 1, 1), 1)
    fourth.leave()
    assert (door.told, door.counts, door.timers.cancelled) == (["c"], (2, 0, 1), 2)
    second.leave()
    third.leave()
    assert (door.told, door.counts) == (["c"], (0, 0, 1))


def test_who_comes_later_does_not_overtake_those_that_wait() -> None:
    """While room is being made, as when one that is let in is answered at once, a new one waits behind the others."""
    load, timers, told = Load(ClientLimitsPlan(in_flight=1, queue=5, wait=1.0)), Timers(), []
    loop = cast("asyncio.AbstractEventLoop", timers)
    first = load.enter("", loop, lambda: None, lambda _: None)

    def begin() -> None:
        told.append("second")
        assert isinstance(second, Place)
        second.leave()
        late = load.enter("", loop, lambda: told.append("fourth"), lambda _: None)
        assert isinstance(late, Place)
        told.append("waits" if late.is_waiting else "overtakes")

    second = load.enter("", loop, begin, lambda _: None)
    load.enter("", loop, lambda: told.append("third"), lambda _: None)
    assert isinstance(first, Place)
    first.leave()
    assert (told, load.under_way, load.waiting) == (["second", "waits", "third"], 1, 1)


def test_who_has_waited_too_long_is_shed() -> None:
    """It is counted as shed, and neither waits any more nor takes a place."""
    door = Counter(ClientLimitsPlan(in_flight=1, queue=1, wait=7.0))
    first = door.taken("a")
    second = door.taken("b")
    door.timers.waits[0][1]()
    assert (door.told, door.counts, second.is_waiting) == (["b 503"], (1, 0, 1), False)
    first.leave()
    assert (door.told, door.counts) == (["b 503"], (0, 0, 1))


def test_an_address_has_as_many_places_as_the_limit_says() -> None:
    """The next one hears 429; other addresses, and those without one, are not concerned. One that waits has its place."""
    door = Counter(ClientLimitsPlan(in_flight=4, queue=9, in_flight_per_address=2))
    first, second = door.taken("a", "192.0.2.1"), door.taken("b", "192.0.2.1")
    assert (door.enter("c", "192.0.2.1"), door.counts) == (429, (2, 0, 1))
    door.taken("d", "192.0.2.2")
    first.leave()
    assert not door.taken("e", "192.0.2.1").is_waiting
    assert (door.enter("f", "192.0.2.1"), door.counts) == (429, (3, 0, 2))
    second.leave()
    second.leave()
    door.taken("g", "192.0.2.1")
    assert (door.enter("h", "192.0.2.1"), door.counts) == (429, (3, 0, 3))
    for _ in range(3):
        door.taken("i")
    assert door.counts == (4, 2, 3)


def test_a_limit_for_each_address_needs_none_for_all() -> None:
    """Without `in_flight` nobody waits."""
    door = Counter(ClientLimitsPlan(in_flight_per_address=1))
    assert [door.taken(f"{n}", f"192.0.2.{n}").is_waiting for n in range(5)] == [False] * 5
    assert (door.enter("6", "192.0.2.1"), door.counts) == (429, (5, 0, 1))


def test_an_address_is_counted_where_there_is_a_limit_for_it() -> None:
    """Elsewhere one client may have all places, and one without an address is none that could be counted."""
    door = Counter(ClientLimitsPlan(in_flight=3))
    assert [door.taken(name, "192.0.2.1").address for name in "abc"] == [""] * 3
    door = Counter(ClientLimitsPlan(in_flight_per_address=1))
    assert [door.taken(name).address for name in "ab"] == [""] * 2
    assert door.counts == (2, 0, 0)


def test_other_limits_let_in_who_waits_as_far_as_they_go() -> None:
    """Fewer than are under way let nobody in until there is room."""
    door = Counter(ClientLimitsPlan(in_flight=1, queue=5))
    first, *_ = [door.taken(name) for name in "abcd"]
    door.load.configure(ClientLimitsPlan(in_flight=3, queue=5))
    assert (door.told, door.counts) == (["b", "c"], (3, 1, 0))
    door.load.configure(ClientLimitsPlan(in_flight=2, queue=5))
    first.leave()
    assert (door.told, door.counts) == (["b", "c"], (2, 1, 0))
    door.load.configure(ClientLimitsPlan())
    assert (door.told, door.counts) == (["b", "c", "d"], (3, 0, 0))


def test_a_turn_is_waited_for() -> None:
    """Who gets one has its place, who does not the status; a request that is given up meanwhile leaves the queue."""

    async def main() -> None:
        load = Load(ClientLimitsPlan(in_flight=1, queue=2, wait=60.0))
        first = await place_in(load, "")
        assert isinstance(first, Place)
        waiting, given_up = (asyncio.create_task(place_in(load, "")) for _ in range(2))
        await asyncio.sleep(0)
        assert (load.waiting, await place_in(load, "")) == (2, 503)
        given_up.cancel()
        with pytest.raises(asyncio.CancelledError):
            await given_up
        assert load.waiting == 1
        first.leave()
        place = await waiting
        assert isinstance(place, Place)
        assert (place.is_waiting, load.under_way, load.waiting) == (False, 1, 0)
        load.configure(ClientLimitsPlan(in_flight=1, queue=1, wait=0.001))
        assert (await place_in(load, ""), load.waiting, load.shed) == (503, 0, 2)

    asyncio.run(main())


@pytest.mark.parametrize(
    ("status", "title", "detail"),
    [
        (503, "Service Unavailable", "The server has as many requests under way as it takes."),
        (429, "Too Many Requests", "There are too many requests of yours under way."),
    ],
)
def test_who_is_refused_is_told_by_whose_fault_and_when_to_come_again(status: int, title: str, detail: str) -> None:
    """In a second."""
    answer = shed_answer(status, "r1")
    assert (answer.status, dict(answer.headers)[b"retry-after"]) == (status, b"1")
    assert answer.body == (
        f'{{"type":"about:blank","title":"{title}","status":{status},"detail":"{detail}","request_id":"r1"}}'.encode()
    )


@pytest.mark.anyio
async def test_an_address_has_as_many_connections_as_the_limit_says(caplog: pytest.LogCaptureFixture) -> None:
    """The next one is closed, told of, and counted. A network of IPv6 is one client."""
    peers = Peers()
    assert (peers.enter("192.0.2.1"), dict(peers.counts)) == ("", {})
    peers.configure(2, NO_NETWORKS)
    keys = [peers.enter(address) for address in ("192.0.2.1", "192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2")]
    assert all(keys)
    assert [peers.enter("192.0.2.1"), peers.enter("2001:db8::3"), peers.enter("")] == [None, None, ""]
    assert (sorted(peers.counts.values()), peers.closed) == ([1, 2, 2], 2)
    sentence = "A connection was closed: its address has too many."
    assert [(one.getMessage(), one.fields) for one in caplog.records] == [  # type: ignore[attr-defined]
        (sentence, {"client": "192.0.2.1", "connections": 2}), (sentence, {"client": "2001:db8::3", "connections": 2}),
    ]  # fmt: skip
    peers.leave("192.0.2.1")
    assert (peers.counts["192.0.2.1"], peers.enter("192.0.2.1"), peers.enter("192.0.2.1")) == (1, "192.0.2.1", None)


@pytest.mark.anyio
async def test_connections_of_trusted_proxies_are_not_counted() -> None:
    """Each carries many clients."""
    peers = Peers()
    peers.configure(1, parse_networks(["192.0.2.0/24"]))
    assert ([peers.enter("192.0.2.1") for _ in range(3)], dict(peers.counts)) == ([""] * 3, {})
    assert [peers.enter("198.51.100.1"), peers.enter("198.51.100.1")] == ["198.51.100.1", None]
