"""What is called: upstreams, calls, the parts that are made of calls, and fan-outs of parts. Data only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, assert_never

from msgspec import Struct
from msgspec.structs import replace

from aggregator.codecs.reading import PLAIN, ReadOptions
from aggregator.parts.rows import RowPlan
from aggregator.plan.requests import RequestPlan
from aggregator.policies.breaker.plan import BreakerPlan
from aggregator.policies.cache.plan import SIZE, CachePlan, LastGoodPlan
from aggregator.policies.call_budget.plan import CallBudgetPlan
from aggregator.policies.concurrency.plan import ConcurrencyPlan
from aggregator.policies.credentials.plan import CredentialsPlan
from aggregator.policies.hedge.plan import HedgePlan
from aggregator.policies.hosts.plan import HostPlan, HostsPlan
from aggregator.policies.mock.plan import MockPlan
from aggregator.policies.rate_limit.plan import CallRatePlan
from aggregator.policies.retry.plan import BudgetPlan, RetryPlan
from aggregator.policies.routing.choosing import ChancePlan
from aggregator.policies.switches.plan import OffPlan
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


class ShapePlan(Struct, frozen=True):
    """The shaping of a body, in this order: select, target, allow or deny, rename, group."""

    select: str | None = None
    select_expression: Expression | None = None
    target: str | None = None
    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    rename: tuple[tuple[str, str], ...] = ()
    group: str | None = None


class SuccessPlan(Struct, frozen=True):
    """Which answers of an upstream are a success.

    *verdicts* are statuses that answer a condition of the client (RFC 9110 §13), each with the request headers of which
    one has to be there: the client's own business, so no failures.
    """

    statuses: frozenset[int]
    when: Expression | None = None
    verdicts: tuple[tuple[int, frozenset[bytes]], ...] = ()


class CallPlan(Struct, frozen=True):
    """One call: its request, its upstream, its timeout, and the way its answer is judged and read.

    *eager*: a body that is not JSON is decoded at once; a body that only passes through need not be. *is_read* says
    that expressions of other calls read its body, *is_copied* that they may copy data of it as it was sent. *max_body*
    is in bytes, less than what the pool of the upstream takes anyway. *steps* is how many calls must follow, one after
    the other, before the request is answered. *coalesce* says with whom it is one call when both would send the same:
    with others of its request, or with all. *budget* is that of its request. *routes* are the requests to the services
    of a route, in its order. Of a *dry_run* nothing is sent, and what would be is told or hidden. With a *choice* it
    stands for the calls of which one is made, and is as the first of them.
    """

    name: str
    upstream: UpstreamPlan
    request: RequestPlan
    timeout: float
    success: SuccessPlan
    rows: tuple[RowPlan, ...] = ()
    shape: ShapePlan | None = None
    format: str = "auto"
    reading: ReadOptions = PLAIN
    transform: str | None = None
    redirects: int = 0
    graphql: Literal["no", "strict", "partial"] = "no"
    eager: bool = True
    is_read: bool = False
    is_copied: bool = False
    max_body: int | None = None
    steps: int = 0
    off: OffPlan | None = None
    retry: RetryPlan | None = None
    hedge: HedgePlan | None = None
    cache: CachePlan | None = None
    invalidates: bool = False
    coalesce: Literal["no", "request", "all"] = "no"
    budget: CallBudgetPlan | None = None
    routes: tuple[RequestPlan, ...] = ()
    choice: ChoicePlan | None = None
    dry_run: Literal["no", "told", "hidden"] = "no"

    @property
    def each_choice(self) -> tuple[CallPlan, ...]:
        """The calls of which one is made; itself where there is no choice."""
        return (self,) if self.choice is None else self.choice.calls

    def changed(self, change: Callable[[CallPlan], CallPlan]) -> CallPlan:
        """Return what *change* makes of the call and of each that it is chosen from."""
        if self.choice is None:
            return change(self)
        calls = tuple(map(change, self.choice.calls))
        return change(replace(self, choice=replace(self.choice, calls=calls)))

    def by_key(self) -> dict[str, CallPlan]:
        """Return the call as it is for each key of the route of its upstream; only of one that has a route."""
        route = self.upstream.route
        assert route is not None
        return {
            key: replace(self, upstream=upstream, request=request, routes=())
            for (key, upstream), request in zip(route.to, self.routes, strict=True)
        }


class ChoicePlan(Struct, frozen=True):
    """*calls* of which each request makes one, as *chance* says."""

    chance: ChancePlan
    calls: tuple[CallPlan, ...]


class BatchPlan(Struct, frozen=True):
    """One call for many keys; *shape* is taken from each element of the answer."""

    key: str
    size: int
    separator: str
    path: str | None
    shape: ShapePlan | None = None


class EachPlan(Struct, frozen=True):
    """One call per item of a list; items with the same key share one.

    Without a *key* it is all that the call *reads* of an item; None when every item has a call of its own. *is_read*
    tells whether anything is made of the results.
    """

    items: Expression
    key: Expression | None
    reads: tuple[Expression, ...] | None
    concurrency: int
    max_items: int
    on_error: Literal["fail", "null", "skip"]
    join: str | None
    batch: BatchPlan | None
    is_read: bool = True


class CallsPlan(Struct, frozen=True):
    """A call and its alternatives, tried in order; the first is made once, or for *each* item of a list."""

    calls: tuple[CallPlan, ...]
    each: EachPlan | None = None


class RacePlan(Struct, frozen=True):
    """Parts that start together; the first that succeeds is the result."""

    runners: tuple[PartPlan, ...]


class GroupPlan(Struct, frozen=True):
    """A fan-out inside a part; *is_read* tells whether anything is made of its result as a whole."""

    fan: FanPlan
    is_read: bool = True


CorePlan = CallsPlan | RacePlan | GroupPlan
"""What a part is made of; a ``match`` over it ends in ``assert_never``."""


class PartPlan(Struct, frozen=True):
    """A named piece of an answer: its *core*, and what is done around that.

    *waits* are the indexes of the parts that must have ended before this one starts, *whole* how expressions elsewhere
    use its result as data where that is put together from several.
    """

    name: str
    core: CorePlan
    when: Expression | None = None
    optional: bool = False
    default: Template | None = None
    waits: tuple[int, ...] = ()
    shape: ShapePlan | None = None
    transform: str | None = None
    rows: tuple[RowPlan, ...] = ()
    timeout: float | None = None
    last_good: LastGoodPlan | None = None
    whole: Literal["unread", "read", "copied"] = "unread"

    @property
    def calls(self) -> tuple[CallPlan, ...]:
        """The call of the part and its alternatives; none of a race or a group, which have them further inside."""
        return self.core.calls if isinstance(self.core, CallsPlan) else ()

    @property
    def each(self) -> EachPlan | None:
        """The list for whose items its call is made, None when it is made once."""
        return self.core.each if isinstance(self.core, CallsPlan) else None

    @property
    def inner(self) -> tuple[PartPlan, ...]:
        """The parts right inside of it: the runners of a race, or the parts of a group."""
        match self.core:
            case CallsPlan():
                return ()
            case RacePlan(runners=runners):
                return runners
            case GroupPlan(fan=fan):
                return fan.parts
            case _:
                assert_never(self.core)


class FanPlan(Struct, frozen=True):
    """Parts in declared order; *dependents* gives for each part the parts that wait for it."""

    parts: tuple[PartPlan, ...]
    dependents: tuple[tuple[int, ...], ...]
