"""Concurrency as data."""

from __future__ import annotations

from msgspec import Struct

from aggregator.fields import duration_text


class ConcurrencyPlan(Struct, frozen=True):
    """At most *limit* calls at once, or as many as *adaptive* finds up to that; *queue* wait, each *wait* seconds."""

    limit: int
    queue: int
    wait: float
    adaptive: bool = False

    @property
    def words(self) -> str:
        """The limit as `explain` prints it: ``concurrency 64, 100 wait up to 200ms``."""
        limit = f"adaptive up to {self.limit}" if self.adaptive else f"{self.limit}"
        return f"concurrency {limit}, {self.queue} wait up to {duration_text(self.wait)}"
