"""The plan of one endpoint, from the pieces that its settings give."""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from aggregator.config.analysis.endpoints.inherited import callers_of
from aggregator.config.digests import digest_of
from aggregator.config.loading import EndpointConfig
from aggregator.config.model.auth import CallerSettings
from aggregator.config.model.endpoint import EndpointSettings
from aggregator.config.model.root import RootSettings
from aggregator.http import SAFE
from aggregator.plan.analysis.flights import with_flights
from aggregator.plan.analysis.readers import with_readers
from aggregator.plan.analysis.roots import roots_in
from aggregator.plan.analysis.steps import with_steps
from aggregator.plan.analysis.walking import calls_in, calls_in_part
from aggregator.plan.calls import CallPlan, FanPlan
from aggregator.plan.compiling.calls import EndpointSurroundings, Surroundings
from aggregator.plan.compiling.endpoint.admission import caller_places, compile_admission, with_guard_inputs
from aggregator.plan.compiling.endpoint.background import compile_effect
from aggregator.plan.compiling.endpoint.deadlines import compile_deadline, compile_idle_timeout
from aggregator.plan.compiling.endpoint.edge import compile_edge, lifecycle_of, success_headers
from aggregator.plan.compiling.endpoint.inputs import compile_inputs
from aggregator.plan.compiling.endpoint.keeping import compile_keeping
from aggregator.plan.compiling.endpoint.limits import compile_at_once, compile_limits
from aggregator.plan.compiling.endpoint.responses import compile_response, compile_static, is_single, passes_raw
from aggregator.plan.compiling.endpoint.varying import with_row_vary, with_vary
from aggregator.plan.compiling.parts import compile_fan, compile_part
from aggregator.plan.compiling.policies.shadows import compile_shadow
from aggregator.plan.compiling.rows import compile_rows, rows_for
from aggregator.plan.compiling.telemetry import compile_slo
from aggregator.plan.edge import EdgePlan
from aggregator.plan.incoming.admission import AdmissionPlan
from aggregator.plan.order.call import asked_by
from aggregator.plan.types import DocPlan, EffectPlan, EndpointPlan, InputPlan, ResponsePlan, RowPlan, ShadowPlan
from aggregator.policies.idempotency.plan import IdempotencyPlan
from aggregator.policies.idempotency.settings import IdempotencySettings
from aggregator.templates import PathPattern, compile_pattern, compile_value


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


class _Calls(Struct, frozen=True):
    """The calls of an endpoint: for its answer, after it, and beside it."""

    fan: FanPlan | None
    effects: tuple[EffectPlan, ...]
    shadows: tuple[ShadowPlan, ...]

    def all(self) -> list[CallPlan]:
        """Return every call."""
        effects = (call for effect in self.effects for call in calls_in_part(effect.part))
        return [*calls_in(self.fan), *effects, *(shadow.call for shadow in self.shadows)]


def _operation(operation: _Operation, settings: EndpointSettings, whole: Surroundings) -> EndpointPlan:
    config, path = operation.config, operation.config.path
    settings = operation.settings_of(settings)
    callers = callers_of(settings, path, whole.root)
    near = _surroundings(operation, settings, whole, callers)
    calls = _calls(config, near)
    edge, response, fan, rows = _answer(near, path, calls.fan)
    calls = replace(calls, fan=fan)
    purges = tuple(map(compile_value, settings.purge))
    idempotency = _idempotency(settings.idempotency)
    pattern = compile_pattern(path)
    admission = _admission(config, settings, callers, pattern, whole.root)
    read = (calls, tuple(map(asked_by, calls.all())), response, near.rows, admission, edge, purges, idempotency)
    inputs = _inputs(config, near, calls.all(), read, is_judged=idempotency is not None or _reads_body(admission))
    deadline, reserve = compile_deadline(settings, whole, calls.fan)
    return EndpointPlan(
        key=config.key,
        method=operation.method,
        pattern=pattern,
        digest=operation.digest,
        kind="call" if settings.call else "fan_out" if settings.fan_out else "respond",
        raw=not near.eager,
        timeout=deadline,
        reserve=reserve,
        inputs=inputs,
        response=response,
        fan=calls.fan,
        rows=rows,
        effects=calls.effects,
        shadows=calls.shadows,
        stream=settings.stream,
        idle_timeout=compile_idle_timeout(settings, calls.fan) if settings.stream else None,
        doc=_doc(settings, operation.operation_id, deprecated=lifecycle_of(settings, path, whole.root) is not None),
        admission=with_guard_inputs(admission, inputs, pattern.params),
        edge=edge,
        purges=purges,
        idempotency=idempotency,
        keeping=compile_keeping(
            settings.cache, (config.key, operation.method, operation.digest), calls_in(calls.fan),
            (calls.fan, response, near.rows), pattern.params, asks_who=admission.auth is not None, edge=edge,
        ),
        slo=compile_slo(settings.slo),
        compress=_compresses(settings, whole.root),
        host=config.host,
    )  # fmt: skip


def _answer(
    near: EndpointSurroundings, path: str, fan: FanPlan | None
) -> tuple[EdgePlan, ResponsePlan, FanPlan | None, tuple[RowPlan, ...]]:
    """Return what is done to every answer, that to a success, *fan*, and the rows that speak of the answer."""
    whole, settings, method = near.whole, near.settings, near.method
    edge = compile_edge(settings, path, whole.root, whole.errors)
    response = with_vary(_response(settings, path, whole.root), settings.cache, fan, edge, method)
    rows = rows_for(("response",), near.rows, whole.default_rows)
    return edge, response, *with_row_vary((fan, rows, response), settings.cache, edge, method)


def _inputs(
    config: EndpointConfig, near: EndpointSurroundings, calls: list[CallPlan], read: Any, *, is_judged: bool
) -> InputPlan:
    """Return what requests are held against; *read* is all that may read of them."""
    server = near.whole.root.server
    reads_body = "body" in roots_in(read)
    return compile_inputs(near.settings, server, calls, config.filled, reads_body=reads_body, is_judged=is_judged)


def _reads_body(admission: AdmissionPlan) -> bool:
    """Return whether who calls is found out by the body, as a signature over it is."""
    return admission.auth is not None and admission.auth.reads_body


def _idempotency(settings: IdempotencySettings | None) -> IdempotencyPlan | None:
    if settings is None:
        return None
    subject = None if settings.subject is None else compile_value(settings.subject)
    return IdempotencyPlan(compile_value(settings.key), settings.ttl, settings.required, subject)


def _surroundings(
    operation: _Operation, settings: EndpointSettings, whole: Surroundings, callers: CallerSettings
) -> EndpointSurroundings:
    return EndpointSurroundings(
        whole,
        settings,
        operation.method,
        compile_rows(settings.status_map),
        eager=not passes_raw(settings),
        is_single=settings.call is not None and is_single(settings.call),
        callers=caller_places(callers.auth, whole.root),
    )


def _calls(config: EndpointConfig, near: EndpointSurroundings) -> _Calls:
    settings = near.settings
    effects = zip(settings.background, config.background, strict=True)
    calls = _Calls(
        _fan(settings, near),
        tuple(compile_effect(*effect, near) for effect in effects),
        tuple(compile_shadow(shadow, near) for shadow in settings.shadow),
    )
    return calls if calls.fan is None else replace(calls, fan=with_readers(calls.fan, calls))


def _response(settings: EndpointSettings, path: str, root: RootSettings) -> ResponsePlan:
    headers = success_headers(settings, path, root)
    return (
        compile_static(settings.respond, headers) if settings.respond else compile_response(settings.response, headers)
    )


def _admission(
    config: EndpointConfig,
    settings: EndpointSettings,
    callers: CallerSettings,
    pattern: PathPattern,
    root: RootSettings,
) -> AdmissionPlan:
    path = config.path.strip()
    limits = compile_limits(settings, config.key, path, pattern.params, root)
    admission = compile_admission(callers, root.auth, limits)
    at_once = compile_at_once(settings, config.key, path, root)
    return replace(admission, at_once=at_once) if at_once else admission


def _compresses(settings: EndpointSettings, root: RootSettings) -> bool:
    said = (settings.response, settings.respond)
    return root.server.compress is not None and all(one is None or one.compress is not False for one in said)


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
