"""``x-aggregator``: which upstreams stand behind an endpoint, by name, and how long it may take."""

from __future__ import annotations

from collections.abc import Iterable
from math import inf

from aggregator.durations import number_text
from aggregator.plan.analysis.walking import calls_in, calls_in_part
from aggregator.plan.calls import CallPlan, FanPlan, PartPlan
from aggregator.plan.explaining.carried import carried_member
from aggregator.plan.types import EndpointPlan
from aggregator.server.openapi.components import Schema


def extension(plan: EndpointPlan) -> Schema:
    """Return the upstreams and the limits of time of *plan*; of a fan-out also its parts, and what they wait for.

    Upstreams are named as in problem documents, never by their address.
    """
    fan = plan.fan
    shown: Schema = {"upstreams": _labels(calls_in(fan))}
    if plan.timeout < inf:
        shown["timeout"] = f"{number_text(plan.timeout)}s"
    if plan.idle_timeout is not None:
        shown["idle_timeout"] = f"{number_text(plan.idle_timeout)}s"
    shown |= carried_member(plan.edge)
    if plan.kind == "fan_out" and fan is not None:
        shown["parts"] = {part.name: _part(part, fan) for part in fan.parts}
    return shown


def _part(part: PartPlan, fan: FanPlan) -> Schema:
    shown: Schema = {"upstreams": _labels(calls_in_part(part))}
    if part.waits:
        shown["after"] = [fan.parts[number].name for number in part.waits]
    if part.each is not None:
        shown["for_each"] = True
    if part.optional:
        shown["optional"] = True
    return shown


def _labels(calls: Iterable[CallPlan]) -> list[str]:
    return list(dict.fromkeys(call.upstream.label for call in calls))
