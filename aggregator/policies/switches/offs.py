"""What is switched off at a time: by operators, and by the calendar."""

from __future__ import annotations

from collections.abc import Mapping
from zoneinfo import ZoneInfo

from aggregator.policies.switches.plan import MaintenancePlan, OffPlan
from aggregator.policies.switches.table import Switch, Target

Offs = Mapping[Target, OffPlan]


def offs_at(now: float, maintenance: tuple[MaintenancePlan, ...], switches: Mapping[Target, Switch]) -> Offs:
    """Return what is out of service *now*; what an operator has switched off comes before what the calendar says.

    Of times of maintenance that overlap, the one that ends last counts, and no end of a switch is before it.
    """
    ends: dict[Target, float] = {}
    found: dict[Target, OffPlan] = {}
    for one in maintenance:
        until = one.hours.until(now, ZoneInfo(one.zone))
        if until is None:
            continue
        targets = (Target("endpoint", key) for key in one.keys)
        longer = [target for target in targets if until > ends.get(target, now)]
        ends |= dict.fromkeys(longer, until)
        found |= dict.fromkeys(longer, OffPlan(one.status, one.detail, until))
    for target, switch in switches.items():
        until = None if switch.until is None else max(switch.until, ends.get(target, switch.until))
        found[target] = OffPlan(503, None, until)
    return found
