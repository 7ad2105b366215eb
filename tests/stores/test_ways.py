"""The way to one server, played by the test, and why it cannot be opened."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from nodes import SILENCE, Played, until

from aggregator.errors import StoreError
from aggregator.stores.rate import Rate
from aggregator.stores.redis.store import RedisStore
from aggregator.stores.redis.ways import OneNode, open_way
from aggregator.stores.shared.address import store_address
from aggregator.stores.shared.asks import Ask

pytest.importorskip("redis")
ASK = Ask(b"n", b"k", Rate(10, 60.0, 10))


class Failing:
    """A way that cannot be opened, for *error*."""

    def __init__(self, error: BaseException) -> None:
        self.error = error
        self.closed = 0

    async def connect(self) -> None:
        """Fail."""
        raise self.error

    def close(self) -> None:
        """Count it."""
        self.closed += 1


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (OSError(" no route to hunter2 "), "no route to ********"),
        (TimeoutError(), "No connection was made within 1 s."),
        (ConnectionError(), "No connection was made within 1 s."),
    ],
)
def test_why_a_way_cannot_be_opened(error: Exception, why: str) -> None:
    """In the words of who refused, without the password; where there are none, nobody was there in time."""
    way: Any = Failing(error)
    with pytest.raises(StoreError) as failed:
        asyncio.run(open_way(way, store_address("redis://:hunter2@host")))
    assert (str(failed.value), way.closed) == (why, 1)


def test_a_fault_of_our_own_is_raised_as_it_is() -> None:
    """Nothing is left open behind it."""
    way: Any = Failing(LookupError("a fault"))
    with pytest.raises(LookupError, match="a fault"):
        asyncio.run(open_way(way, store_address("redis://host")))
    assert way.closed == 1


def test_one_server_has_all_keys() -> None:
    """It is one of servers; closing it by us is told to nobody."""

    async def main() -> None:
        broken: list[str] = []
        async with Played(lambda asked: SILENCE if asked == (b"GET",) else b"1") as server:
            way = OneNode(store_address(f"redis://{server.host}:{server.port}"), 30.0, broken.append)
            assert way.is_open is False
            await open_way(way, store_address("redis://host"))
            assert way.is_open is True
            assert await way.send(b"any", (b"PING",)) == b"1"
            assert [await send((b"PING", b"x")) for send in way.servers()] == [b"1"]
            waiting = asyncio.ensure_future(way.send(b"any", (b"GET",)))
            await until(lambda: (b"GET",) in server.asked)
            way.close()
            with pytest.raises(StoreError, match=r"^It was closed\.$"):
                await waiting
            assert (way.is_open, broken) == (False, [])
            await way.aclose()

    asyncio.run(main())


def with_store(reply: Callable[[Any], Any], test: Callable[[RedisStore, Played], Any]) -> None:
    """Run *test* with a store at a server that replies *reply*."""

    async def main() -> None:
        async with Played(reply) as server:
            store = RedisStore(store_address(f"redis://{server.host}:{server.port}"), "p:", 30.0, lambda _: None)
            await store.connect()
            try:
                await test(store, server)
            finally:
                await store.aclose()

    asyncio.run(main())


def test_who_began_to_take_is_told_what_came_of_it() -> None:
    """Once, by the reply to a command that left with this turn; an error of the server is told as one of the store."""
    replies = iter([b"0 9 6000000", Exception("OOM no memory")])

    async def test(store: RedisStore, server: Played) -> None:
        assert store.is_open is True
        told: list[Any] = []
        store.begin_take([ASK], told.append)
        store.begin_take([ASK], told.append)
        await until(lambda: len(told) == 2)
        (taken,), error = told
        assert (taken.granted, taken.remaining, taken.reset) == (True, 9, 6.0)
        assert (type(error), "no memory" in str(error)) == (StoreError, True)
        store.close()
        assert store.is_open is False
        with pytest.raises(StoreError, match="not connected"):
            store.begin_take([ASK], told.append)

    with_store(lambda _: next(replies), test)


@pytest.mark.parametrize(
    ("lifetime", "asked"),
    [
        (1.5, (b"SET", b"p:v:k", b"\x00\x00\x00\x00v", b"PX", b"1500")),
        (0.0001, (b"SET", b"p:v:k", b"\x00\x00\x00\x00v", b"PX", b"1")),
        (0.0, (b"DEL", b"p:v:k")),
        (-1.0, (b"DEL", b"p:v:k")),
    ],
)
def test_how_long_a_value_is_kept(lifetime: float, asked: tuple[bytes, ...]) -> None:
    """In milliseconds, one at least; without a lifetime it is forgotten."""

    async def test(store: RedisStore, server: Played) -> None:
        await store.put(b"k", b"v", lifetime)
        assert server.asked == [asked]

    with_store(lambda _: b"OK", test)
