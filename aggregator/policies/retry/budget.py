"""The retry budget of an upstream: retries and hedges in a share of its calls, over ten seconds, for all callers.

Ten slots of a second each hold what was counted in them, and the calls of the present second are counted beside; a slot
is emptied when its second comes round again. Without this, an upstream that fails everything would get as many times
its load as a call has attempts.
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
        self.calls = 0
        """What was called in the present second, which *begins* and *ends* then, and is in no slot yet."""
        self.begins, self.ends = 0.0, 1.0
        self._told = float("-inf")
        self.pressure: Pressure | None = None
        """Nothing is granted while it is sparing."""

    def adopt(self, settings: tuple[str, BudgetPlan]) -> None:
        """Continue with other shares; the counts stay."""
        self.upstream, self.plan = settings

    def called(self, now: float) -> None:
        """Count a first attempt."""
        if not self.begins <= now < self.ends:
            self._turn(now)
        self.calls += 1

    def resent(self, now: float) -> None:
        """Count a retry made without asking: of a request lost on an idle connection."""
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
        """Return the calls, retries and hedges of the last ten seconds."""
        self._turn(now)
        return [sum(numbers) for numbers in zip(*self._slots, strict=True)]

    def _turn(self, now: float) -> None:
        """Put the calls counted beside into their slot, and empty the slots that have left the window."""
        before, second = int(self.begins), int(now)
        self._slots[before % WINDOW][_CALLS] += self.calls
        self.calls = 0
        gone = second - before
        if gone:
            self.begins, self.ends = float(second), second + 1.0
            stale = range(before + 1, second + 1) if 0 < gone < WINDOW else range(WINDOW)
            for place in stale:
                self._slots[place % WINDOW][:] = (0, 0, 0)

    def _add(self, kind: int, now: float) -> None:
        self._turn(now)
        self._slots[int(self.begins) % WINDOW][kind] += 1

    def _tell(self, now: float) -> None:
        """Log that retries are not made, once in a window."""
        if not 0 <= now - self._told < WINDOW:
            self._told = now
            calls, retries, hedges = self._look(now)
            log(_log, logging.WARNING, "Retries are not made: the budget of the upstream is spent.",
                upstream=self.upstream, calls=calls, retries=retries, hedges=hedges)  # fmt: skip


BUDGET: Final[Kind[tuple[str, BudgetPlan], Budget]] = Kind("budget", Budget, Budget.adopt)
