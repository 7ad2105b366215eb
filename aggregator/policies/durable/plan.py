"""Durable background calls as data."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from aggregator.fields import duration_text
from aggregator.policies.retry.plan import RetryPlan
from aggregator.policies.values import Span
from aggregator.templates import Template

Moment = Literal["stored", "accepted"]
"""When an answer leaves: once its effects are on the disk, or at once."""
Full = Literal["503", "drop", "memory"]

ATTEMPTS = 12
BACKOFF = Span(1.0, 3600.0)
REASONS = ("network", "timeout", "429", "5xx")
"""How an effect is delivered that says nothing of it."""


class DurablePlan(Struct, frozen=True):
    """The bounds on durable effects: number, bytes, ages (seconds), and what happens when there is no room."""

    store: Literal["sqlite", "shared"] = "sqlite"
    sync: Literal["full", "normal"] = "full"
    keep_sent: float = 7 * 86400.0
    keep_dead: float = 30 * 86400.0
    count: int = 5_000_000
    size: int = 2 * 1024**3
    age: float = 7 * 86400.0
    full: Full = "503"


class DeliveryPlan(Struct, frozen=True):
    """The keeping and delivery of one background call: written at the *moment*, sent again by *retry*.

    Those with the same *order* are delivered one after the other; *delay* (seconds) or *at* say when at the earliest.
    One with a *dedupe* key is kept once in *dedupe_for* seconds.
    """

    moment: Moment
    retry: RetryPlan
    store: Literal["sqlite", "shared"] = "sqlite"
    full: Full = "503"
    order: Template | None = None
    delay: float = 0.0
    at: Template | None = None
    dedupe: Template | None = None
    dedupe_for: float = 0.0

    @property
    def words(self) -> str:
        """The delivery as `explain` prints it: ``stored before the answer leaves; sent up to 12 times …``"""
        written = "stored before the answer leaves" if self.moment == "stored" else "stored just after the answer"
        written = written if self.store == "sqlite" else written.replace("stored", "stored for all machines", 1)
        once = "" if self.dedupe is None else f", once in {duration_text(self.dedupe_for)} for the same key of `dedupe`"
        retry = self.retry
        return (
            f"{written}{once}; sent {self._when}up to {retry.attempts} times on {' '.join(retry.on)}, "
            f"pauses {retry.backoff}; {_UNSTORED[self.full]}"
        )

    @property
    def _when(self) -> str:
        """When it is sent, and behind what, as the beginning of a list."""
        after = f"after {duration_text(self.delay)}, " if self.delay else ""
        reads = [] if self.at is None else sorted(".".join(map(str, reference)) for reference in self.at.references)
        at = "" if self.at is None else f"not before {' and '.join(reads) or '`at`'}, "
        order = "" if self.order is None else "one after the other for the same key of `order`, "
        return f"{after}{at}{order}"


_UNSTORED: dict[Full, str] = {
    "503": "503 when it cannot be stored",
    "drop": "dropped when it cannot be stored",
    "memory": "kept in memory when it cannot be stored",
}
