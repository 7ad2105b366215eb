"""All the calls of a plan, wherever they stand."""

from __future__ import annotations

from aggregator.plan.calls import CallPlan, FanPlan, PartPlan


def calls_in(fan: FanPlan | None) -> list[CallPlan]:
    """Return every call of *fan*, those inside alternatives, races and groups included."""
    return [] if fan is None else [call for part in fan.parts for call in calls_in_part(part)]


def calls_in_part(part: PartPlan) -> list[CallPlan]:
    """Return every call of *part*, those inside alternatives, races and groups included."""
    inner = [call for runner in part.race for call in calls_in_part(runner)]
    return [*part.calls, *inner, *calls_in(part.group)]
