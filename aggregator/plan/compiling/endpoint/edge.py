"""What answers carry, put together from the endpoint outwards: of one header, and of CORS, the nearest word counts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from aggregator.config.model.edge import CorsSettings, HeaderSettings, WideCorsSettings
from aggregator.config.model.endpoint import EndpointSettings
from aggregator.config.model.root import RootSettings
from aggregator.config.model.server import ServerSettings
from aggregator.edge.cors import Cors
from aggregator.edge.security import STRICT
from aggregator.plan.compiling.endpoint.fields import compile_headers
from aggregator.plan.edge import BARE, EdgePlan, ErrorPlan
from aggregator.templates import compile_value


def compile_server_edge(settings: ServerSettings) -> EdgePlan:
    """Return what the answers carry that come from no endpoint."""
    return _edge(_cors([settings.cors]), _outermost(settings), compile_errors(settings))


def compile_errors(settings: ServerSettings) -> tuple[ErrorPlan, ...]:
    """Return what becomes of problems."""
    return tuple(
        ErrorPlan(
            row.on,
            row.status,
            compile_value(row.body) if "body" in row.model_fields_set else None,
            None if row.html is None else compile_value(row.html),
        )
        for row in settings.errors
    )


def compile_edge(settings: EndpointSettings, root: RootSettings, errors: tuple[ErrorPlan, ...]) -> EdgePlan:
    """Return what the answers of an endpoint carry; *errors* are the same for all."""
    always = _outermost(root.server)
    for headers in _layers(settings, root):
        if headers.on == "always":
            always |= {name.lower(): value for name, value in headers.values.items()}
    return _edge(_cors([root.server.cors, settings.cors]), always, errors)


def success_headers(settings: EndpointSettings, root: RootSettings) -> dict[str, Any]:
    """Return the headers that only successes of an endpoint have."""
    found: dict[str, Any] = {}
    for headers in _layers(settings, root):
        if headers.on == "success":
            found |= {name.lower(): value for name, value in headers.values.items()}
    return found


def _layers(settings: EndpointSettings, root: RootSettings) -> Iterable[HeaderSettings]:
    """Yield what is said of headers, the outermost first."""
    yield root.defaults.response.headers
    own = settings.respond or settings.response
    if own is not None:
        yield own.headers


def _outermost(settings: ServerSettings) -> dict[str, Any]:
    preset = STRICT if settings.security_headers == "strict" else ()
    named = {name.lower(): value for name, value in settings.headers.items()}
    return {name.decode(): value.decode() for name, value in preset} | named


def _edge(cors: Cors | None, headers: Mapping[str, Any], errors: tuple[ErrorPlan, ...]) -> EdgePlan:
    fixed, made = compile_headers(headers)
    plan = EdgePlan(cors, fixed, made, errors)
    return BARE if plan == BARE else plan


def _cors(said: Iterable[CorsSettings | None]) -> Cors | None:
    """Return the last word of *said*."""
    word = next((one for one in reversed([*said]) if one is not None), None)
    if word is None or not word.origins:
        return None
    methods = word.methods if isinstance(word, WideCorsSettings) else None
    return Cors(
        word.origins, methods, tuple(name.lower() for name in word.headers), word.expose, word.credentials,
        None if word.max_age is None else int(word.max_age),
    )  # fmt: skip
