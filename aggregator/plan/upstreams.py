"""The upstreams that are called, and the routes by which one name stands for several of them. Data only."""

from __future__ import annotations

import math

from msgspec import Struct
from msgspec.structs import replace

from aggregator.policies.breaker.plan import BreakerPlan
from aggregator.policies.cache.plan import SIZE
from aggregator.policies.concurrency.plan import ConcurrencyPlan
from aggregator.policies.credentials.plan import CredentialsPlan
from aggregator.policies.hosts.plan import HostPlan, HostsPlan
from aggregator.policies.mock.plan import MockPlan
from aggregator.policies.rate_limit.plan import CallRatePlan
from aggregator.policies.retry.plan import BudgetPlan
from aggregator.templates import Expression, Template
from aggregator.transport import Limits, PoolSettings


class UpstreamPlan(Struct, frozen=True):
    """A service: where it is and what every call to it carries. *label* is what clients may read.

    *query* and *headers* are the same for every request, the templates beside them are rendered for each. *credentials*
    are as whom it is called; those that do not change stand in *headers*, too. *kept_bytes* is how many the replies may
    take that are kept. *budget* is how much retries may add to its calls. With a *route* it stands for
    all its services. With *hosts*, *pool* and *host_header* are those of the first.
    """

    name: str
    label: str
    pool: PoolSettings
    host_header: bytes
    prefix: bytes = b""
    query: bytes = b""
    headers: tuple[tuple[bytes, bytes], ...] = ()
    query_templates: tuple[tuple[str, Template], ...] = ()
    header_templates: tuple[tuple[bytes, Template], ...] = ()
    demo: str | None = None
    credentials: CredentialsPlan | None = None
    rate_limit: CallRatePlan | None = None
    budget: BudgetPlan = BudgetPlan()
    breaker: BreakerPlan | None = None
    kept_bytes: int = SIZE
    concurrency: ConcurrencyPlan | None = None
    mock: MockPlan | None = None
    route: RoutePlan | None = None
    hosts: HostsPlan | None = None

    @property
    def streams(self) -> ConcurrencyPlan | None:
        """The places of its streams; None where pools alone count: without `concurrency`, or at hosts looked up."""
        if self.concurrency is None or (self.hosts is not None and self.hosts.resolve is not None):
            return None
        limits, hosts = self.pool.limits, len(self.each_host)
        return ConcurrencyPlan(limits.max_streams * hosts, limits.max_waiting * hosts, math.inf)

    @property
    def each_service(self) -> tuple[UpstreamPlan, ...]:
        """The services of its route; itself where it has none."""
        return (self,) if self.route is None else tuple(upstream for _, upstream in self.route.to)

    @property
    def each_host(self) -> tuple[UpstreamPlan, ...]:
        """The upstream as it is at each of its hosts; itself where it has one address."""
        if self.hosts is None:
            return (self,)
        return tuple(self.at(host) for host in self.hosts.hosts)

    @property
    def each_asked(self) -> tuple[UpstreamPlan, ...]:
        """The upstream as its health is asked for at each of its hosts; nothing where it is not."""
        if self.hosts is None or self.hosts.health is None:
            return ()
        return tuple(self.asked_at(host) for host in self.hosts.hosts)

    def asked_at(self, host: HostPlan) -> UpstreamPlan:
        """Return the upstream as its health is asked for at *host*: by a connection at a time, which is not kept."""
        limits = Limits(max_connections=1, max_keepalive=0, max_waiting=1, max_streams=1)
        pool = replace(host.pool, limits=limits)
        return replace(self.at(host), name=f"{self.name} health", pool=pool)

    def with_host(self, host: HostPlan) -> UpstreamPlan:
        """Return the upstream with *host* and no other."""
        assert self.hosts is not None
        return replace(self, hosts=replace(self.hosts, hosts=(host,)))

    def at(self, host: HostPlan) -> UpstreamPlan:
        """Return the upstream as it is at *host* alone."""
        return replace(self, pool=host.pool, host_header=host.header, hosts=None)


class RoutePlan(Struct, frozen=True):
    """The services of an upstream by key, which *by* tells of each request; the name of each has its key behind it."""

    by: Expression
    to: tuple[tuple[str, UpstreamPlan], ...]

    @property
    def words(self) -> str:
        """The routes as `explain` prints them: ``route {{ headers['x-tenant'] }} (2 keys)``."""
        return f"route {{{{ {self.by.source} }}}} ({len(self.to)} key{'' if len(self.to) == 1 else 's'})"
