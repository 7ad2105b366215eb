"""A cluster of three that the test starts: limits in it are exact, on whichever node they lie."""

from __future__ import annotations

import asyncio

from aggregator.stores.effects.contract import Bounds, Filter, Turn
from aggregator.stores.effects.records import SENT, Outcome
from aggregator.stores.quota import Quota
from aggregator.stores.rate import Rate
from aggregator.stores.redis.effects.store import EffectsInRedis
from aggregator.stores.redis.store import RedisStore
from aggregator.stores.shared.address import store_address
from aggregator.stores.shared.announced import Numbered
from aggregator.stores.shared.asks import Ask
from aggregator.stores.shared.plan import StorePlan
from tests.effects.conftest import record
from tests.policies.conftest import START


def test_limits_in_a_cluster(cluster) -> None:
    """Windows on several nodes grant together or take nothing; two processes are exact; keys lie on every node."""
    url, nodes = cluster

    async def main() -> None:
        stores = [RedisStore(store_address(url), "t:", 10.0, lambda _: None) for _ in range(2)]
        for store in stores:
            await store.connect()
        one = [Ask(b"n", b"%d" % number, Rate(3, 10_000.0, 3)) for number in range(30)]
        told = await asyncio.gather(*(stores[number % 2].take_all([ask]) for number in range(5) for ask in one))
        assert sum(taken[0].granted for taken in told) == 90
        assert all(int(node.ask("DBSIZE")[1:]) > 0 for node in nodes)
        few, many = Ask(b"few", b"k", Quota(2, "month")), Ask(b"many", b"k", Rate(100, 1_000_000.0, 100))
        granted = [await stores[number % 2].take_all([few, many]) for number in range(6)]
        assert [all(taken.granted for taken in both) for both in granted] == [True, True, *[False] * 4]
        assert (await stores[0].take_all([many]))[0].remaining == 97
        assert await stores[0].seen(b"a", 100.0) == 1
        await stores[0].put(b"v", b"1", 100.0, [b"x", b"y"])
        assert (await stores[1].get(b"v"), await stores[1].delete_tagged(b"y")) == (b"1", 1)
        for store in stores:
            await store.aclose()

    asyncio.run(main())


def test_a_slot_that_moves_is_followed(cluster) -> None:
    """The node that had it says where it is, and the operation goes there: nothing fails."""
    url, nodes = cluster

    async def main() -> None:
        store = RedisStore(store_address(url), "t:", 10.0, lambda _: None)
        await store.connect()
        await store.add(b"moved", 1, 100.0)
        slot = int(nodes[0].ask("CLUSTER", "KEYSLOT", "t:n:moved")[1:])
        owner = slot * 3 // 16384
        target = (owner + 1) % 3
        name = nodes[target].whole("CLUSTER", "MYID").decode()
        for node in nodes:
            node.ask("DEL", "t:n:moved")
        for node in (nodes[target], nodes[owner], nodes[(owner + 2) % 3]):
            node.ask("CLUSTER", "SETSLOT", str(slot), "NODE", name)
        assert await store.add(b"moved", 5, 100.0) == 5
        assert await store.add(b"moved", 5, 100.0) == 10
        await store.aclose()

    asyncio.run(main())


def test_what_is_announced_in_a_cluster(cluster) -> None:
    """It is numbered by the node that keeps it, heard by who listens at another one, and known to who asks later."""
    url, _ = cluster

    async def main() -> None:
        stores = [RedisStore(store_address(url), "a:", 10.0, lambda _: None) for _ in range(2)]
        for store in stores:
            await store.connect()
        for channel in (b"purges", b"switches", b"c"):  # which lie on several nodes
            heard: asyncio.Queue[bytes] = asyncio.Queue()
            await stores[1].listen(channel, heard.put_nowait)
            start = (await stores[0].announced(channel, 0)).last
            await stores[0].announce(channel, b"1")
            assert Numbered.unpacked(await heard.get()) == (start + 1, start, b"1")
            assert await stores[1].announced(channel, start) == (start + 1, [b"1"])
        for store in stores:
            await store.aclose()

    asyncio.run(main())


def test_durable_effects_in_a_cluster(cluster) -> None:
    """All that a script touches lies on one node, so each step is whole."""
    url, _ = cluster

    async def main() -> None:
        store = EffectsInRedis(StorePlan(store_address(url), prefix="t:"))
        await store.open()
        assert store.trouble is None
        orders = ["welcome\na", "welcome\nb", "welcome\na"]
        effects = [record(number, order=order) for number, order in enumerate(orders)]
        assert await store.put_all([effects], Bounds(9, 10**9)) == [True]
        turned = await store.turn(Turn(START, room={"mail": 9}, most=9))
        assert [one.id for one in turned.claimed] == ["id-0", "id-1"]
        turned = await store.turn(Turn(START, (Outcome("id-0", SENT),), {"mail": 9}, 9))
        assert [one.id for one in turned.claimed] == ["id-2"]
        assert await store.order("forget", Filter(key="a"), START) == 2
        assert [one["id"] for one in await store.find(Filter())] == ["id-1"]
        await store.aclose()

    asyncio.run(main())
