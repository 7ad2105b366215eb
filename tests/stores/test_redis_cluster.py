"""The nodes of a cluster, played by the test: who is asked, and what becomes of slots that move and nodes that go."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from itertools import count
from typing import Any

import pytest
from nodes import SILENCE, Asked, Played, Reply, until

from aggregator.errors import StoreError
from aggregator.stores.quota import Quota
from aggregator.stores.rate import Rate
from aggregator.stores.redis.cluster import Cluster
from aggregator.stores.redis.store import RedisStore
from aggregator.stores.shared.address import StoreAddress
from aggregator.stores.shared.asks import Ask

pytest.importorskip("redis")
LAST = 16383


def key_in(slot: int) -> bytes:
    """Return a key of *slot*."""
    from redis.crc import key_slot

    return next(key for number in count() if key_slot(key := b"%d" % number) == slot)


class Nodes:
    """Three servers, of which the first two share the slots; *parts* is what each says of who has which."""

    def __init__(self) -> None:
        self.replies: dict[tuple[int, bytes], Reply] = {}
        """What a server replies to a command, by its number and the name of the command."""
        self.takes: dict[bytes, Reply] = {}
        """What is replied to who takes of a bucket, ``r``, or a sum, ``q``."""
        self.broken: list[str] = []
        """Why connections were lost."""

    async def open(self, stack: AsyncExitStack) -> None:
        """Start them."""
        self.servers = [
            await stack.enter_async_context(Played(lambda asked, number=number: self._reply(number, asked)))
            for number in range(3)
        ]
        self.parts = [self.part(0, 8191, 0), self.part(8192, LAST, 1)]

    def part(self, first: int, last: int, number: int, host: bytes | None = b"127.0.0.1") -> list[Any]:
        """Return that the server with *number* has the slots from *first* to *last*."""
        return [first, last, [host, self.servers[number].port, b"id"]]

    def _reply(self, number: int, asked: Asked) -> Reply:
        if asked == (b"CLUSTER", b"SLOTS"):
            return self.replies.get((number, b"SLOTS"), self.parts)
        if asked[0] == b"EVAL":
            return self.takes.get(asked[4], 1)
        return self.replies.get((number, asked[0]), b"%d" % number)

    def address(self, *numbers: int, password: str | None = None) -> StoreAddress:
        """Return the address that names these."""
        hosts = tuple(("127.0.0.1", self.servers[number].port) for number in numbers)
        return StoreAddress("cluster", hosts, password=password)

    def asked(self, number: int) -> list[Asked]:
        """Return what a server was asked, but for who has which slot."""
        return [asked for asked in self.servers[number].asked if asked != (b"CLUSTER", b"SLOTS")]

    @property
    def maps(self) -> int:
        """How often any was asked for who has which slot."""
        return sum(server.asked.count((b"CLUSTER", b"SLOTS")) for server in self.servers)

    @property
    def connections(self) -> list[int]:
        """How many connections each had."""
        return [server.connections for server in self.servers]


def played(test: Callable[[Nodes, Cluster], Awaitable[None]], *hosts: int, **said: Any) -> None:
    """Run *test* with the nodes, and the way to those of *hosts*."""

    async def main() -> None:
        async with AsyncExitStack() as stack:
            nodes = Nodes()
            await nodes.open(stack)
            found = Cluster(nodes.address(*(hosts or (0,)), **said), 30.0, nodes.broken.append)
            try:
                await test(nodes, found)
            finally:
                await found.aclose()

    asyncio.run(main())


def test_each_slot_has_its_node() -> None:
    """From the first to the last one; each server is connected to once, beside whom was asked."""

    async def test(nodes: Nodes, found: Cluster) -> None:
        assert found.is_open is False
        with pytest.raises(StoreError, match=r"^The store is not connected\.$"):
            await found.send(b"k", (b"GET",))
        await found.connect()
        assert found.is_open is True
        slots = {0: b"0", 8191: b"0", 8192: b"1", LAST: b"1"}
        assert [await found.send(key_in(slot), (b"GET", b"x")) for slot in slots] == list(slots.values())
        assert [await send((b"PING",)) for send in found.servers()] in ([b"0", b"1"], [b"1", b"0"])
        assert nodes.connections == [2, 1, 0]

    played(test)


@pytest.mark.parametrize(("last", "is_whole"), [(LAST, True), (LAST - 1, False)])
def test_a_cluster_needs_a_node_for_every_slot(last: int, is_whole: bool) -> None:
    """Else some keys would have nobody."""

    async def test(nodes: Nodes, found: Cluster) -> None:
        nodes.parts = [nodes.part(0, 0, 0), nodes.part(1, last, 1)]
        if is_whole:
            return await found.connect()
        with pytest.raises(StoreError, match=r"^Some slots of the cluster have no node\.$"):
            await found.connect()
        assert found.is_open is False
        return None

    played(test)


@pytest.mark.parametrize("host", [b"", None, b"127.0.0.1"])
def test_a_node_without_a_name_is_where_it_was_asked(host: bytes | None) -> None:
    """One that nobody told how others reach it knows its port alone; replicas, which follow the primary, are not asked."""

    async def test(nodes: Nodes, found: Cluster) -> None:
        nodes.parts = [[*nodes.part(0, LAST, 1, host), [b"replica", 1, b"id"]]]
        await found.connect()
        assert await found.send(b"k", (b"GET",)) == b"1"

    played(test)


def test_the_first_node_that_answers_says_who_has_what() -> None:
    """Those that have gone, or are no part of it, are passed over."""

    async def test(nodes: Nodes, found: Cluster) -> None:
        await nodes.servers[0].stop()
        nodes.replies[1, b"SLOTS"] = Exception("ERR This instance has cluster support disabled")
        nodes.parts = [nodes.part(0, LAST, 2)]
        await found.connect()
        assert (nodes.connections, nodes.maps) == ([0, 1, 2], 2)

    played(test, 0, 1, 2)


def test_where_no_node_answers_the_last_error_counts() -> None:
    """It is what is wrong with the cluster."""

    async def test(nodes: Nodes, found: Cluster) -> None:
        await nodes.servers[0].stop()
        nodes.replies[1, b"SLOTS"] = Exception("ERR This instance has cluster support disabled")
        with pytest.raises(Exception, match="cluster support disabled"):
            await found.connect()

    played(test, 0, 1)


def test_a_slot_that_has_moved_is_followed() -> None:
    """At once, and by all from then on; who has which slot is asked once, however many are told so."""

    async def test(nodes: Nodes, found: Cluster) -> None:
        await found.connect()
        key = key_in(8191)
        nodes.replies[0, b"GET"] = Exception(f"MOVED 8191 127.0.0.1:{nodes.servers[1].port}")
        nodes.parts = [nodes.part(0, 8190, 0), nodes.part(8191, LAST, 1)]
        both = await asyncio.gather(found.send(key, (b"GET", b"1")), found.send(key, (b"GET", b"2")))
        assert both == [b"1", b"1"]
        await until(lambda: nodes.maps == 2 and [server.open for server in nodes.servers] == [1, 1, 0])
        assert await found.send(key, (b"GET", b"3")) == b"1"
        assert [asked[1] for asked in nodes.asked(0)] == [b"1", b"2"]
        assert nodes.asked(1) == [(b"GET", b"1"), (b"GET", b"2"), (b"GET", b"3")]
        assert nodes.maps == 2

    played(test)


def test_a_slot_that_is_moving_is_asked_for_where_it_goes() -> None:
    """For this one time; nothing is learned of it."""

    async def test(nodes: Nodes, found: Cluster) -> None:
        await found.connect()
        nodes.replies[0, b"GET"] = Exception(f"ASK 0 127.0.0.1:{nodes.servers[1].port}")
        assert await found.send(key_in(0), (b"GET", b"x")) == b"1"
        assert nodes.asked(1) == [(b"ASKING",), (b"GET", b"x")]
        assert nodes.maps == 1

    played(test)


def test_a_slot_that_moved_to_somebody_new_is_there_once_that_is_known() -> None:
    """Until then the operation fails; a node that has no slot any more is left, and others keep their connections."""

    async def test(nodes: Nodes, found: Cluster) -> None:
        await found.connect()
        nodes.replies[0, b"GET"] = Exception(f"MOVED 0 127.0.0.1:{nodes.servers[2].port}")
        nodes.parts = [nodes.part(0, 8191, 2), nodes.part(8192, LAST, 1)]
        with pytest.raises(StoreError, match=r"^A part of the store has moved\.$"):
            await found.send(key_in(0), (b"GET", b"x"))
        await until(lambda: nodes.connections[2] == 1)
        await until(lambda: found.is_open and [server.open for server in nodes.servers] == [0, 1, 1])
        assert await found.send(key_in(0), (b"GET", b"x")) == b"2"
        assert len(found.servers()) == 2
        assert (sum(nodes.connections), nodes.connections[2], nodes.broken) == (5, 1, [])

    played(test)


def test_other_errors_are_replies() -> None:
    """They are for whoever asked."""

    async def test(nodes: Nodes, found: Cluster) -> None:
        await found.connect()
        nodes.replies[0, b"GET"] = Exception("WRONGTYPE of a value")
        reply = await found.send(key_in(0), (b"GET", b"x"))
        assert "of a value" in str(reply)
        assert isinstance(reply, Exception)

    played(test)


def test_a_node_that_goes_is_told() -> None:
    """The cluster is no longer whole then; to connect again leaves the connections that there are."""

    async def test(nodes: Nodes, found: Cluster) -> None:
        await found.connect()
        nodes.servers[1].cut()
        await until(lambda: bool(nodes.broken))
        assert (found.is_open, len(nodes.broken)) == (False, 1)
        await found.connect()
        assert (found.is_open, sum(nodes.connections)) == (True, 5)
        found.close()
        assert (found.is_open, len(nodes.broken)) == (False, 1)

    played(test)


def test_a_map_that_cannot_be_had_is_told_without_the_password() -> None:
    """A server that does not know who asks repeats what it was given."""

    async def test(nodes: Nodes, found: Cluster) -> None:
        await found.connect()
        nodes.replies[0, b"SLOTS"] = nodes.replies[1, b"SLOTS"] = Exception("ERR of hunter2")
        nodes.replies[0, b"GET"] = Exception(f"MOVED 0 127.0.0.1:{nodes.servers[1].port}")
        assert await found.send(key_in(0), (b"GET",)) == b"1"
        await until(lambda: bool(nodes.broken))
        assert [("hunter2" in told, "of ***" in told) for told in nodes.broken] == [(False, True)]

    played(test, password="hunter2")


def test_what_waits_when_all_is_closed_fails() -> None:
    """It was closed by us, so nobody is told that it broke."""

    async def test(nodes: Nodes, found: Cluster) -> None:
        await found.connect()
        nodes.replies[0, b"GET"] = SILENCE
        waiting = asyncio.ensure_future(found.send(key_in(0), (b"GET",)))
        await until(lambda: bool(nodes.asked(0)))
        found.close()
        with pytest.raises(StoreError, match=r"^It was closed\.$"):
            await waiting
        assert nodes.broken == []

    played(test)


BUCKET, SUM = Ask(b"bucket", b"k", Rate(10, 60.0, 10), 2), Ask(b"sum", b"k", Quota(5, "day"), 3)
GRANTED, REFUSED = b"0 8 12000000", b"1 0 0"


def limited(test: Callable[[Nodes, RedisStore], Awaitable[None]], bucket: bytes, total: bytes) -> None:
    """Run *test* with a store over nodes that reply *bucket* and *total* to who takes of those."""

    async def main() -> None:
        async with AsyncExitStack() as stack:
            nodes = Nodes()
            await nodes.open(stack)
            store = RedisStore(nodes.address(0), "p:", 30.0, nodes.broken.append, lambda: 100_000.0)
            await store.connect()
            nodes.takes = {b"r": bucket, b"q": total}
            try:
                await test(nodes, store)
            finally:
                await store.aclose()

    asyncio.run(main())


def backs(nodes: Nodes) -> list[Asked]:
    """Return what was given back: the command without its script and its key."""
    asked = [asked for number in range(3) for asked in nodes.asked(number)]
    scripts = [(one[0], *one[4:]) for one in asked if one[0] == b"EVAL" and one[4] not in nodes.takes]
    return [*scripts, *((one[0], *one[2:]) for one in asked if one[0] == b"DECRBY")]


def test_what_a_bucket_granted_is_given_back_where_a_sum_refuses() -> None:
    """As a share of its span, in microseconds; what is told is as if nothing had been taken."""

    async def test(nodes: Nodes, store: RedisStore) -> None:
        bucket, total = await store.take_all([BUCKET, SUM])
        assert (bucket.granted, bucket.remaining, bucket.reset) == (True, 10, 12.0)
        assert (total.granted, total.remaining, total.wait) == (False, 0, 72_800.0)
        assert backs(nodes) == [(b"EVAL", b"0.2", b"60000000.0")]

    limited(test, GRANTED, REFUSED)


def test_what_a_sum_granted_is_given_back_where_a_bucket_refuses() -> None:
    """Its number is lowered by what it cost."""

    async def test(nodes: Nodes, store: RedisStore) -> None:
        bucket, total = await store.take_all([BUCKET, SUM])
        assert (bucket.granted, bucket.wait, bucket.remaining) == (False, 1e-6, 0)
        assert (total.granted, total.remaining) == (True, 2 + 3)
        assert backs(nodes) == [(b"DECRBY", b"3")]

    limited(test, REFUSED, b"0 2 0")


def test_nothing_is_given_back_where_all_grant() -> None:
    """Nor where the one that refuses only watches."""

    async def test(nodes: Nodes, store: RedisStore) -> None:
        watching = Ask(BUCKET.name, BUCKET.key, BUCKET.limit, BUCKET.cost, binding=False)
        told: list[Any] = []
        store.begin_take([watching, SUM], told.append)
        await until(lambda: bool(told))
        ((bucket, total),) = told
        assert (bucket.granted, total.granted, total.remaining) == (False, True, 2)
        assert backs(nodes) == []

    limited(test, REFUSED, b"0 2 0")


def test_who_began_to_take_is_told_why_it_fails() -> None:
    """By the error of the store in place of an outcome."""

    async def test(nodes: Nodes, store: RedisStore) -> None:
        told: list[Any] = []
        store.close()
        store.begin_take([BUCKET], told.append)
        await until(lambda: bool(told))
        assert [(type(one), str(one)) for one in told] == [(StoreError, "The store is not connected.")]

    limited(test, GRANTED, GRANTED)


def test_what_is_taken_alone_is_refused_alone() -> None:
    """There is nobody to give back to."""

    async def test(nodes: Nodes, store: RedisStore) -> None:
        (bucket,) = await store.take_all([BUCKET])
        assert (bucket.granted, bucket.remaining, backs(nodes)) == (False, 0, [])

    limited(test, REFUSED, GRANTED)
