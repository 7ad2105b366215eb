"""Failed credentials that all processes count together, by address.

Nobody is asked about an address that has not failed here: its first failure is only told to the store. From then on the
store is asked before a credential of that address is verified, unless it is remembered as right. So of an address that
goes from process to process each verifies one more than the limit grants, about once in the time in which a used up
limit is whole again. While the store is away each process counts for itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from aggregator.errors import StoreError
from aggregator.policies.rate_limit.keys import value_hash
from aggregator.stores.limiter import Limiter
from aggregator.stores.rate import Taken
from aggregator.stores.shared.asks import Ask
from aggregator.stores.shared.connected import ConnectedStore


class SharedFailures:
    """Failures of the scheme *name* counted in *store*, at the rate of *limiter*, which counts for this process."""

    def __init__(self, name: str, limiter: Limiter, store: ConnectedStore) -> None:
        self._name = b"f:" + name.encode()
        self._limiter = limiter
        self._store = store
        self._tasks: set[asyncio.Task[None]] = set()

    def asks_about(self, address: str) -> bool:
        """Return whether the store is to be asked before a credential of *address* is verified."""
        return self._store.is_there and self._limiter.knows(address)

    async def take(self, address: str) -> float | None:
        """Count a failure of *address*; return the seconds it is refused for, None when the store is away."""
        try:
            (taken,) = await self._store.take_all([self._ask(address)])
        except StoreError:
            return None
        return taken.wait

    def tell(self, address: str) -> None:
        """Count a failure of *address* without waiting for the store."""
        if not self._store.is_there:
            return
        try:
            self._store.store.begin_take([self._ask(address)], self._told)
        except StoreError as error:
            self._store.lose(str(error))

    def _told(self, told: Sequence[Taken] | StoreError) -> None:
        if isinstance(told, StoreError):
            self._store.lose(str(told))

    def give_back(self, address: str) -> None:
        """Take back the failure counted for *address*, whose credential was right."""
        task = asyncio.get_running_loop().create_task(self._store.give_back(self._ask(address)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _ask(self, address: str) -> Ask:
        return Ask(self._name, value_hash(address), self._limiter.rate, 1)
