"""From the plan of an upstream to the door that chooses among its hosts."""

from __future__ import annotations

from collections.abc import Callable

from aggregator.plan.calls import UpstreamPlan
from aggregator.policies.hosts.door import HostsDoor
from aggregator.policies.hosts.table import HOSTS
from aggregator.policies.registry import Draft
from aggregator.transport import Door


def with_hosts(plan: UpstreamPlan, way: Callable[[UpstreamPlan], Door], states: Draft) -> Door:
    """Return the way to an upstream, which is the *way* to its address, or that to the host that is chosen.

    What is known of hosts is held in *states*.
    """
    if plan.hosts is None:
        return way(plan)
    table = states.hold(HOSTS, plan.name, (plan.name, plan.hosts))
    return HostsDoor(table, lambda host: way(plan.at(host)), plan.hosts.hosts[0])
