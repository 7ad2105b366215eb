"""What a process shares by a store that it opens: purges, and with other machines switches."""

from __future__ import annotations

from aggregator.policies.cache.shared.purges import PURGES, subscriber
from aggregator.policies.registry import Registry
from aggregator.server.generations.switching import Switching
from aggregator.server.sharing.switches import SharedSwitches
from aggregator.stores.shared.connected import ConnectedStore
from aggregator.stores.shared.plan import StorePlan


class Joining:
    """Joins *states* and *switching* of one process with those of the others."""

    def __init__(self, states: Registry, switching: Switching) -> None:
        self._states = states
        self._switching = switching

    def __call__(self, store: ConnectedStore, plan: StorePlan) -> None:
        """Join by *store*, before it is opened; workers of one machine have switches from their supervisor."""
        store.subscribe(PURGES, subscriber(self._states))
        if plan.is_remote:
            SharedSwitches(self._switching, store)
