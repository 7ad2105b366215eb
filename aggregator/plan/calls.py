"""What is called: calls, the parts that are made of calls, and fan-outs of parts. Data only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, assert_never

from msgspec import Struct
from msgspec.structs import replace

from aggregator.codecs.reading import PLAIN, ReadOptions
from aggregator.parts.rows import RowPlan
from aggregator.plan.requests import RequestPlan
from aggregator.plan.upstreams import UpstreamPlan
from aggregator.policies.cache.plan import CachePlan, LastGoodPlan
from aggregator.policies.call_budget.plan import CallBudgetPlan
from aggregator.policies.hedge.plan import HedgePlan
from aggregator.policies.retry.plan import RetryPlan
from aggregator.policies.routing.plan import ChancePlan
from aggregator.policies.switches.plan import OffPlan
from aggregator.templates import Expression, Template


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
