"""Hedges as data."""

from __future__ import annotations

from msgspec import Struct

from aggregator.fields import duration_text
from aggregator.policies.retry.plan import Repeats
from aggregator.policies.values import share_text


class HedgePlan(Struct, frozen=True):
    """When a call is sent a second time: after *seconds*, or the *quantile* of its times but *at_least* so late."""

    seconds: float | None
    quantile: float
    at_least: float
    repeats: Repeats

    def words(self, budget: float) -> str:
        """The hedge as `explain` prints it: ``hedge after p95, 20ms at least, of 5%``."""
        key = " with an idempotency-key" if self.repeats == "with_key" else ""
        if self.seconds is not None:
            return f"hedge{key} after {duration_text(self.seconds)}, of {share_text(budget)}"
        after = f"p{round(self.quantile * 100)}, {duration_text(self.at_least)} at least"
        return f"hedge{key} after {after}, of {share_text(budget)}"
