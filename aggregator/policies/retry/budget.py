"""How much may be sent to an upstream beyond what was asked for: counted over ten seconds, by all of its callers.

Ten slots of a second each hold what was counted in them; a slot is emptied when its second comes round again. Without
this, an upstream that fails everything would get as many times its load as a call has attempts.
"""

from __future__ import annotations

import logging
from typing import Final

from aggregator.policies.degrade.pressure import Pressure
from aggregator.policies.registry import Kind
from aggregator.policies.retry.plan import BudgetPlan
from aggregator.telemetry.logging import log

WINDOW: Final = 10
"""Seconds that are looked back."""
_log = logging.getLogger("aggregator.policies")
_Slot = list[int]
_CALLS, _RETRIES, _HEDGES = range(3)


class Budget:
    """The budget of the upstream that *settings* name. Times are those of the event loop."""

    def __init__(self, settings: tuple[str, BudgetPlan]) -> None:
        self.upstream, self.plan = settings
        self._slots: list[_Slot] = [[0, 0, 0] for _ in range(WINDOW)]
        self._sums = [0, 0, 0]
        self._second = 0
        self._told = float("-inf")
        self.pressure: Pressure | None = None
        """Nothing is granted while it is sparing."""

    def adopt(self, settings: tuple[str, BudgetPlan]) -> None:
        """Go on with other shares; what was counted stays."""
        self.upstream, self.plan = settings

    def called(self, now: float) -> None:
        """Count a call that somebody asked for."""
        if int(now) != self._second:
            self._look(now)
        self._sums[_CALLS] += 1
        self._slots[self._second % WINDOW][_CALLS] += 1

    def resent(self, now: float) -> None:
        """Count a retry that was made without asking: what an idle connection had swallowed."""
        self._add(_RETRIES, now)

    def grants_retry(self, now: float) -> bool:
        """Return whether a retry may be made, which is counted then."""
        if self.pressure is not None and self.pressure.is_sparing:
            return False
        calls, retries, hedges = self._look(now)
        if retries + hedges >= self.plan.share * calls and retries >= self.plan.floor * WINDOW:
            self._tell(now)
            return False
        self._add(_RETRIES, now)
        return True

    def grants_hedge(self, now: float) -> bool:
        """Return whether a hedge may be made, which is counted then. There is no floor for hedges."""
        if self.pressure is not None and self.pressure.is_sparing:
            return False
        calls, retries, hedges = self._look(now)
        if hedges + 1 > self.plan.hedges * calls or retries + hedges + 1 > self.plan.share * calls:
            return False
        self._add(_HEDGES, now)
        return True

    def counts(self, now: float) -> tuple[int, int, int]:
        """Return the calls, retries and hedges of the last ten seconds."""
        calls, retries, hedges = self._look(now)
        return calls, retries, hedges

    def _look(self, now: float) -> list[int]:
        second = int(now)
        gone = second - self._second
        if gone:
            self._second = second
            stale = range(second - gone + 1, second + 1) if 0 < gone < WINDOW else range(WINDOW)
            for place in stale:
                slot = self._slots[place % WINDOW]
                for kind, number in enumerate(slot):
                    self._sums[kind] -= number
                    slot[kind] = 0
        return self._sums

    def _add(self, kind: int, now: float) -> None:
        self._look(now)[kind] += 1
        self._slots[self._second % WINDOW][kind] += 1

    def _tell(self, now: float) -> None:
        """Tell that retries are not made, once in a window."""
        if not 0 <= now - self._told < WINDOW:
            self._told = now
            calls, retries, hedges = self._sums
            log(_log, logging.WARNING, "Retries are not made: the budget of the upstream is spent.",
                upstream=self.upstream, calls=calls, retries=retries, hedges=hedges)  # fmt: skip


BUDGET: Final[Kind[tuple[str, BudgetPlan], Budget]] = Kind("budget", Budget, Budget.adopt)
