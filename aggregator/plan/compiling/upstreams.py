"""Upstreams as the runtime sees them: origin, limits and header block, defaults applied."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

from msgspec.structs import replace

from aggregator.config.model.client import ClientSettings
from aggregator.config.model.root import RootSettings
from aggregator.config.model.upstreams.limits import MOST_STREAMS, LimitSettings, Timeouts, TlsSettings
from aggregator.config.model.upstreams.upstream import UpstreamSettings
from aggregator.demo import demo_target
from aggregator.plan.compiling.endpoint.admission import token_places
from aggregator.plan.compiling.endpoint.fields import compile_headers, compile_query
from aggregator.plan.compiling.endpoint.limits import compile_rate
from aggregator.plan.compiling.expressions import one_expression
from aggregator.plan.compiling.policies.breakers import compile_breaker
from aggregator.plan.compiling.policies.brokers import compile_broker
from aggregator.plan.compiling.policies.hosts import compile_hosts, host_header, named
from aggregator.plan.compiling.policies.mocks import compile_mock
from aggregator.plan.compiling.policies.places import compile_concurrency
from aggregator.plan.compiling.policies.retries import compile_budget
from aggregator.plan.serving import ClientPlan
from aggregator.plan.upstreams import RoutePlan, UpstreamPlan
from aggregator.policies.cache.plan import SIZE
from aggregator.policies.concurrency.plan import ConcurrencyPlan
from aggregator.policies.credentials.compiling import compile_credentials
from aggregator.policies.credentials.plan import ConstantPlan
from aggregator.policies.rate_limit.plan import CallRatePlan
from aggregator.policies.rate_limit.settings import CallRateSettings
from aggregator.transport import Caps, Limits, Origin, PoolSettings
from aggregator.transport import Timeouts as PoolTimeouts
from aggregator.transport import TlsSettings as PoolTls

_PATH_SAFE = "/!$&'()*+,;=:@~-._%"
DEMO = "demo"


def compile_client(settings: ClientSettings) -> ClientPlan:
    """Return the plan of the shared client."""
    limits = settings.limits
    return ClientPlan(
        total=settings.timeout.total or 10.0,
        connect=settings.timeout.connect or 5.0,
        max_connections=limits.max_connections or 50,
        max_keepalive=20 if limits.max_keepalive is None else limits.max_keepalive,
        keepalive_expiry=limits.keepalive_expiry or 30.0,
        transport=settings.transport,
        http2=settings.http2,
        proxy=settings.proxy,
        user_agent=settings.user_agent,
    )


def compile_upstream(
    name: str, settings: UpstreamSettings, root: RootSettings, *, label: str | None = None, tls_digest: str = ""
) -> UpstreamPlan:
    """Return the plan of the upstream *name*; *label* is what clients may read instead of it.

    *tls_digest* is of what its files of TLS hold.
    """
    parts = urlsplit(settings.url)
    demo = parts.netloc if parts.scheme == DEMO else None
    concurrency = compile_concurrency(settings)
    pool = _pool(settings, root, concurrency, tls_digest)
    query, query_templates = compile_query(settings.query)
    headers, header_templates = compile_headers(settings.headers)
    credentials = None if settings.auth is None else compile_credentials(settings.auth, token_places(root))
    if isinstance(credentials, ConstantPlan) and pool.broker is None:
        headers = (*headers, (b"authorization", credentials.authorization.value.encode("ascii")))
    path = "" if pool.broker is not None else parts.path.rstrip("/")
    prefix = ((demo_target(demo) if demo else "") + quote(path, safe=_PATH_SAFE)).encode()
    return UpstreamPlan(
        name=name,
        label=label or name,
        pool=pool,
        hosts=compile_hosts(settings, pool, prefix),
        host_header=demo.encode() if demo else host_header(settings, pool.origin),
        prefix=prefix,
        mock=compile_mock(settings, prefix),
        query=query,
        headers=headers,
        query_templates=query_templates,
        header_templates=header_templates,
        demo=demo,
        credentials=credentials,
        rate_limit=_rate(settings.rate_limit),
        budget=compile_budget(settings),
        breaker=compile_breaker(settings),
        kept_bytes=SIZE if settings.cache is None else settings.cache.max,
        concurrency=concurrency,
        route=_route(name, settings, root, label, tls_digest),
    )


def _pool(
    settings: UpstreamSettings, root: RootSettings, concurrency: ConcurrencyPlan | None, tls_digest: str
) -> PoolSettings:
    """Return where the connections to *settings* lead, and how many they are."""
    client, is_demo = root.client, urlsplit(settings.url).scheme == DEMO
    origin = Origin("http", "127.0.0.1", 80) if is_demo else Origin.parse(settings.url, settings.unix_socket)
    return PoolSettings(
        origin=origin if settings.resolve is None else named(origin),
        limits=_with_room(_limits(settings.limits, client.limits), settings, concurrency),
        timeouts=_timeouts((settings.timeout, root.defaults.timeout, client.timeout)),
        caps=_caps(settings.max_body or client.max_body),
        tls=_tls(settings.tls, tls_digest),
        broker=compile_broker(settings),
    )


def _route(
    name: str, settings: UpstreamSettings, root: RootSettings, label: str | None, tls_digest: str
) -> RoutePlan | None:
    """Return the services of *settings*, each an upstream of its own in all but its name for clients."""
    route = settings.route
    if route is None:
        return None

    def service(key: str, url: str) -> UpstreamPlan:
        alone = settings.model_copy(update={"url": url, "route": None})
        return compile_upstream(f"{name}[{key}]", alone, root, label=label or name, tls_digest=tls_digest)

    return RoutePlan(one_expression(route.by), tuple((key, service(key, url)) for key, url in route.to.items()))


def _rate(settings: CallRateSettings | None) -> CallRatePlan | None:
    return None if settings is None else CallRatePlan(compile_rate(settings.rate, settings.burst), settings.wait)


def _limits(own: LimitSettings | None, client: LimitSettings) -> Limits:
    def pick(name: str, default: float) -> float:
        for source in (own, client):
            value = getattr(source, name, None)
            if value is not None:
                return float(value)
        return default

    return Limits(
        max_connections=int(pick("max_connections", 50)),
        max_keepalive=int(pick("max_keepalive", 20)),
        keepalive_expiry=pick("keepalive_expiry", 30.0),
        max_waiting=int(pick("max_waiting", 1000)),
        max_streams=int(pick("max_streams", MOST_STREAMS)),
        max_age=pick("max_age", 300.0),
    )


def _with_room(limits: Limits, settings: UpstreamSettings, concurrency: ConcurrencyPlan | None) -> Limits:
    """Return *limits* with as many connections as calls may be made at once, unless the upstream says how many."""
    said = settings.limits is not None and settings.limits.max_connections is not None
    if concurrency is None or said or concurrency.limit <= limits.max_connections:
        return limits
    return replace(limits, max_connections=concurrency.limit)


def _timeouts(levels: tuple[Timeouts | None, ...]) -> PoolTimeouts:
    """Return the limits of the phases, each from the nearest of *levels* that says it."""

    def nearest(name: str) -> float | None:
        said = (getattr(level, name) for level in levels if level is not None)
        return next((value for value in said if value is not None), None)

    return PoolTimeouts(
        connect=nearest("connect") or 5.0, read=nearest("read"), write=nearest("write"), pool=nearest("pool")
    )


def _caps(max_body: int) -> Caps:
    return Caps(body=max_body, decoded=max_body)


def _tls(settings: TlsSettings | None, digest: str) -> PoolTls:
    if settings is None:
        return PoolTls()
    return PoolTls(verify=settings.verify, ca_file=settings.ca, cert_file=settings.cert, key_file=settings.key,
                   server_name=settings.server_name, digest=digest,
                   security=settings.security, ciphers=settings.ciphers)  # fmt: skip


def anonymous_upstream(origin: str, label: str, root: RootSettings) -> UpstreamPlan:
    """Return the plan of an upstream that a call names by its full URL; clients read the name of the part."""
    return compile_upstream(origin, UpstreamSettings.model_validate({"url": origin}), root, label=label)
