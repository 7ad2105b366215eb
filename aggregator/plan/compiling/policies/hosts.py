"""Hosts of upstreams: where each of them is, and how one is chosen."""

from __future__ import annotations

from msgspec.structs import replace

from aggregator.config.model.upstreams.upstream import UpstreamSettings
from aggregator.plan.compiling.expressions import one_expression
from aggregator.policies.hosts.plan import EjectPlan, HealthPlan, HostPlan, HostsPlan
from aggregator.policies.hosts.settings import EjectSettings, HashSettings, HealthSettings, HostSettings
from aggregator.transport import Origin, PoolSettings


def compile_hosts(upstream: UpstreamSettings, pool: PoolSettings, prefix: bytes) -> HostsPlan | None:
    """Return the hosts of *upstream*, each with a pool like *pool*, whose paths begin with *prefix*; None for a URL."""
    if not upstream.hosts:
        return None
    said = upstream.balance
    return HostsPlan(
        tuple(_host(one, upstream, pool) for one in upstream.hosts),
        balance="hash" if isinstance(said, HashSettings) else said or "least",
        key=one_expression(said.hash) if isinstance(said, HashSettings) else None,
        eject=_eject(upstream.eject),
        health=_health(upstream.health, prefix),
        slow_start=upstream.slow_start or 0.0,
    )


def _eject(said: EjectSettings | None) -> EjectPlan | None:
    return None if said is None else EjectPlan(said.failures, said.pause, said.at_most, said.panic)


def _health(said: HealthSettings | None, prefix: bytes) -> HealthPlan | None:
    if said is None:
        return None
    return HealthPlan(prefix + said.path.encode(), said.every, said.timeout, said.unhealthy, said.healthy)


def _host(said: HostSettings, upstream: UpstreamSettings, pool: PoolSettings) -> HostPlan:
    origin = Origin.parse(said.url)
    name = f"{origin.scheme}://{origin.authority.decode()}"
    return HostPlan(
        name, replace(pool, origin=origin), host_header(upstream, origin), weight=said.weight, priority=said.priority
    )


def host_header(upstream: UpstreamSettings, origin: Origin) -> bytes:
    """Return the ``Host`` of requests to *origin*."""
    return origin.authority if upstream.host_header is None else upstream.host_header.encode("ascii")
