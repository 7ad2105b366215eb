"""Breakers as data."""

from __future__ import annotations

from msgspec import Struct

from aggregator.causes import Cause
from aggregator.fields import duration_text
from aggregator.policies.values import Span, share_text
from aggregator.templates import Expression

OURS = frozenset({
    Cause.QUEUE_FULL, Cause.QUEUE_TIMEOUT, Cause.LIMITED, Cause.INPUT, Cause.EXPRESSION, Cause.FAULT,
    Cause.BREAKER_OPEN, Cause.CREDENTIALS, Cause.SWITCHED_OFF, Cause.UNKNOWN_KEY,
})  # fmt: skip
"""Ends that say nothing of the upstream."""


class BreakerPlan(Struct, frozen=True):
    """The conditions that open a breaker, None for those not set; *window* and *over* are seconds.

    *key* tells calls apart that have breakers of their own, None when all have one; *by_host*, each host has its own.
    """

    failures: int | None
    rate: float | None
    of: int
    window: float
    over: float | None
    slow: float
    pause: Span
    statuses: frozenset[int]
    causes: frozenset[Cause]
    key: Expression | None = None
    by_host: bool = False

    @property
    def words(self) -> str:
        """The breaker as `explain` prints it: ``breaker 5 failures or 50% of 20 in 10s, pause 5s..60s``."""
        said = []
        if self.failures is not None:
            said.append(f"{self.failures} failure{'s' if self.failures > 1 else ''}")
        if self.rate is not None:
            said.append(f"{share_text(self.rate)} of {self.of} in {duration_text(self.window)}")
        if self.over is not None:
            said.append(f"{share_text(self.slow)} over {duration_text(self.over)}")
        per = "" if self.key is None else f" for each {{{{ {self.key.source} }}}}"
        per = " for each host" if self.by_host else per
        return f"breaker {' or '.join(said)}, pause {self.pause}{per}"
