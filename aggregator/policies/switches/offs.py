"""What is out of service at a time: by operators, and by the calendar."""

from __future__ import annotations

from collections.abc import Mapping
from zoneinfo import ZoneInfo

from aggregator.policies.switches.plan import MaintenancePlan, OffPlan
from aggregator.policies.switches.table import Switch, Target

Offs = Mapping[Target, OffPlan]


def offs_at(now: float, maintenance: tuple[MaintenancePlan, ...], switches: Mapping[Target, Switch]) -> Offs:
    """Return what is out of service *now*; what an operator has switched off comes before what the calendar says."""
    found: dict[Target, OffPlan] = {}
    for one in maintenance:
        until = one.hours.until(now, ZoneInfo(one.zone))
        if until is not None:
            found |= {Target("endpoint", key): OffPlan(one.status, one.detail, until) for key in one.keys}
    return found | {target: OffPlan(503, None, switch.until) for target, switch in switches.items()}
