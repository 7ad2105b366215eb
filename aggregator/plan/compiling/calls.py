"""Calls with everything that they inherit: timeout, status map, forwarding, success, shape."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field
from msgspec.structs import replace

from aggregator.codecs.reading import PLAIN, ReadOptions
from aggregator.config.model.calls.call import CallSettings
from aggregator.config.model.calls.shape import ShapeSettings
from aggregator.config.model.endpoint import EndpointSettings
from aggregator.config.model.root import RootSettings
from aggregator.config.model.upstreams.limits import Timeouts
from aggregator.config.model.upstreams.upstream import UpstreamSettings
from aggregator.errors import Cause
from aggregator.plan.analysis.failures import keys_of
from aggregator.plan.calls import CallPlan, ChoicePlan, ShapePlan, SuccessPlan
from aggregator.plan.compiling.endpoint.edge import compile_errors
from aggregator.plan.compiling.expressions import one_expression, optional_expression
from aggregator.plan.compiling.forwarding import Forwarding, verdicts_of
from aggregator.plan.compiling.policies.hedges import compile_hedge
from aggregator.plan.compiling.policies.retries import compile_retry, nearest_retry
from aggregator.plan.compiling.requests import compile_request
from aggregator.plan.compiling.rows import compile_rows, rows_for
from aggregator.plan.compiling.telemetry import traced_fields
from aggregator.plan.compiling.upstreams import anonymous_upstream, compile_upstream
from aggregator.plan.edge import ErrorPlan
from aggregator.plan.types import RowPlan
from aggregator.plan.upstreams import UpstreamPlan
from aggregator.policies.cache.compiling import compile_cache, flies_with_all, invalidates
from aggregator.policies.call_budget.plan import compile_budget
from aggregator.policies.credentials.plan import CallerPlace
from aggregator.policies.routing.plan import ChancePlan
from aggregator.templates import compile_url

_SUCCESS = frozenset(range(200, 300))
_PART_OF_A_BODY = 206
DEFAULT_TOTAL = 10.0


class Surroundings(Struct):
    """The values that calls of one configuration share, compiled once."""

    root: RootSettings
    upstreams: dict[str, UpstreamPlan] = field(default_factory=dict)
    upstream_rows: dict[str, tuple[RowPlan, ...]] = field(default_factory=dict)
    default_rows: tuple[RowPlan, ...] = ()
    errors: tuple[ErrorPlan, ...] = ()
    secret_headers: frozenset[bytes] = frozenset()
    is_bare: bool = False
    """Whether requests are written without what their upstreams add to all, which is added when they are delivered."""

    @classmethod
    def of(cls, root: RootSettings, tls_digests: Mapping[str, str]) -> Surroundings:
        """Return the surroundings of *root*; *tls_digests* are, by upstream, of its files of TLS."""
        return cls(
            root,
            {
                name: compile_upstream(name, settings, root, tls_digest=tls_digests.get(name, ""))
                for name, settings in root.upstreams.items()
            },
            {name: _upstream_rows(settings) for name, settings in root.upstreams.items()},
            compile_rows(root.defaults.status_map),
            compile_errors(root.server),
            _secret_headers(root),
        )

    def upstream(self, name: str | None, origin: str | None, label: str) -> UpstreamPlan:
        """Return the plan of the upstream *name*, or of the one at *origin*."""
        assert name is not None or origin is not None
        found = self.upstreams[name] if name is not None else anonymous_upstream(str(origin), label, self.root)
        return replace(found, prefix=b"", query=b"", headers=(), credentials=None) if self.is_bare else found


def _upstream_rows(settings: UpstreamSettings) -> tuple[RowPlan, ...]:
    """Return the status map of an upstream; an unknown key is the last of what it speaks of."""
    rows = compile_rows(settings.status_map)
    return rows if settings.route is None else (*rows, RowPlan(Cause.UNKNOWN_KEY.value, status=settings.route.else_))


def _secret_headers(root: RootSettings) -> frozenset[bytes]:
    """Return the headers that carry a secret of this server: the keys of its callers, and that of `debug`."""
    keys = (scheme.api_key.header for scheme in root.auth.values() if scheme.api_key is not None)
    debug = root.server.debug.header if root.server.debug is not None else None
    return frozenset(name.lower().encode("ascii", "replace") for name in (*keys, debug) if name)


class EndpointSurroundings(Struct, frozen=True):
    """The values that calls of one endpoint share; *method* and *rows* are those of the endpoint.

    The reply to a call of an endpoint that *is_single* is the answer, or what it is made of; *eager* says that it is
    read, and does not pass through as it came.

    *callers* are where its callers have what can be passed on; None when nobody is asked.

    *outer* are the names of the parts that a call is in, *outer_rows* their status maps, the innermost first.
    """

    whole: Surroundings
    settings: EndpointSettings
    method: str
    rows: tuple[RowPlan, ...]
    eager: bool
    is_single: bool = False
    is_background: bool = False
    callers: tuple[CallerPlace, ...] | None = None
    outer: tuple[str, ...] = ()
    outer_rows: tuple[RowPlan, ...] = ()

    @property
    def passes(self) -> bool:
        """Whether the reply to a call is the answer, as it comes."""
        return not self.is_background and (self.settings.stream or not self.eager)

    @property
    def passes_all(self) -> bool:
        """Whether the answer is that of the call, whatever it is."""
        return self.settings.response is not None and self.settings.response.pass_ is not None

    def inside(self, name: str, rows: tuple[RowPlan, ...]) -> EndpointSurroundings:
        """Return the surroundings of what is in the part *name*, whose status map has *rows*."""
        return replace(self, outer=(*self.outer, name), outer_rows=(*rows, *self.outer_rows))

    def rows_of(self, name: str, own: tuple[RowPlan, ...], upstream: str = "") -> tuple[RowPlan, ...]:
        """Return the rows that may speak of *name*: its *own*, of the parts around it, endpoint, upstream, defaults."""
        levels = (own, self.outer_rows, self.rows, self.whole.upstream_rows.get(upstream, ()), self.whole.default_rows)
        return rows_for((name, *self.outer), *levels)


def compile_call(name: str, settings: CallSettings, near: EndpointSurroundings) -> CallPlan:
    """Return the plan of the call *settings*, named *name*."""
    assert settings.url is not None
    if not settings.choose:
        return _one_call(name, settings, near)
    alone = {"choose": (), "sticky": None}
    each = tuple(
        _one_call(name, settings.model_copy(update={"url": one.url, **alone}), near) for one in settings.choose
    )
    chance = ChancePlan(
        tuple(one.url for one in settings.choose),
        tuple(one.weight for one in settings.choose),
        optional_expression(settings.sticky),
    )
    return replace(each[0], choice=ChoicePlan(chance, each))


def _one_call(name: str, settings: CallSettings, near: EndpointSurroundings) -> CallPlan:
    assert settings.url is not None
    url = compile_url(settings.url)
    root = near.whole.root
    upstream = near.whole.upstream(url.upstream, url.origin, name)
    declared = root.upstreams.get(url.upstream or "")
    forwarding = _forwarding(settings, declared, near)
    request = compile_request(url, settings, upstream, root.client.user_agent, forwarding)
    rows = near.rows_of(name, compile_rows(settings.status_map), upstream.name)
    success = _success(settings, takes_part=not near.eager)
    if near.passes_all and settings.success is None:
        success = SuccessPlan(_as_it_came((*compile_rows(settings.status_map), *near.rows)))
    if near.is_single and settings.transform is None:
        success = replace(success, verdicts=verdicts_of(request, rows))
    retry, own = nearest_retry(settings, declared), settings.idempotent
    may = own if own is not None or declared is None else declared.idempotent
    method, is_alone = request.method.decode(), _is_alone(near)
    flies = flies_with_all(settings.coalesce, declared is not None and declared.coalesce, method)
    is_message = upstream.pool.broker is not None
    return CallPlan(
        name=name,
        upstream=upstream,
        request=request,
        timeout=_total(settings.timeout, near, declared.timeout if declared else None),
        success=success,
        rows=rows,
        shape=compile_shape_plan(settings),
        format=settings.format or (declared.format if declared else "auto"),
        reading=_reading(settings, declared),
        transform=settings.transform,
        redirects=_first_said(settings.redirects, declared.redirects if declared else None, 0),
        graphql="no" if settings.graphql is None else "partial" if settings.graphql.partial else "strict",
        eager=near.eager,
        max_body=settings.max_body,
        retry=compile_retry(retry, request, success.statuses, idempotent=may, is_message=is_message),
        hedge=None if near.settings.stream else compile_hedge(settings, declared, request, idempotent=may),
        cache=None if is_alone else compile_cache(settings.cache, declared.cache if declared else None, method),
        invalidates=invalidates(settings.cache, declared.cache if declared else None, method),
        coalesce="all" if flies and not is_alone else "no",
        budget=None if is_alone else compile_budget(near.settings.call_budget),
        routes=tuple(
            compile_request(url, settings, service, root.client.user_agent, forwarding)
            for _, service in (upstream.route.to if upstream.route is not None else ())
        ),
    )  # fmt: skip


def _forwarding(settings: CallSettings, declared: UpstreamSettings | None, near: EndpointSurroundings) -> Forwarding:
    """Return which headers and query parameters of a client the call *settings* sends to the upstream *declared*."""
    root = near.whole.root
    shared = (declared.forward if declared else None, root.defaults.forward)
    return Forwarding(
        near.method,
        tuple(forward for forward in (settings.forward, near.settings.forward) if forward is not None),
        tuple(forward for forward in shared if forward is not None),
        near.whole.secret_headers,
        near.callers,
        near.passes,
        traced_fields(root.telemetry.traces),
    )


def unread(call: CallPlan) -> CallPlan:
    """Return *call* without a look at its body, which nobody reads unless it decides about success."""
    is_judged = call.success.when is not None or call.graphql != "no"
    return call if is_judged else replace(call, format="raw")


def _is_alone(near: EndpointSurroundings) -> bool:
    """Return whether nothing that is kept has a say in a call, and no other request: in the background, or a stream."""
    return near.is_background or near.settings.stream


def _reading(settings: CallSettings, declared: UpstreamSettings | None) -> ReadOptions:
    """Return how bodies are read beyond their format; of each format the nearest wins, call or upstream."""
    xml = settings.xml or (declared.xml if declared else None)
    csv = settings.csv or (declared.csv if declared else None)
    if xml is None and csv is None:
        return PLAIN
    return ReadOptions(frozenset(xml.lists if xml else ()), csv.delimiter if csv else PLAIN.csv_delimiter)


def _total(own: Timeouts | None, near: EndpointSurroundings, upstream: Timeouts | None) -> float:
    """Nearest wins: call, upstream, defaults, client. The deadline of the endpoint cuts it at run time.

    What is called in the background has its own, or that of all such calls.
    """
    root = near.whole.root
    if near.is_background:
        return root.background.timeout if own is None or own.total is None else own.total
    for level in (own, upstream, root.defaults.timeout, root.client.timeout):
        if level is not None and level.total is not None:
            return level.total
    return DEFAULT_TOTAL


def _as_it_came(rows: tuple[RowPlan, ...]) -> frozenset[int]:
    """Return the statuses that an answer passes as they come: any success, and those below 500 that no row names."""
    named = {row.on for row in rows}
    passed = (status for status in range(300, 500) if named.isdisjoint((*keys_of(Cause.STATUS, status), "any")))
    return _SUCCESS.union(passed)


def _first_said(*values: int | None) -> int:
    return next((value for value in values if value is not None), 0)


def _success(settings: CallSettings, *, takes_part: bool) -> SuccessPlan:
    """Return what is a success of a call; a part of a body (206) only where the call *takes_part* or names it."""
    if settings.success is None:
        return SuccessPlan(_SUCCESS if takes_part else _SUCCESS - {_PART_OF_A_BODY})
    classes: set[int] = set()
    named: set[int] = set()
    for item in settings.success.status:
        text = str(item).lower()
        if text.endswith("xx"):
            classes.update(range(int(text[0]) * 100, int(text[0]) * 100 + 100))
        else:
            named.add(int(text))
    if not takes_part:
        classes.discard(_PART_OF_A_BODY)
    return SuccessPlan(frozenset(classes | named), optional_expression(settings.success.when))


def compile_shape_plan(settings: ShapeSettings) -> ShapePlan | None:
    """Return the plan of what is taken from a body; None when everything is."""
    plan = ShapePlan(
        target=settings.target,
        allow=settings.allow,
        deny=settings.deny,
        rename=tuple(settings.rename.items()),
        group=settings.group,
    )
    if settings.select is None:
        return None if plan == ShapePlan() else plan
    if "{{" in settings.select:
        expression = one_expression(settings.select)
        return ShapePlan(None, expression, plan.target, plan.allow, plan.deny, plan.rename, plan.group)
    return ShapePlan(settings.select, None, plan.target, plan.allow, plan.deny, plan.rename, plan.group)
