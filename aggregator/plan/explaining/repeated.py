"""What becomes of a request that comes again, in words and as data."""

from __future__ import annotations

from typing import Any

from aggregator.errors import Cause
from aggregator.fields import duration_text
from aggregator.plan.explaining.sending.preview import shown
from aggregator.policies.idempotency.plan import IdempotencyPlan


def repeat_lines(plan: IdempotencyPlan) -> tuple[str, ...]:
    """Return what *plan* does, a line each."""
    return (
        f"by {shown(plan.key)} of a caller, for {duration_text(plan.ttl)}",
        "a request that comes again gets the answer that it got, unless that was 5xx; nothing is called",
        "409 while the first is being answered, 422 where it is another request",
        "400 without a key" if plan.required else "without a key it is a plain request",
    )


def repeat_member(plan: IdempotencyPlan) -> dict[str, Any]:
    """Return what *plan* does as data; times in seconds."""
    return {"key": shown(plan.key), "ttl": plan.ttl, "required": plan.required}


def repeat_causes(plan: IdempotencyPlan) -> tuple[tuple[Cause, int], ...]:
    """Return the causes with which *plan* refuses requests, each with its status."""
    missing = (Cause.KEY_MISSING,) if plan.required else ()
    causes = (*missing, Cause.UNDER_WAY, Cause.KEY_REUSED, Cause.STATE_UNAVAILABLE)
    return tuple((cause, cause.default_status) for cause in causes)
