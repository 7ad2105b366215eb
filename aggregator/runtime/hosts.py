"""From the plan of an upstream to the door that chooses among its hosts, and to what watches over them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from aggregator.plan.calls import UpstreamPlan
from aggregator.policies.hosts.checking import HealthChecks
from aggregator.policies.hosts.door import HostsDoor
from aggregator.policies.hosts.plan import HostsPlan
from aggregator.policies.hosts.table import HOSTS, HostTable
from aggregator.policies.registry import Draft
from aggregator.transport import Door

Way = Callable[[UpstreamPlan], Door]
_HEADERS = b"user-agent: aggregator\r\naccept: */*\r\n"


def with_hosts(plan: UpstreamPlan, way: Way, states: Draft) -> Door:
    """Return the way to an upstream, which is the *way* to its address, or that to the host that is chosen.

    What is known of hosts is held in *states*.
    """
    if plan.hosts is None:
        return way(plan)
    return HostsDoor(_table(plan, plan.hosts, states), lambda host: way(plan.at(host)), plan.hosts.hosts[0])


def watches(upstreams: Iterable[UpstreamPlan], pool: Way, states: Draft) -> Iterator[HealthChecks]:
    """Yield what watches over the hosts of *upstreams*, by pools of its own."""
    for plan in upstreams:
        if plan.hosts is not None and plan.hosts.health is not None:
            yield _checks(plan, _table(plan, plan.hosts, states), pool)


def _checks(plan: UpstreamPlan, table: HostTable, pool: Way) -> HealthChecks:
    assert plan.hosts is not None
    assert plan.hosts.health is not None
    return HealthChecks(table, plan.hosts.health, lambda host: pool(plan.asked_at(host)), _HEADERS)


def _table(plan: UpstreamPlan, hosts: HostsPlan, states: Draft) -> HostTable:
    return states.hold(HOSTS, plan.name, (plan.name, hosts))
