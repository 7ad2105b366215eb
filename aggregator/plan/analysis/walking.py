"""The one walk over the parts of a plan: what is inside of them, and the same plan with other calls."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import assert_never

from msgspec.structs import replace

from aggregator.plan.calls import CallPlan, CallsPlan, CorePlan, FanPlan, GroupPlan, PartPlan, RacePlan, UpstreamPlan
from aggregator.plan.schemes import ExternalPlan
from aggregator.plan.types import Plan


def parts_in(fan: FanPlan | None) -> Iterator[PartPlan]:
    """Yield every part of *fan*, each before those inside of it; none for None."""
    for part in () if fan is None else fan.parts:
        yield from parts_within(part)


def parts_within(part: PartPlan) -> Iterator[PartPlan]:
    """Yield *part*, then every part inside of it."""
    yield part
    for inner in part.inner:
        yield from parts_within(inner)


def calls_in(fan: FanPlan | None) -> list[CallPlan]:
    """Return every call of *fan*, those inside alternatives, races and groups included."""
    return [choice for part in parts_in(fan) for call in part.calls for choice in call.each_choice]


def calls_in_part(part: PartPlan) -> list[CallPlan]:
    """Return every call of *part*, those inside alternatives, races and groups included."""
    return [choice for each in parts_within(part) for call in each.calls for choice in call.each_choice]


def with_calls(
    part: PartPlan, change: Callable[[CallPlan], CallPlan], change_fan: Callable[[FanPlan], FanPlan] | None = None
) -> PartPlan:
    """Return *part* whose calls are what *change* makes of them.

    What is in a nested group goes the same way, unless *change_fan* makes something else of its fan-out.
    """
    return replace(part, core=_changed(part.core, change, change_fan))


def _changed(
    core: CorePlan, change: Callable[[CallPlan], CallPlan], change_fan: Callable[[FanPlan], FanPlan] | None
) -> CorePlan:
    match core:
        case CallsPlan(calls=calls):
            return replace(core, calls=tuple(call.changed(change) for call in calls))
        case RacePlan(runners=runners):
            return RacePlan(tuple(with_calls(runner, change, change_fan) for runner in runners))
        case GroupPlan(fan=fan) if change_fan is not None:
            return replace(core, fan=change_fan(fan))
        case GroupPlan(fan=fan):
            return replace(core, fan=replace(fan, parts=tuple(with_calls(part, change) for part in fan.parts)))
        case _:
            assert_never(core)


def upstreams_in(plan: Plan) -> tuple[UpstreamPlan, ...]:
    """Return every upstream that *plan* declares or calls by its URL, each once, in the order of the file."""
    calls = [call for endpoint in plan.endpoints for call in calls_in(endpoint.fan)]
    calls += [call for endpoint in plan.endpoints for effect in endpoint.effects for call in calls_in_part(effect.part)]
    calls += [shadow.call for endpoint in plan.endpoints for shadow in endpoint.shadows]
    calls += [scheme.call for scheme in plan.schemes if isinstance(scheme, ExternalPlan)]
    declared = (*plan.upstreams, *(call.upstream for call in calls))
    return tuple(dict.fromkeys(one for upstream in declared for one in upstream.each_service))
