"""Hosts of upstreams: where each of them is, and how one is chosen."""

from __future__ import annotations

from msgspec.structs import replace

from aggregator.config.model.upstreams.upstream import UpstreamSettings
from aggregator.plan.compiling.expressions import one_expression
from aggregator.policies.hosts.plan import EjectPlan, HealthPlan, HostPlan, HostsPlan, ResolvePlan
from aggregator.policies.hosts.settings import (
    EjectSettings,
    HashSettings,
    HealthSettings,
    HostSettings,
    ResolveSettings,
    dns_server,
)
from aggregator.transport import Origin, PoolSettings


def compile_hosts(upstream: UpstreamSettings, pool: PoolSettings, prefix: bytes) -> HostsPlan | None:
    """Return the hosts of *upstream*, each with a pool like *pool*, whose paths begin with *prefix*; None for a URL."""
    if not upstream.hosts and upstream.resolve is None:
        return None
    said = upstream.balance
    return HostsPlan(
        tuple(_host(one, upstream, pool) for one in upstream.hosts or (HostSettings(url=upstream.url),)),
        balance="hash" if isinstance(said, HashSettings) else said or "least",
        key=one_expression(said.hash) if isinstance(said, HashSettings) else None,
        eject=_eject(upstream.eject),
        health=_health(upstream.health, prefix),
        slow_start=upstream.slow_start or 0.0,
        resolve=_resolve(upstream.resolve, upstream.url),
    )


def _eject(said: EjectSettings | None) -> EjectPlan | None:
    return None if said is None else EjectPlan(said.failures, said.pause, said.at_most, said.panic)


def _resolve(said: ResolveSettings | None, url: str) -> ResolvePlan | None:
    if said is None:
        return None
    origin = Origin.parse(url)
    return ResolvePlan(said.by, origin.host, origin.port, said.every or 30.0, dns_server(said.server))


def _health(said: HealthSettings | None, prefix: bytes) -> HealthPlan | None:
    if said is None:
        return None
    return HealthPlan(prefix + said.path.encode(), said.every, said.timeout, said.unhealthy, said.healthy)


def _host(said: HostSettings, upstream: UpstreamSettings, pool: PoolSettings) -> HostPlan:
    origin = named(Origin.parse(said.url)) if upstream.resolve is not None else Origin.parse(said.url)
    name = f"{origin.scheme}://{origin.authority.decode()}"
    return HostPlan(
        name, replace(pool, origin=origin), host_header(upstream, origin), weight=said.weight, priority=said.priority
    )


def host_header(upstream: UpstreamSettings, origin: Origin) -> bytes:
    """Return the ``Host`` of requests to *origin*."""
    return origin.authority if upstream.host_header is None else upstream.host_header.encode("ascii")


def named(origin: Origin) -> Origin:
    """Return *origin* without the labels of a service and its protocol, by which no server is called."""
    host = origin.host
    while host.startswith("_") and "." in host:
        host = host.partition(".")[2]
    return replace(origin, host=host)
