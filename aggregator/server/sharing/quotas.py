"""The quotas that workers count together in their supervisor: kept over restarts, shown, and begun anew."""

from __future__ import annotations

import time
from collections.abc import Callable

from aggregator.policies.rate_limit.ledger import KeptQuota
from aggregator.policies.rate_limit.plan import WindowPlan
from aggregator.policies.rate_limit.sharing import QUOTA_NAME, ask_of
from aggregator.stores.folder import StateFolder
from aggregator.stores.kept import Kept
from aggregator.stores.quota import Period, Quota
from aggregator.stores.shared.tallies import Tallies
from aggregator.stores.used import Used


class SharedQuotas:
    """The quotas among *tallies*, by the Unix time of *clock*."""

    def __init__(self, tallies: Tallies, clock: Callable[[], float] = time.time) -> None:
        self._tallies = tallies
        self._clock = clock
        self._kept: Kept[list[KeptQuota]] | None = None

    def remember(self, folder: StateFolder) -> None:
        """Load the counts from *folder*, in the format of a single process, and save changes there.

        Raises ``StartupError``.
        """
        self._kept = Kept(folder, "quotas", list[KeptQuota], self._snapshot)
        now = self._clock()
        for one in self._kept.load() or []:
            if one.start <= now < one.end:
                self._tallies.restore(QUOTA_NAME + one.name.encode(), Period(one.start, one.end), one.counts)
        self._tallies.changed = self._kept.changed

    async def aclose(self) -> None:
        """Write what has not been written."""
        if self._kept is not None:
            self._tallies.changed = None
            await self._kept.aclose()
            self._kept = None

    def used(self, plan: WindowPlan) -> Used:
        """Return what all have used of the quota of *plan* until now."""
        assert isinstance(plan.limit, Quota)
        found = Used(plan.limit, self._clock)
        name = QUOTA_NAME + plan.state.encode()
        for one in self._tallies.quotas():
            if one.name == name and one.period == found.period:
                found.restore(one.used)
        return found

    async def forget(self, plan: WindowPlan, key: bytes) -> None:
        """Reset *key* in the quota of *plan*."""
        self._tallies.forget(ask_of(plan, key))

    def _snapshot(self) -> list[KeptQuota]:
        """Return what is written; those that no endpoint has any more are kept to the end of their period."""
        return [
            KeptQuota(one.name.removeprefix(QUOTA_NAME).decode(), *one.period, one.used)
            for one in self._tallies.quotas()
            if one.used
        ]
