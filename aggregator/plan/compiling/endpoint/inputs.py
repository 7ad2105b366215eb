"""What the client may send, and whether its body has to be read at all."""

from __future__ import annotations

from typing import Literal

from aggregator.config.model.endpoint import EndpointSettings
from aggregator.config.model.server import ServerSettings
from aggregator.plan.calls import CallPlan
from aggregator.plan.types import InputPlan
from aggregator.schemas import Parameter
from aggregator.schemas.body import compile_body
from aggregator.schemas.parameter import Location, compile_parameter
from aggregator.templates import Template

Places = tuple[tuple[str | int, ...], ...]


def compile_inputs(
    settings: EndpointSettings,
    server: ServerSettings,
    calls: list[CallPlan],
    filled: Places,
    *,
    reads_body: bool,
    is_judged: bool = False,
) -> InputPlan:
    """Return the plan of the inputs of an endpoint with *calls*; *reads_body*: an expression names ``body``.

    *filled* are the places in the endpoint that hold values of variables. *is_judged* tells that a scheme of callers
    judges the body, or that it tells one request from another.
    """
    query = _parameters(settings.query, "query", _below(filled, "query"))
    headers = _parameters(settings.headers, "header", _below(filled, "headers"))
    cookies = _parameters(settings.cookies, "cookie", _below(filled, "cookies"))
    defaults = [
        parameter.default for parameter in (*query, *headers, *cookies) if isinstance(parameter.default, Template)
    ]
    reads_body = reads_body or any("body" in default.roots for default in defaults)
    return InputPlan(
        params=_parameters(settings.params, "path", _below(filled, "params")),
        query=query,
        headers=headers,
        cookies=cookies,
        body=None if settings.body is None else compile_body(settings.body, _below(filled, "body")),
        read_body=_reading(settings, calls, reads_body=reads_body, is_judged=is_judged),
        max_body=server.max_body if settings.max_body is None else settings.max_body,
        body_timeout=server.body_timeout,
    )


def _parameters(declared: dict[str, object], location: Location, filled: Places) -> tuple[Parameter, ...]:
    return tuple(
        compile_parameter(name, declaration, location, _below(filled, name)) for name, declaration in declared.items()
    )


def _below(places: Places, key: str) -> Places:
    """Return those of *places* that are below *key*, as they are from there."""
    return tuple(place[1:] for place in places if place[0] == key)


def _reading(
    settings: EndpointSettings, calls: list[CallPlan], *, reads_body: bool, is_judged: bool
) -> Literal["no", "bytes", "json", "stream"]:
    if settings.body is not None or reads_body:
        return "json"
    if any(call.request.body_kind == "forward" for call in calls):
        return "stream" if settings.stream else "bytes"
    return "bytes" if is_judged else "no"
