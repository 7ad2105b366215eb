"""A real server that is frozen, killed, full, or does not know who asks: it costs one timeout, and comes back."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from tiers import starts_processes
from valkey import Valkey

from aggregator.errors import StoreError
from aggregator.stores.rate import Rate
from aggregator.stores.redis.store import RedisStore
from aggregator.stores.shared.address import store_address
from aggregator.stores.shared.asks import Ask
from aggregator.stores.shared.connected import ConnectedStore

ASK = Ask(b"n", b"k", Rate(100, 100_000.0, 100))


@pytest.fixture(scope="module")
@starts_processes
def server() -> Iterator[Valkey]:
    """Return a server that may be harmed."""
    made = Valkey()
    try:
        yield made.start()
    finally:
        made.close()


def store_at(url: str, timeout: float = 5.0) -> ConnectedStore:
    """Return the store at *url*; on a machine with a lot to do a reply takes its time."""
    address = store_address(url)
    return ConnectedStore(lambda broken: RedisStore(address, "t:", timeout, broken), address.label)


async def there(store: ConnectedStore, *, is_there: bool = True) -> None:
    """Return when *store* is there, or away."""
    while store.is_there is not is_there:  # noqa: ASYNC110 - it has no event
        await asyncio.sleep(0.005)


def test_frozen_killed_and_started_anew(server):
    """Each time what is asked fails, the store is away, and there again once the server is."""

    async def main() -> None:
        store = store_at(server.url, 1.0)
        await store.open()
        await there(store)
        await store.take_all([ASK])
        server.freeze()
        with pytest.raises(StoreError):
            await store.take_all([ASK])
        assert not store.is_there
        server.thaw()
        await there(store)
        server.kill()
        await there(store, is_there=False)
        await asyncio.to_thread(server.start)
        await there(store)
        assert (await store.take_all([ASK]))[0].remaining == 99
        await store.aclose()

    asyncio.run(main())


def test_a_full_server_is_away(server):
    """It refuses to write: that is told, with its words."""

    async def main() -> None:
        store = store_at(server.url)
        await store.open()
        await there(store)
        server.ask("CONFIG", "SET", "maxmemory", "1")
        with pytest.raises(StoreError, match="maxmemory"):
            await store.take_all([ASK])
        assert not store.is_there
        server.ask("CONFIG", "SET", "maxmemory", "0")
        await there(store)
        await store.aclose()

    asyncio.run(main())


def test_a_refused_password_is_told_and_not_shown(server):
    """The store is away, and its reason and address say nothing of the password."""

    async def main() -> None:
        server.ask("CONFIG", "SET", "requirepass", "right")
        address = store_address(server.url)
        wrong = type(address)(address.kind, address.hosts, address.name, password="guess-me")
        store = ConnectedStore(lambda broken: RedisStore(wrong, "t:", 5.0, broken), wrong.label)
        await store.open()
        assert not store.is_there
        assert "guess-me" not in repr(store.describe())
        assert "WRONGPASS" in store.reason or "invalid username-password" in store.reason
        await store.aclose()

    try:
        asyncio.run(main())
    finally:
        server.kill()
        server.start()
