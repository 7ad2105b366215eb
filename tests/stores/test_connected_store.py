"""A store that goes away and comes back: nobody waits for it twice, and nobody has to do anything."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import pytest

from aggregator.errors import StoreError
from aggregator.stores.memory import MemoryStore
from aggregator.stores.rate import Rate
from aggregator.stores.shared import connected
from aggregator.stores.shared.asks import Ask
from aggregator.stores.shared.connected import ConnectedStore

ASK = Ask(b"n", b"k", Rate(100, 100_000.0, 100))


class Flaky(MemoryStore):
    """A store that fails as long as it has a *fault*."""

    def __init__(self, broken: Callable[[str], None]) -> None:
        super().__init__()
        self.broken = broken
        self.fault = ""
        self.asked = self.connects = 0

    async def connect(self) -> None:
        """Count the attempts."""
        self.connects += 1
        if self.fault:
            raise StoreError(self.fault)

    def close(self) -> None:
        """Do nothing."""

    async def take_all(self, asks):
        """Fail, or take."""
        self.asked += 1
        if self.fault:
            raise StoreError(self.fault)
        return await super().take_all(asks)

    def begin_take(self, asks, told):
        """Take, and tell."""
        raise NotImplementedError

    async def seen(self, process, lifetime):
        """Fail, or count."""
        if self.fault:
            raise StoreError(self.fault)
        return await super().seen(process, lifetime)


async def until(store: ConnectedStore, there: bool) -> None:
    """Return when *store* is there, or away; the time-out of a test ends a wait for ever."""
    while store.is_there is not there:  # noqa: ASYNC110 - it has no event
        await asyncio.sleep(0.001)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch) -> None:
    monkeypatch.setattr(connected, "_PAUSE", 0.001)
    monkeypatch.setattr(connected, "_LONGEST", 0.001)


def lines(caplog) -> list[str]:
    """Return what the log was told, a message each."""
    return [record.getMessage() for record in caplog.records]


def test_what_fails_once_is_not_asked_again(caplog):
    """The first failure makes it away; it is told once, and comes back by itself, which is told, too."""

    async def main() -> None:
        store = ConnectedStore(Flaky, "redis://cache:6379")
        await store.open()
        flaky = store.store
        assert isinstance(flaky, Flaky)
        assert (store.is_there, (await store.take_all([ASK]))[0].remaining) == (True, 99)
        flaky.fault = "OOM."
        for _ in range(5):
            with pytest.raises(StoreError):
                await store.take_all([ASK])
        assert (flaky.asked, store.losses, store.describe()["reason"]) == (2, 1, "OOM.")
        flaky.fault = ""
        await until(store, there=True)
        assert (await store.take_all([ASK]))[0].remaining == 98
        await store.aclose()

    with caplog.at_level(logging.INFO, "aggregator.stores"):
        asyncio.run(main())
    told = [line for line in lines(caplog) if "shared store" in line]
    assert [line.partition(";")[0] for line in told] == ["The shared store is away", "The shared store is there again."]


def test_a_store_that_is_absent_at_the_start_is_no_end():
    """`open` returns, and the store is there as soon as it can be."""

    async def main() -> None:
        def absent(broken: Callable[[str], None]) -> Flaky:
            made = Flaky(broken)
            made.fault = "Connection refused."
            return made

        store = ConnectedStore(absent, "redis://cache:6379")
        await store.open()
        assert (store.is_there, store.describe()["reason"]) == (False, "Connection refused.")
        assert isinstance(store.store, Flaky)
        store.store.fault = ""
        await until(store, there=True)
        await store.aclose()

    asyncio.run(main())


def test_a_lost_connection_makes_it_away():
    """Also when nobody asks anything then."""

    async def main() -> None:
        store = ConnectedStore(Flaky, "redis://cache:6379")
        await store.open()
        flaky = store.store
        assert isinstance(flaky, Flaky)
        flaky.broken("Connection reset.")
        assert not store.is_there
        await until(store, there=True)
        assert flaky.connects == 2
        await store.aclose()

    asyncio.run(main())
