"""A store that the processes of a test share, and that may be away."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from aggregator.errors import StoreError
from aggregator.stores.memory import MemoryStore
from aggregator.stores.shared.plan import StorePlan


class Machine:
    """What processes share: a store, which may be away."""

    def __init__(self, now: float) -> None:
        self.now = now
        self.store = MemoryStore(lambda: self.now, lambda: self.now)
        self.is_away = False
        self.asked = 0
        self.garbage: bytes | None = None
        """What lies in the place of all values of levels, None for themselves."""

    def way(self, _: StorePlan, broken: Callable[[str], None]) -> Any:
        """Return the way of one process to the store."""
        return Way(self, broken)


class Way:
    """The way of one process to the store of *machine*."""

    def __init__(self, machine: Machine, broken: Callable[[str], None]) -> None:
        self._machine = machine
        self.broken = broken

    async def connect(self) -> None:
        """Fail while it is away."""
        if self._machine.is_away:
            raise StoreError("It is away.")

    def close(self) -> None:
        """Do nothing."""

    async def take_all(self, asks: Any) -> Any:
        """Take, and count that it was asked."""
        await self.connect()
        self._machine.asked += 1
        return await self._machine.store.take_all(asks)

    def begin_take(self, asks: Any, told: Callable[[Any], None]) -> None:
        """Take, and tell in a later turn."""
        self._taking = asyncio.ensure_future(self.take_all(asks))
        self._taking.add_done_callback(lambda task: told(task.exception() or task.result()))

    async def give_back(self, ask: Any) -> None:
        """Put back, unless it is away."""
        await self.connect()
        await self._machine.store.give_back(ask)

    async def forget(self, ask: Any) -> None:
        """Let a count begin anew."""
        await self._machine.store.forget(ask)

    async def seen(self, process: bytes, lifetime: float) -> int:
        """Count the process."""
        await self.connect()
        return await self._machine.store.seen(process, lifetime)

    async def get(self, key: bytes) -> bytes | None:
        """Return a value, unless it is away."""
        await self.connect()
        return await self._machine.store.get(key)

    async def put(self, key: bytes, value: bytes, lifetime: float) -> None:
        """Keep a value, unless it is away."""
        await self.connect()
        await self._machine.store.put(key, value, lifetime)

    async def lock(self, key: bytes, lifetime: float) -> Any:
        """Return a lock, unless it is away."""
        await self.connect()
        return await self._machine.store.lock(key, lifetime)

    async def unlock(self, lock: Any) -> bool:
        """Return a lock back."""
        return await self._machine.store.unlock(lock)

    async def announce(self, channel: bytes, message: bytes) -> None:
        """Announce, unless it is away."""
        await self.connect()
        await self._machine.store.announce(channel, message)

    async def announced(self, channel: bytes, number: int) -> Any:
        """Return what was announced."""
        await self.connect()
        return await self._machine.store.announced(channel, number)

    async def listen(self, channel: bytes, heard: Callable[[bytes], None]) -> Callable[[], None]:
        """Listen to the store, away or not."""
        return await self._machine.store.listen(channel, heard)

    async def look(self, *given: Any) -> Any:
        """Return a value of a level, unless it is away."""
        await self.connect()
        self._machine.asked += 1
        found = await self._machine.store.look(*given)
        garbage = self._machine.garbage
        return found if garbage is None or found.value is None else found._replace(value=garbage)

    async def keep(self, *given: Any) -> bool:
        """Keep a value of a level, unless it is away."""
        await self.connect()
        return await self._machine.store.keep(*given)

    async def end_lease(self, *given: Any) -> None:
        """End a lease, unless it is away."""
        await self.connect()
        await self._machine.store.end_lease(*given)

    async def purge(self, space: bytes, tags: Any) -> None:
        """Purge a level, unless it is away."""
        await self.connect()
        await self._machine.store.purge(space, tags)

    async def aclose(self) -> None:
        """Do nothing."""
