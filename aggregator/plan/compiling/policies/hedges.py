"""Hedges of calls: the nearest setting, where the request may be sent twice."""

from __future__ import annotations

from aggregator.config.model.calls.call import CallSettings
from aggregator.config.model.upstreams.upstream import UpstreamSettings
from aggregator.fields import parse_duration
from aggregator.plan.compiling.policies.retries import repeats_of
from aggregator.plan.requests import RequestPlan
from aggregator.policies.hedge.plan import HedgePlan
from aggregator.policies.hedge.settings import AT_LEAST, NO_HEDGE, quantile_of


def compile_hedge(
    call: CallSettings, upstream: UpstreamSettings | None, request: RequestPlan, *, idempotent: bool | None
) -> HedgePlan | None:
    """Return when *call* is sent a second time, None for one that is not."""
    said = call.hedge if call.hedge is not None or upstream is None else upstream.hedge
    repeats = None if said is None or said is NO_HEDGE else repeats_of(request, idempotent=idempotent)
    if said is None or repeats is None:
        return None
    quantile = quantile_of(said.after)
    if quantile is None:
        return HedgePlan(parse_duration(said.after), 0.0, 0.0, repeats)
    return HedgePlan(None, quantile, AT_LEAST if said.at_least is None else said.at_least, repeats)
