"""Problems of the queue of an upstream: calls that would wait in it until their deadline."""

from __future__ import annotations

from collections.abc import Iterator

from aggregator.diagnostics.finding import Elsewhere, Finding, Shown, Steps
from aggregator.fields import duration_text
from aggregator.policies.concurrency.settings import ConcurrencySettings
from aggregator.policies.retry.diagnostics import Bounds


def queue_findings(concurrency: ConcurrencySettings, path: Steps, bounds: Bounds) -> Iterator[Finding]:
    """Yield what is wrong with the time to wait in *concurrency*, at *path*, for calls that have *bounds*."""
    if concurrency.queue and concurrency.wait >= bounds.seconds:
        message = (
            f"a call may wait {duration_text(concurrency.wait)} for its place, and has "
            f"{duration_text(bounds.seconds)} in all: what waits longest is over before it is sent"
        )
        key = ("wait",) if "wait" in concurrency.model_fields_set else ()
        there = Elsewhere(bounds.place, bounds.label)
        hint = "write a shorter `wait`, or `queue: 0`"
        shows = (
            Shown(f"wait {duration_text(concurrency.wait)}", ((*path, "wait"),), "wait too long"),
            Shown(f"has {duration_text(bounds.seconds)}", (bounds.place,), "has less"),
        )
        yield Finding("timeout-too-long", message, (*path, *key), hint, "warning", related=(there,), shows=shows)
