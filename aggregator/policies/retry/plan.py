"""Retries and budgets as data."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from aggregator.causes import Cause
from aggregator.durations import number_text
from aggregator.fields import duration_text
from aggregator.policies.values import Span, share_text

Repeats = Literal["always", "with_key"]
"""Whether a request may be sent again: always, or when it carries an ``Idempotency-Key``."""


class BudgetPlan(Struct, frozen=True):
    """The retry budget: shares of the calls of the last ten seconds.

    *share* is that of retries and hedges together, *hedges* that of hedges alone. Retries may always be *floor* a
    second.
    """

    share: float = 0.2
    floor: float = 10.0
    hedges: float = 0.05


class RetryPlan(Struct, frozen=True):
    """The retries of a call: at most *attempts* in all, after failures by *statuses* and *causes*.

    *backoff* bounds the first pause, and any; *per_try* (seconds) one attempt. *on* are the words of the file.
    """

    attempts: int
    statuses: frozenset[int]
    causes: frozenset[Cause]
    backoff: Span
    per_try: float | None
    repeats: Repeats
    on: tuple[str, ...] = ()

    def pause(self, number: int) -> float:
        """Return the longest pause in seconds after attempt *number*, from 1."""
        return float(min(self.backoff.most, self.backoff.least * 2 ** (number - 1)))

    @property
    def pauses(self) -> float:
        """The sum of all pauses at their longest, in seconds."""
        return sum(self.pause(number) for number in range(1, self.attempts))

    @property
    def words(self) -> str:
        """The retries as `explain` prints them: ``retry 3 × 500ms on connect 503, pauses up to 25ms, 50ms``."""
        each = f"{self.attempts}" if self.per_try is None else f"{self.attempts} × {duration_text(self.per_try)}"
        pauses = ", ".join(duration_text(self.pause(number)) for number in range(1, self.attempts))
        key = " with an idempotency-key" if self.repeats == "with_key" else ""
        return f"retry {each}{key} on {' '.join(self.on)}, pauses up to {pauses}"


def budget_words(plan: BudgetPlan) -> str:
    """Return what `explain` says of a budget: ``budget 20% + 10/s``."""
    return f"budget {share_text(plan.share)} + {number_text(plan.floor)}/s"
