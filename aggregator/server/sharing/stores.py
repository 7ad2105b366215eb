"""The stores that generations share: one for each place that a plan names, open while a generation asks there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from aggregator.stores.redis.store import RedisStore
from aggregator.stores.shared.connected import Backend, ConnectedStore
from aggregator.stores.shared.plan import StorePlan

Broken = Callable[[str], None]


class Stores:
    """Opens and closes stores, each of which is *joined* first.

    ``memory`` makes the one that the workers of a machine share, None where there is one worker.
    """

    def __init__(self, joined: Callable[[ConnectedStore, StorePlan], None]) -> None:
        self.memory: Callable[[StorePlan, Broken], Backend] | None = None
        self._joined = joined
        self._open: dict[StorePlan, ConnectedStore] = {}
        self._closing: set[asyncio.Task[None]] = set()

    async def of(self, plan: StorePlan) -> ConnectedStore | None:
        """Return the store of *plan*, opened when nobody has it; None when this process alone counts."""
        known = self._open.get(plan)
        if known is not None:
            return known
        made = self._made(plan)
        if made is not None:
            self._open[plan] = made
            self._joined(made, plan)
            await made.open()
        return made

    def _made(self, plan: StorePlan) -> ConnectedStore | None:
        if plan.is_remote:
            return ConnectedStore(
                lambda broken: RedisStore(plan.address, plan.prefix, plan.timeout, broken), plan.address.label
            )
        memory = self.memory
        return None if memory is None else ConnectedStore(lambda broken: memory(plan, broken), plan.address.label)

    def found(self, plan: StorePlan) -> ConnectedStore | None:
        """Return the store of *plan*, None when none is open."""
        return self._open.get(plan)

    def keep(self, plans: Iterable[StorePlan]) -> None:
        """Close what is in none of *plans*."""
        for plan in set(self._open).difference(plans):
            task = asyncio.get_running_loop().create_task(self._open.pop(plan).aclose())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    async def aclose(self) -> None:
        """Close all of them."""
        self.keep(())
        await asyncio.gather(*self._closing)
