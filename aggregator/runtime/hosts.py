"""From the plan of an upstream to the door that chooses among its hosts, and to what watches over them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from aggregator.plan.upstreams import UpstreamPlan
from aggregator.policies.breaker.table import BREAKERS
from aggregator.policies.hosts.breaking import HostBreakers
from aggregator.policies.hosts.checking import HealthChecks
from aggregator.policies.hosts.door import HostsDoor
from aggregator.policies.hosts.plan import HostPlan, HostsPlan
from aggregator.policies.hosts.resolving import Resolution
from aggregator.policies.hosts.table import HOSTS, HostTable
from aggregator.policies.registry import Draft
from aggregator.runtime.client import PoolKey, SharedClient, pool_keys
from aggregator.transport import Door

Way = Callable[[UpstreamPlan], Door]
_HEADERS = b"user-agent: aggregator\r\naccept: */*\r\n"


def with_hosts(plan: UpstreamPlan, way: Way, states: Draft, *, watched: bool = True) -> Door:
    """Return the way to an upstream, which is the *way* to its address, or that to the host that is chosen.

    What is known of hosts is held in *states*. Unless they are *watched*, a name is one host.
    """
    if plan.hosts is None:
        return way(plan)
    hosts = plan.hosts if watched else plan.hosts.unwatched
    breakers = None
    if plan.breaker is not None and plan.breaker.by_host:
        breakers = HostBreakers(states.hold(BREAKERS, plan.name, (plan.name, plan.breaker)), plan.label)
    return HostsDoor(_table(plan, hosts, states), lambda host: way(plan.at(host)), hosts.hosts[0], breakers)


class Watches:
    """The lookups of names and the health checks that run while a generation serves."""

    def __init__(self, resolutions: tuple[Resolution, ...] = (), checks: tuple[HealthChecks, ...] = ()) -> None:
        self.resolutions = resolutions
        self.checks = checks
        self._all: tuple[Resolution | HealthChecks, ...] = (*resolutions, *checks)

    async def prepare(self) -> None:
        """Look up the names that are not known yet, so that the first call has hosts."""
        await asyncio.gather(*(one.prepare() for one in self.resolutions))

    def start(self) -> None:
        """Start all lookups and health checks."""
        for one in self._all:
            one.start()

    def stop(self) -> None:
        """Watch no more."""
        for one in self._all:
            one.stop()

    def close(self) -> None:
        """Release the pools of hosts that were looked up; no request is under way any more."""
        for one in self.resolutions:
            one.close()


def watches(
    upstreams: Iterable[UpstreamPlan], client: SharedClient, demo_port: int | None, pool: Way, states: Draft
) -> Watches:
    """Return what watches over the hosts of *upstreams*, by pools of its own from *client*."""
    resolutions, checks = [], []
    for plan in upstreams:
        hosts = plan.hosts
        if hosts is not None and hosts.resolve is not None:
            resolutions.append(Resolution(_table(plan, hosts, states), hosts, _HostPools(client, plan, demo_port)))
        if hosts is not None and hosts.health is not None:
            checks.append(_checks(plan, _table(plan, hosts, states), pool))
    return Watches(tuple(resolutions), tuple(checks))


class _HostPools:
    """The pools of *client* to hosts of *plan* that were looked up."""

    def __init__(self, client: SharedClient, plan: UpstreamPlan, demo_port: int | None) -> None:
        self._client = client
        self._plan = plan
        self._demo_port = demo_port

    def keep(self, host: HostPlan) -> None:
        """See `Pools.keep`."""
        self._client.retain(self._keys(host))

    def give_back(self, host: HostPlan) -> None:
        """See `Pools.give_back`."""
        self._client.release(self._keys(host))

    def is_busy(self, host: HostPlan) -> bool:
        """See `Pools.is_busy`."""
        return any(map(self._client.is_busy, self._keys(host)))

    def _keys(self, host: HostPlan) -> tuple[PoolKey, ...]:
        return pool_keys(self._plan.with_host(host), self._demo_port)


def _checks(plan: UpstreamPlan, table: HostTable, pool: Way) -> HealthChecks:
    assert plan.hosts is not None
    assert plan.hosts.health is not None
    return HealthChecks(table, plan.hosts.health, lambda host: pool(plan.asked_at(host)), _HEADERS)


def _table(plan: UpstreamPlan, hosts: HostsPlan, states: Draft) -> HostTable:
    return states.hold(HOSTS, plan.name, (plan.name, hosts))
