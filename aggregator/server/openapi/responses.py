"""The Responses Object of an endpoint: every status that it can answer with, and what comes with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from aggregator.errors import Cause
from aggregator.plan.analysis.failing import Failing, Failures, call_failures, part_failings, response_failings
from aggregator.plan.types import EndpointPlan, RowPlan
from aggregator.policies.switches.plan import OUT_OF_SERVICE, MaintenancePlan
from aggregator.server.openapi.answers.mapping import failure_outcomes
from aggregator.server.openapi.answers.outcomes import (
    BAD_REQUEST,
    BODY_TOO_LARGE,
    BODY_TOO_SLOW,
    INVALID,
    NOT_ACCEPTABLE,
    REPEATS,
    SHARED,
    UNSUPPORTED,
    Outcome,
    problem_example,
)
from aggregator.server.openapi.answers.rewording import reworded
from aggregator.server.openapi.answers.successes import successes
from aggregator.server.openapi.components import Schema, header_object, schema_ref
from aggregator.server.openapi.inputs import can_be_refused
from aggregator.server.openapi.security import ADMISSION, refused_callers
from aggregator.server.openapi.values import any_of

_REFERENCES = {
    outcome.shared: {"$ref": f"#/components/responses/{outcome.shared}"} for outcome in (*SHARED, *ADMISSION, *REPEATS)
}


def responses(plan: EndpointPlan, body_name: str | None, maintenance: Iterable[MaintenancePlan] = ()) -> Schema:
    """Return the Responses Object of *plan*; *body_name* is the component with the schema of its request body.

    *maintenance* is that of all endpoints.
    """
    by_status: dict[str, list[Outcome]] = {}
    refused = (
        *_out_of_service(plan, maintenance),
        *refused_callers(plan.admission),
        *_refusals(plan),
        *_refused_repeats(plan),
    )
    outcomes = (*successes(plan, body_name), *refused, *_failures(plan))
    for outcome in (told for one in outcomes for told in reworded(one, plan.edge.errors)):
        known = by_status.setdefault(outcome.status, [])
        if outcome not in known:
            known.append(outcome)
    return {status: _response(by_status[status]) for status in sorted(by_status)}


def _response(outcomes: list[Outcome]) -> Schema:
    name = outcomes[0].shared if len(outcomes) == 1 else None
    return response_object(outcomes) if name is None else _REFERENCES[name]


def response_object(outcomes: Iterable[Outcome]) -> Schema:
    """Return the Response Object for *outcomes* of one status, which may differ in media type and schema."""
    texts: dict[str, None] = {}
    headers: dict[str, None] = {}
    schemas: dict[str, list[Schema]] = {}
    examples: dict[str, Any] = {}
    for outcome in outcomes:
        texts[outcome.text] = None
        headers.update(dict.fromkeys((*outcome.headers, "x-request-id")))
        if outcome.media is not None:
            schemas.setdefault(outcome.media, []).append(outcome.schema or {})
            if outcome.example is not None:
                examples.setdefault(outcome.media, outcome.example)
    shown: Schema = {
        "description": " ".join(texts),
        "headers": {name: header_object(name) for name in sorted(headers) if name != "content-type"},
    }
    if schemas:
        shown["content"] = {media: _media_type(found, examples.get(media)) for media, found in schemas.items()}
    return shown


def _media_type(schemas: list[Schema], example: Any) -> Schema:
    schema = any_of(schemas)
    shown: Schema = {"schema": schema} if schema else {}
    return shown if example is None else shown | {"example": example}


def _out_of_service(plan: EndpointPlan, maintenance: Iterable[MaintenancePlan]) -> Iterator[Outcome]:
    for one in maintenance:
        if plan.key in one.keys:
            text = f"Out of service {one.every} {one.zone}."
            example = problem_example(one.status, one.detail or OUT_OF_SERVICE, cause=Cause.SWITCHED_OFF.value)
            yield Outcome(
                str(one.status), text, headers=("retry-after",), schema=schema_ref("Problem"), example=example
            )


def _refusals(plan: EndpointPlan) -> Iterator[Outcome]:
    inputs = plan.inputs
    yield BAD_REQUEST  # whatever is declared: every query has to be percent-encoded UTF-8
    if inputs.read_body != "no":
        yield BODY_TOO_LARGE
        if inputs.read_body != "stream":
            yield BODY_TOO_SLOW
    if inputs.read_body == "json":
        yield UNSUPPORTED
    declared = (*inputs.params, *inputs.query, *inputs.headers, *inputs.cookies)
    if inputs.body is not None or plan.response.fields or any(map(can_be_refused, declared)):
        yield INVALID
    if plan.response.formats != ("json",) and not plan.stream:
        yield NOT_ACCEPTABLE


def _refused_repeats(plan: EndpointPlan) -> Iterator[Outcome]:
    if plan.idempotency is not None:
        yield from REPEATS if plan.idempotency.required else REPEATS[1:]


def _failures(plan: EndpointPlan) -> Iterator[Outcome]:
    if plan.stream and plan.fan is not None:
        call = plan.fan.parts[0].calls[0]
        yield from failure_outcomes(call_failures(call, frozenset(plan.pattern.params)), call.rows)
        yield from failure_outcomes(response_failings(plan).failures, plan.rows)
        return
    headers = ("aggregator-parts",) if plan.kind == "fan_out" else ()
    told: list[tuple[Failures, tuple[RowPlan, ...]]] = []
    for failing in _failing(plan):
        alike = (failing.failures, failing.rows)
        if alike not in told:
            told.append(alike)
            yield from failure_outcomes(failing.failures, failing.rows, headers)


def _failing(plan: EndpointPlan) -> Iterator[Failing]:
    for part in () if plan.fan is None else plan.fan.parts:
        yield from part_failings(part, frozenset(plan.pattern.params))
    yield response_failings(plan)
