"""The level of a cache as one process asks for it, in a store that may be away.

A few values are on their way at a time, so that what else asks the store is not held up; the others wait, and beyond a
bound there is none. A purge is done in the store before other processes are told of it, so that none of them finds
afterwards what was purged; while one waits, this process does not look.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from aggregator.errors import StoreError
from aggregator.stores.contract import Store
from aggregator.stores.level.contract import LARGEST, NO_LEASE, Lease, Looked

if TYPE_CHECKING:
    from aggregator.stores.shared.connected import ConnectedStore

_AT_ONCE = 16
"""Values that are read at a time, and as many that are written: of the largest 2 MiB each way."""
_MOST_READS = 1000
"""Lookups under way; whoever comes then finds nothing."""
_MOST_WRITTEN = 4 * 2**20
"""Bytes that wait to be written; more are not kept."""
_MOST_PURGED = 1000
"""Tags of one space that wait to be purged; with more it is the whole space."""

Tags = frozenset[bytes]
_EVERYTHING: Tags = frozenset()


class Level:
    """The level in *store*. ``skipped`` counts values that were not written, too large or too many at once."""

    def __init__(self, store: ConnectedStore) -> None:
        self._store = store
        self._reads, self._writes = asyncio.Semaphore(_AT_ONCE), asyncio.Semaphore(_AT_ONCE)
        self._reading = self._written = self.skipped = 0
        self._purged: dict[bytes, Tags] = {}
        """What waits to be purged by its space."""
        self._under_way: dict[bytes, Tags] = {}
        self._after: list[Callable[[], None]] = []
        self._tasks: set[asyncio.Task[Any]] = set()
        self._purging = asyncio.Lock()

    @property
    def is_there(self) -> bool:
        """Whether it can be asked."""
        return self._store.is_there and not self._purged and not self._under_way

    @property
    def is_idle(self) -> bool:
        """Whether nothing is read or written."""
        return not self._tasks and not self._reading

    async def look(self, space: bytes, key: bytes, lease: Lease = NO_LEASE) -> Looked:
        """Return what there is of *key*, and who holds its lease; raise ``StoreError`` when that is not known."""
        if self._reading >= _MOST_READS:
            raise StoreError("As many values are asked for as may be.")
        self._reading += 1
        try:
            async with self._reads:
                if not self.is_there:
                    raise StoreError("The store is away.")
                found: Looked = await self._asked(self._store.store.look(space, key, lease))
                return found
        finally:
            self._reading -= 1

    def keep(
        self, space: bytes, key: bytes, value: bytes, tags: Collection[bytes], lifetime: float, number: int,
        token: bytes = b"",
    ) -> bool:  # fmt: skip
        """Keep *value* soon, unless one of *tags* was purged behind *number*; return whether it is tried.

        The lease of *token* ends with that.
        """
        if len(value) > LARGEST or self._written + len(value) > _MOST_WRITTEN:
            self.skipped += 1
            return False
        if self.is_there:
            self._written += len(value)
            self._start(self._keep(space, key, value, tuple(tags), lifetime, number, token))
        return self.is_there

    async def _keep(
        self, space: bytes, key: bytes, value: bytes, tags: Sequence[bytes], lifetime: float, number: int, token: bytes
    ) -> None:  # fmt: skip
        try:
            async with self._writes:
                if self.is_there:
                    await self._asked(self._store.store.keep(space, key, value, tags, lifetime, number, token))
        except StoreError:
            return
        finally:
            self._written -= len(value)

    def end_lease(self, space: bytes, key: bytes, token: bytes, pause: float) -> None:
        """End the lease of *token* soon; for *pause* seconds no other one of *key* is granted."""
        if token and self.is_there:
            self._start(self._end_lease(space, key, token, pause))

    async def _end_lease(self, *given: Any) -> None:
        with suppress(StoreError):
            await self._asked(self._store.store.end_lease(*given))

    def purge(self, purged: Collection[tuple[bytes, Collection[bytes]]], after: Callable[[], None]) -> None:
        """Purge tags, by their space, as soon as the store is there, then call *after*; no tags are everything."""
        for space, tags in purged:
            self._wait(space, frozenset(tags))
        self._after.append(after)
        if len(self._after) > _MOST_PURGED:
            self._tell(len(self._after))  # the channel knows what to do with so many
        if self._store.is_there:
            self._start(self._purge())

    async def _purge(self) -> None:
        try:
            await self.catch_up(self._store.store)
        except StoreError as error:
            self._store.lose(str(error))

    async def catch_up(self, store: Store) -> None:
        """Purge what waits for it; raise ``StoreError``, and it waits on."""
        async with self._purging:
            while self._purged:
                self._under_way, self._purged, after = self._purged, {}, len(self._after)
                try:
                    await asyncio.gather(*(store.purge(*one) for one in self._under_way.items()))
                except BaseException:
                    for space, tags in self._under_way.items():
                        self._wait(space, tags)
                    raise
                finally:
                    self._under_way = {}
                self._tell(after)

    def _wait(self, space: bytes, tags: Tags) -> None:
        waiting = self._purged.get(space, tags)
        whole = not tags or not waiting or len(waiting | tags) > _MOST_PURGED
        self._purged[space] = _EVERYTHING if whole else waiting | tags

    def _tell(self, count: int) -> None:
        after, self._after = self._after[:count], self._after[count:]
        for tell in after:
            tell()

    async def _asked(self, asked: Any) -> Any:
        try:
            return await asked
        except StoreError as error:
            self._store.lose(str(error))
            raise

    def _start(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def aclose(self) -> None:
        """Cancel what is under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
