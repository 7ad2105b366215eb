"""What one process tells on a channel all others hear: once, in order, and in spite of what is lost on the way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from sharing import Machine

from aggregator.errors import StoreError
from aggregator.stores.memory import MemoryStore
from aggregator.stores.shared.announced import LARGEST, MOST_KEPT
from aggregator.stores.shared.channel import MOST_WAITING, Channel, Subscriber
from aggregator.stores.shared.connected import ConnectedStore
from aggregator.stores.shared.plan import StorePlan

LOST = b"(lost)"


class Process:
    """One process that listens to what is told in *store*."""

    def __init__(self, store: MemoryStore, name: str, *, hears: bool = True) -> None:
        self.store = store
        self.hears = hears
        self.heard: list[bytes] = []
        self.asks = 0
        subscriber = Subscriber(self.heard.append, lambda: self.heard.append(LOST))
        self.channel = Channel(b"c", name.encode(), subscriber, self._behind)

    def _behind(self) -> None:
        self.asks += 1

    async def open(self) -> None:
        """Begin to listen."""
        await self.store.listen(b"c", lambda frame: self.channel.hear(frame) if self.hears else None)
        await self.channel.level(self.store)
        self.heard.clear()

    async def tell(self, *messages: bytes) -> None:
        """Tell others."""
        for message in messages:
            self.channel.add(message)
        await self.channel.tell(self.store)


@pytest.fixture
def store() -> MemoryStore:
    """Return an empty store."""
    return MemoryStore()


async def opened(store: MemoryStore) -> tuple[Process, Process]:
    """Return two processes that listen."""
    one, other = Process(store, "one"), Process(store, "other")
    await one.open()
    await other.open()
    return one, other


def test_others_hear_it_once_and_who_tells_it_does_not(store, now) -> None:
    """Asking the store afterwards brings nothing twice."""

    async def main() -> None:
        one, other = await opened(store)
        await one.tell(b"1", b"2")
        await one.tell(b"3")
        await other.channel.level(store)
        assert (one.heard, other.heard, other.asks) == ([], [b"1", b"2", b"3"], 0)

    now(main())


def test_what_was_lost_on_the_way_is_heard(store, now) -> None:
    """The message behind a gap has the store asked; until then it waits, so that the order stays."""

    async def main() -> None:
        one, other = await opened(store)
        other.hears = False
        await one.tell(b"1")
        other.hears = True
        await one.tell(b"2")
        assert (other.heard, other.asks) == ([], 1)
        await other.channel.level(store)
        assert other.heard == [b"1", b"2"]

    now(main())


def test_a_gap_that_nobody_can_tell_is_told_as_lost(store, now) -> None:
    """More was told than is kept."""

    async def main() -> None:
        one, other = await opened(store)
        other.hears = False
        for _ in range(MOST_KEPT + 1):
            await one.tell(b"1")
        await other.channel.level(store)
        assert other.heard == [LOST]
        await one.tell(b"2")
        await other.channel.level(store)
        assert other.heard == [LOST, b"2"]

    now(main())


def test_a_store_that_has_lost_everything_is_told_as_lost(now) -> None:
    """Its numbers are those of another time."""

    async def main() -> None:
        time = [2000.0]
        _, other = await opened(MemoryStore(wall=lambda: time[0]))
        time[0] = 1000.0
        emptied = MemoryStore(wall=lambda: time[0])
        await other.channel.level(emptied)
        assert other.heard == [LOST]
        one = Process(emptied, "one")
        await one.open()
        await one.tell(b"1")
        await other.channel.level(emptied)
        assert other.heard == [LOST, b"1"]

    now(main())


@pytest.mark.parametrize("too_much", [[b"x"] * (MOST_WAITING + 1), [b"x" * LARGEST]])
def test_too_much_to_tell_is_told_as_lost(store, now, too_much: list[bytes]) -> None:
    """What waits is bounded in number, and each message in size."""

    async def main() -> None:
        one, other = await opened(store)
        await one.tell(*too_much)
        assert other.heard == [LOST]
        await one.tell(b"1")
        assert other.heard == [LOST, b"1"]

    now(main())


def test_many_messages_leave_in_pieces(store, now) -> None:
    """None is larger than the store keeps, and all are heard."""

    async def main() -> None:
        one, other = await opened(store)
        many = [b"%03d" % number + b"x" * 1000 for number in range(50)]
        sizes: list[int] = []
        await store.listen(b"c", lambda frame: sizes.append(len(frame)))
        await one.tell(*many)
        assert other.heard == many
        assert (len(sizes), max(sizes) < LARGEST) == (4, True)

    now(main())


def test_what_another_version_tells_is_told_as_lost(store, now) -> None:
    """What is not understood may be anything; what is no message at all is nothing."""

    async def main() -> None:
        _, other = await opened(store)
        await store.announce(b"c", b"?")
        await store.publish(b"c", b"?")
        assert other.heard == [LOST]

    now(main())


def test_what_cannot_be_told_waits(store, now) -> None:
    """It is told when the store is there again."""

    async def main() -> None:
        one, other = await opened(store)
        away = Away()
        one.channel.add(b"1")
        with pytest.raises(StoreError):
            await one.channel.tell(away)
        one.channel.add(b"2")
        await one.channel.tell(store)
        assert other.heard == [b"1", b"2"]

    now(main())


class Away(MemoryStore):
    """A store that cannot be reached."""

    async def announce(self, channel: bytes, message: bytes) -> None:
        """Fail."""
        raise StoreError("It is away.")


def test_over_connections_that_come_and_go() -> None:
    """What was told while the store was away is heard by others once it is there, without anybody doing anything."""

    async def main() -> None:
        machine = Machine(1000.0)
        one, heard = await process(machine)
        other, other_heard = await process(machine)
        one.tell(b"c", b"1")
        await until(lambda: other_heard == [b"1"])
        machine.is_away = True
        for store in (one, other):
            store.lose("It has gone.")
        one.tell(b"c", b"2")
        other.tell(b"c", b"3")
        machine.is_away = False
        await until(lambda: (heard, other_heard) == ([b"3"], [b"1", b"2"]))
        for store in (one, other):
            await store.aclose()

    asyncio.run(main())


async def process(machine: Machine) -> tuple[ConnectedStore, list[bytes]]:
    """Return the store of one process, and what it has heard."""
    store, heard = ConnectedStore(lambda broken: machine.way(StorePlan(), broken), "memory"), []
    store.subscribe(b"c", Subscriber(heard.append, lambda: None))
    await store.open()
    return store, heard


async def until(condition: Callable[[], bool]) -> None:
    """Return when *condition* holds; the time-out of a test ends a wait for ever."""
    while not condition():  # noqa: ASYNC110 - it has no event
        await asyncio.sleep(0.001)
