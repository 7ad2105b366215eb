"""What a client may send: declared parameters, those that the file only uses or passes on, and the body."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import Struct

from aggregator.plan.analysis.walking import calls_in, calls_in_part, parts_in, parts_within
from aggregator.plan.calls import CallPlan
from aggregator.plan.requests import RequestPlan
from aggregator.plan.types import EndpointPlan
from aggregator.schemas.openapi import parameter_object, relocate
from aggregator.schemas.parameter import Parameter
from aggregator.server.openapi.components import Schema, schema_ref
from aggregator.templates import Expression, Template

Reference = tuple[str, ...]

_IGNORED = frozenset({"accept", "content-type", "authorization"})
"""Header parameters that OpenAPI ignores (3.1 §4.8.12.2)."""
_FIELDS: Schema = {
    "name": "fields",
    "in": "query",
    "required": False,
    "description": "Only these fields, separated by commas; dots go deeper.",
    "schema": {"type": "string"},
}


class Inputs(Struct, frozen=True):
    """The *parameters* of an operation, and whether the Authorization header of the client is put to use."""

    parameters: list[Schema]
    authorization: bool


def inputs_of(plan: EndpointPlan, names: tuple[str, ...]) -> Inputs:
    """Return what *plan* takes beside a body; its path parameters are called *names* in the document."""
    inputs = plan.inputs
    used, passed = _undeclared(plan)
    queries = {parameter.name: parameter_object(parameter) for parameter in inputs.query}
    if plan.response.fields:
        queries.setdefault("fields", _FIELDS)
    headers = {parameter.name.lower(): parameter_object(parameter) for parameter in inputs.headers}
    shown = [
        *_path_parameters(plan, names),
        *queries.values(),
        *(_text(name, "query", required=False) for name in used if name not in queries),
        *headers.values(),
        *map(parameter_object, inputs.cookies),
        *(_text(name, "header", required=False) for name in passed if name not in headers and name not in _IGNORED),
    ]
    return Inputs(shown, "authorization" in passed or "authorization" in headers)


def _path_parameters(plan: EndpointPlan, names: tuple[str, ...]) -> Iterator[Schema]:
    declared = {parameter.name: parameter for parameter in plan.inputs.params}
    for own, name in zip(plan.pattern.params, names, strict=True):
        parameter = declared.get(own)
        shown = _text(name, "path", required=True) if parameter is None else parameter_object(parameter)
        if own == plan.pattern.wildcard:
            shown.setdefault("description", "The rest of the path; it may hold slashes.")
        yield shown | {"name": name}


def _text(name: str, location: str, *, required: bool) -> Schema:
    return {"name": name, "in": location, "required": required, "schema": {"type": "string"}}


def can_be_refused(parameter: Parameter) -> bool:
    """Return whether there is a request that breaks the declaration of *parameter*."""
    declared = parameter.declaration
    if declared.item_type != "string" or declared.rules:
        return True
    if parameter.location == "path":
        return False
    repeated = parameter.location == "query" and not (declared.is_array and declared.explode)
    return declared.required or repeated


def request_body(plan: EndpointPlan, body_name: str | None) -> Schema | None:
    """Return the Request Body Object of *plan*, or None; *body_name* is the component with its schema."""
    inputs = plan.inputs
    if inputs.body is not None and body_name is not None:
        return {"required": True, "content": {"application/json": {"schema": schema_ref(body_name)}}}
    if inputs.read_body == "json":
        return {"required": False, "content": {"application/json": {"schema": {}}}}
    if inputs.read_body == "no":
        return None
    return {"required": False, "description": "Passed on as it is.", "content": {"*/*": {"schema": {}}}}


def body_component(schema: Any, name: str) -> Any:
    """Return the declared *schema* of a body for its place among the components as *name*."""
    return relocate(schema, f"/components/schemas/{name}")


def _undeclared(plan: EndpointPlan) -> tuple[list[str], list[str]]:
    """Return the names of query parameters and headers that *plan* reads or passes on, each once."""
    query: dict[str, None] = {}
    headers: dict[str, None] = {}
    for name in _references(plan):
        if len(name) > 1 and name[0] == "query":
            query[name[1]] = None
        elif len(name) > 1 and name[0] == "headers":
            headers[name[1].lower()] = None
    for call in calls_of(plan):
        query.update(dict.fromkeys(call.request.forward_query))
        headers.update(dict.fromkeys(name.decode("ascii") for name in call.request.forward_headers))
    return list(query), list(headers)


def calls_of(plan: EndpointPlan) -> Iterator[CallPlan]:
    """Yield every call that a request to *plan* may cause, those after the answer included."""
    yield from calls_in(plan.fan)
    yield from (call for effect in plan.effects for call in calls_in_part(effect.part))


def _references(plan: EndpointPlan) -> Iterator[Reference]:
    """Yield the paths that *plan* reads where a request decides the outcome, in reading order."""
    response = plan.response
    effects = (part for effect in plan.effects for part in parts_within(effect.part))
    for part in (*parts_in(plan.fan), *effects):
        yield from _read_by((part.when, part.default, *((part.each.items, part.each.key) if part.each else ())))
    for call in calls_of(plan):
        yield from _request_references(call.request)
    yield from _read_by(
        (
            response.body,
            response.status_expression,
            *(value for _, value in response.headers),
            *(cookie.value for cookie in response.cookies),
        )
    )
    yield from _read_by(effect.when for effect in plan.effects)


def _request_references(request: RequestPlan) -> Iterator[Reference]:
    for placeholder in request.url.placeholders:
        yield tuple(map(str, placeholder.path))
    yield from _read_by(
        (request.body, *(value for _, value in request.query), *(value for _, value in request.headers))
    )


def _read_by(values: Iterable[Expression | Template | None]) -> Iterator[Reference]:
    for value in values:
        if value is not None:
            yield from sorted(value.references)
