"""Breakers of upstreams: what counts as a failure, and whose calls are counted together."""

from __future__ import annotations

from aggregator.causes import causes_called
from aggregator.config.model.upstreams.upstream import UpstreamSettings
from aggregator.plan.compiling.expressions import one_expression
from aggregator.plan.compiling.policies.retries import statuses_called
from aggregator.policies.breaker.plan import BreakerPlan
from aggregator.policies.breaker.settings import HOST, UPSTREAM


def compile_breaker(upstream: UpstreamSettings) -> BreakerPlan | None:
    """Return the breaker of *upstream*, None for one that is always called."""
    said = upstream.breaker
    if said is None:
        return None
    return BreakerPlan(
        failures=said.failures,
        rate=said.rate,
        of=said.of,
        window=said.window,
        over=None if said.slow is None else said.slow.over,
        slow=1.0 if said.slow is None else said.slow.share,
        pause=said.pause,
        statuses=frozenset(status for key in said.on for status in statuses_called(key)),
        causes=frozenset(cause for key in said.on for cause in causes_called(key)),
        key=None if said.per in (UPSTREAM, HOST) else one_expression(said.per),
        by_host=said.per == HOST,
    )
