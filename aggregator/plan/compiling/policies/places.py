"""Concurrency of upstreams."""

from __future__ import annotations

from aggregator.config.model.upstreams.upstream import UpstreamSettings
from aggregator.policies.concurrency.plan import ConcurrencyPlan

_MOST = 200


def compile_concurrency(upstream: UpstreamSettings) -> ConcurrencyPlan | None:
    """Return how many calls *upstream* has to carry at once, None where nobody says it."""
    said = upstream.concurrency
    if said is None:
        return None
    if isinstance(said.limit, int):
        return ConcurrencyPlan(said.limit, said.queue, said.wait)
    return ConcurrencyPlan(said.at_most or _MOST, said.queue, said.wait, adaptive=True)
