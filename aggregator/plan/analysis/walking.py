"""All the calls and upstreams of a plan, wherever they stand."""

from __future__ import annotations

from aggregator.plan.calls import CallPlan, FanPlan, PartPlan, UpstreamPlan
from aggregator.plan.schemes import ExternalPlan
from aggregator.plan.types import Plan


def calls_in(fan: FanPlan | None) -> list[CallPlan]:
    """Return every call of *fan*, those inside alternatives, races and groups included."""
    return [] if fan is None else [call for part in fan.parts for call in calls_in_part(part)]


def calls_in_part(part: PartPlan) -> list[CallPlan]:
    """Return every call of *part*, those inside alternatives, races and groups included."""
    inner = [call for runner in part.race for call in calls_in_part(runner)]
    return [*part.calls, *inner, *calls_in(part.group)]


def upstreams_in(plan: Plan) -> tuple[UpstreamPlan, ...]:
    """Return every upstream that *plan* declares or calls by its URL, each once, in the order of the file."""
    calls = [call for endpoint in plan.endpoints for call in calls_in(endpoint.fan)]
    calls += [effect.call for endpoint in plan.endpoints for effect in endpoint.effects]
    calls += [scheme.call for scheme in plan.schemes if isinstance(scheme, ExternalPlan)]
    return tuple(dict.fromkeys((*plan.upstreams, *(call.upstream for call in calls))))
