"""From the checked configuration to the plan, one line a part. Cannot fail on what ``config`` let through."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from aggregator.config.analysis.inherited import callers_of
from aggregator.config.digests import digest_of
from aggregator.config.loading import Config, EndpointConfig
from aggregator.config.model.calls.background import BackgroundCallSettings
from aggregator.config.model.edge.docs import DocsSettings
from aggregator.config.model.endpoint import EndpointSettings
from aggregator.config.model.root import RootSettings
from aggregator.config.model.server import ClientLimitSettings, CompressSettings
from aggregator.edge.coding import Compression
from aggregator.edge.networks import NO_NETWORKS, parse_networks
from aggregator.http import SAFE
from aggregator.plan.analysis.flights import with_flights
from aggregator.plan.analysis.roots import roots_in
from aggregator.plan.analysis.steps import with_steps
from aggregator.plan.analysis.walking import calls_in
from aggregator.plan.calls import CallPlan, FanPlan
from aggregator.plan.compiling.calls import EndpointSurroundings, Surroundings, compile_call, unread
from aggregator.plan.compiling.endpoint.admission import (
    caller_places,
    compile_admission,
    compile_auth,
    with_guard_inputs,
)
from aggregator.plan.compiling.endpoint.edge import (
    compile_edge,
    compile_place,
    compile_server_edge,
    lifecycle_of,
    success_headers,
)
from aggregator.plan.compiling.endpoint.inputs import compile_inputs
from aggregator.plan.compiling.endpoint.keeping import compile_keeping
from aggregator.plan.compiling.endpoint.limits import compile_at_once, compile_limits
from aggregator.plan.compiling.endpoint.responses import compile_response, compile_static, is_single, passes_raw
from aggregator.plan.compiling.endpoint.schemes import compile_scheme
from aggregator.plan.compiling.expressions import optional_expression
from aggregator.plan.compiling.listening import compile_admin, compile_redirect, compile_tls, compile_workers
from aggregator.plan.compiling.parts import compile_fan, compile_part
from aggregator.plan.compiling.policies.durables import compile_background, compile_delivery
from aggregator.plan.compiling.policies.maintenance import compile_maintenance
from aggregator.plan.compiling.policies.shadows import compile_shadow
from aggregator.plan.compiling.rows import compile_rows, rows_for
from aggregator.plan.compiling.telemetry import (
    compile_log,
    compile_metrics,
    compile_recorder,
    compile_slo,
    compile_traces,
)
from aggregator.plan.compiling.upstreams import compile_client
from aggregator.plan.serving import (
    UNLIMITED,
    ClientLimitsPlan,
    DocsPlan,
    ServerPlan,
)
from aggregator.plan.types import DocPlan, EffectPlan, EndpointPlan, Plan
from aggregator.policies.credentials.plan import secrets_of
from aggregator.policies.degrade.plan import DegradePlan
from aggregator.policies.degrade.settings import DegradeSettings
from aggregator.templates import compile_pattern, compile_value

_SILENCE = 60.0  # seconds that a stream may be silent when nobody says how long
_RESERVE = 0.05
_RESERVED_SHARE = 0.05


class Compiler:
    """Compiles configurations one after another; an endpoint that did not change keeps its plan."""

    def __init__(self) -> None:
        self._known: dict[bytes, tuple[EndpointPlan, ...]] = {}

    def compile(self, config: Config) -> Plan:
        """Return the plan of *config*."""
        settings = config.settings
        whole = Surroundings.of(settings, config.tls_digests)
        self._known = {endpoint.digest: self._operations(endpoint, whole) for endpoint in config.endpoints}
        endpoints = tuple(plan for plans in self._known.values() for plan in plans)
        return Plan(
            digest=config.digest,
            server=compile_server(whole, config.tls_digests),
            client=compile_client(settings.client),
            background=compile_background(settings.background),
            endpoints=endpoints,
            upstreams=tuple(whole.upstreams.values()),
            plugins=settings.plugins,
            schemes=tuple(
                compile_scheme(name, scheme, config.identity_files, whole) for name, scheme in settings.auth.items()
            ),
            maintenance=compile_maintenance(settings, [endpoint.key for endpoint in endpoints]),
            secrets=config.secrets.union(*(secrets_of(each.credentials) for each in whole.upstreams.values())),
            metrics=compile_metrics(settings.telemetry, endpoints),
            recorder=compile_recorder(settings.telemetry),
            traces=compile_traces(settings.telemetry.traces, settings.telemetry.hide),
            virtual_hosts=tuple(settings.virtual_hosts),
            state=settings.state,
        )

    def _operations(self, config: EndpointConfig, whole: Surroundings) -> tuple[EndpointPlan, ...]:
        return self._known.get(config.digest) or compile_endpoint(config, whole)


def compile_plan(config: Config) -> Plan:
    """Return the plan of *config*; equal configurations give equal plans."""
    return Compiler().compile(config)


def compile_server(whole: Surroundings, tls_digests: Mapping[str, str]) -> ServerPlan:
    """Return what the process needs to know."""
    root = whole.root
    settings = root.server
    debug = settings.debug
    return ServerPlan(
        title=settings.title, version=settings.version, description=settings.description,
        host=settings.host, port=settings.port, listen=tuple(one.address for one in settings.listen),
        tls=compile_tls(settings.tls, tls_digests), redirect_http=compile_redirect(settings.redirect_http),
        admin=compile_admin(settings.admin, tls_digests),
        workers=compile_workers(settings.workers),
        docs=_docs(settings.docs, root), header_timeout=settings.header_timeout,
        shutdown_grace=settings.shutdown_grace, drain_delay=settings.drain_delay,
        log=compile_log(root.telemetry), watchdog=settings.watchdog,
        trusted_proxies=parse_networks(settings.trusted_proxies) if settings.trusted_proxies else NO_NETWORKS,
        proxy_protocol=settings.proxy_protocol,
        deadline_header=None if settings.deadline_header is None else settings.deadline_header.lower().encode("ascii"),
        limits=_limits(settings.limits), compress=_compression(settings.compress),
        debug_header=debug.header.lower().encode("ascii") if debug else None,
        debug_secret=debug.secret.encode() if debug else None,
        edge=compile_server_edge(root, whole.errors),
        prefixes=tuple(
            (prefix, compile_place(prefix, root, whole.errors))
            for prefix in sorted(root.prefixes, key=len, reverse=True)
        ),
        redirects_slash="slash" in settings.redirect_paths,
        kept_bytes=settings.cache.max,
        degrade=_degrade(settings.degrade),
    )  # fmt: skip


def _docs(settings: DocsSettings | Literal[False], root: RootSettings) -> DocsPlan | None:
    return DocsPlan(settings.path, compile_auth(settings.auth, root.auth)) if settings else None


def _compression(settings: CompressSettings | None) -> Compression | None:
    return None if settings is None else Compression(settings.codings, settings.above)


def _degrade(settings: DegradeSettings | None) -> DegradePlan | None:
    return None if settings is None else DegradePlan(settings.in_flight, settings.queue, settings.loop_lag)


def _limits(settings: ClientLimitSettings | None) -> ClientLimitsPlan:
    if settings is None:
        return UNLIMITED
    return ClientLimitsPlan(
        settings.in_flight, settings.queue, settings.wait, settings.connections_per_address,
        settings.in_flight_per_address,
    )  # fmt: skip


def compile_endpoint(config: EndpointConfig, whole: Surroundings) -> tuple[EndpointPlan, ...]:
    """Return the plans of one endpoint, one for each of its methods."""
    settings = config.take_settings()
    has_others = len(config.operations) > 1
    return tuple(
        _operation(_Operation(config, one.method, one.operation_id, has_others), settings, whole)
        for one in config.operations
    )


class _Operation(Struct, frozen=True):
    """One *method* of an endpoint, which may have others beside it."""

    config: EndpointConfig
    method: str
    operation_id: str
    has_others: bool

    @property
    def digest(self) -> bytes:
        """A digest of all that its answers depend on."""
        return digest_of(self.config.digest, self.method) if self.has_others else self.config.digest

    def settings_of(self, settings: EndpointSettings) -> EndpointSettings:
        """Return *settings* without the body that some of the methods have and this one has not."""
        drops = settings.body is not None and self.has_others and self.method in SAFE
        return settings.model_copy(update={"body": None}) if drops else settings


def _operation(operation: _Operation, settings: EndpointSettings, whole: Surroundings) -> EndpointPlan:
    config, path = operation.config, operation.config.path
    settings = operation.settings_of(settings)
    rows = compile_rows(settings.status_map)
    raw = passes_raw(settings)
    single = settings.call is not None and is_single(settings.call)
    callers = callers_of(settings, path, whole.root)
    places = caller_places(callers.auth, whole.root)
    near = EndpointSurroundings(
        whole, settings, operation.method, rows, eager=not raw, is_single=single, callers=places
    )
    fan = _fan(settings, near)
    effects = tuple(_effect(*each, near) for each in zip(settings.background, config.background, strict=True))
    shadows = tuple(compile_shadow(shadow, near) for shadow in settings.shadow)
    headers = success_headers(settings, path, whole.root)
    static = settings.respond
    response = compile_static(static, headers) if static else compile_response(settings.response, headers)
    edge = compile_edge(settings, path, whole.root, whole.errors)
    calls = [*calls_in(fan), *(effect.call for effect in effects), *(shadow.call for shadow in shadows)]
    deadline, reserve = _deadline(settings, whole, fan)
    pattern = compile_pattern(path)
    limits = compile_limits(settings, config.key, path.strip(), pattern.params, whole.root)
    admission = compile_admission(callers, whole.root.auth, limits)
    at_once = compile_at_once(settings, config.key, path.strip(), whole.root)
    admission = replace(admission, at_once=at_once) if at_once else admission
    purges = tuple(map(compile_value, settings.purge))
    reads_body = "body" in roots_in((fan, effects, shadows, response, rows, admission, edge, purges))
    inputs = compile_inputs(
        settings,
        whole.root.server,
        calls,
        config.filled,
        reads_body=reads_body,
        is_signed=admission.auth is not None and admission.auth.reads_body,
    )
    admission = with_guard_inputs(admission, inputs, pattern.params)
    return EndpointPlan(
        key=config.key,
        method=operation.method,
        pattern=pattern,
        digest=operation.digest,
        kind="call" if settings.call else "fan_out" if settings.fan_out else "respond",
        raw=raw,
        timeout=deadline,
        reserve=reserve,
        inputs=inputs,
        response=response,
        fan=fan,
        rows=rows_for(("response",), rows, whole.default_rows),
        effects=effects,
        shadows=shadows,
        stream=settings.stream,
        idle_timeout=_idle_timeout(settings, fan) if settings.stream else None,
        doc=_doc(settings, operation.operation_id, deprecated=lifecycle_of(settings, path, whole.root) is not None),
        admission=admission,
        edge=edge,
        purges=purges,
        keeping=compile_keeping(
            settings.cache,
            (config.key, operation.method, operation.digest),
            calls_in(fan),
            (fan, response, rows),
            asks_who=admission.auth is not None,
        ),
        slo=compile_slo(settings.slo),
        compress=whole.root.server.compress is not None
        and all(said is None or said.compress is not False for said in (settings.response, settings.respond)),
        host=config.host,
    )


def _doc(settings: EndpointSettings, operation_id: str, *, deprecated: bool) -> DocPlan:
    return DocPlan(
        settings.summary,
        settings.description,
        settings.tags,
        operation_id,
        deprecated,
        settings.hidden,
    )


def _fan(settings: EndpointSettings, near: EndpointSurroundings) -> FanPlan | None:
    if settings.call is not None:
        return FanPlan((compile_part("call", settings.call, near),), ((),))
    return None if settings.fan_out is None else with_flights(with_steps(compile_fan(settings.fan_out, near)))


def _effect(settings: BackgroundCallSettings, shown_url: str, near: EndpointSurroundings) -> EffectPlan:
    call = compile_call(settings.name or shown_url, settings, replace(near, is_background=True))
    name = settings.name or f"{call.request.method.decode('ascii')} {shown_url}"
    total = settings.timeout.total if settings.timeout else None
    background = near.whole.root.background.timeout if total is None else total
    made = call.changed(lambda one: unread(replace(one, name=name, timeout=background)))
    if settings.durable is None:
        return EffectPlan(name, made, optional_expression(settings.when), settings.on)
    made = replace(made, retry=None, hedge=None)
    bare = replace(near, whole=replace(near.whole, is_bare=True), is_background=True)
    delivery = compile_delivery(settings, near.whole.root.background.durable, made.success.statuses)
    return EffectPlan(name, made, optional_expression(settings.when), settings.on, delivery,
                      _without_caller(compile_call(name, settings, bare)))  # fmt: skip


def _without_caller(call: CallPlan) -> CallPlan:
    """Return *call* without the credential of the caller, which is not kept."""
    return replace(call, request=replace(call.request, forward_caller=()))


def _deadline(settings: EndpointSettings, whole: Surroundings, fan: FanPlan | None) -> tuple[float, float]:
    """Return the deadline of an endpoint in seconds, and what of it is kept for making the answer.

    One that declares no deadline has the time of its slowest call, or the client's if longer, and may use all of it.
    A stream has none but its own.
    """
    if settings.stream:
        return settings.timeout or math.inf, 0.0
    declared = settings.timeout or whole.root.defaults.deadline
    if declared is not None:
        return declared, min(_RESERVE, declared * _RESERVED_SHARE)
    client = whole.root.client.timeout.total or 0.0
    return max([client, *(call.timeout for call in calls_in(fan))]), 0.0


def _idle_timeout(settings: EndpointSettings, fan: FanPlan | None) -> float:
    """Return the longest silence of a stream in seconds: its own, or that of the upstream."""
    said = [settings.idle_timeout, *(call.upstream.pool.timeouts.read for call in calls_in(fan))]
    return next((seconds for seconds in said if seconds is not None), _SILENCE)
