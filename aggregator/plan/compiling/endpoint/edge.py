"""What answers carry, put together from the server inwards: of one header, and of CORS, the nearest word counts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from aggregator.config.model.edge.carried import CorsSettings, HeaderSettings, WideCorsSettings
from aggregator.config.model.edge.lifecycle import NOT_DEPRECATED, LifecycleSettings
from aggregator.config.model.edge.prefix import PrefixSettings
from aggregator.config.model.endpoint import EndpointSettings
from aggregator.config.model.root import RootSettings
from aggregator.config.model.server import ServerSettings
from aggregator.edge.cors import Cors
from aggregator.edge.lifecycle import lifecycle_fields
from aggregator.edge.prefixes import layers_of
from aggregator.edge.security import STRICT
from aggregator.plan.compiling.endpoint.fields import compile_headers
from aggregator.plan.edge import BARE, EdgePlan, ErrorPlan
from aggregator.templates import compile_value

Errors = tuple[ErrorPlan, ...]


def compile_errors(settings: ServerSettings) -> Errors:
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


def compile_edge(settings: EndpointSettings, path: str, root: RootSettings, errors: Errors) -> EdgePlan:
    """Return what the answers of an endpoint at *path* carry; *errors* are the same for all."""
    prefixes = layers_of(path, root.prefixes)
    own = settings.respond or settings.response
    own_headers = [] if own is None else [own.headers]
    headers = [root.defaults.response.headers, *(prefix.response.headers for prefix in prefixes), *own_headers]
    said = [root.defaults.endpoint.cors, *(prefix.cors for prefix in prefixes), settings.cors]
    return _edge(root, headers, said, lifecycle_of(settings, path, root), errors)


def compile_place(path: str, root: RootSettings, errors: Errors) -> EdgePlan:
    """Return what the answers carry that are made at *path*, but come from no endpoint."""
    prefixes = layers_of(path, root.prefixes)
    headers = [prefix.response.headers for prefix in prefixes]
    return _edge(root, headers, [prefix.cors for prefix in prefixes], _last(_ends(prefixes)), errors)


def compile_server_edge(root: RootSettings, errors: Errors) -> EdgePlan:
    """Return what the answers carry that come from no endpoint, and have no prefix."""
    return _edge(root, [], [], None, errors)


def success_headers(settings: EndpointSettings, path: str, root: RootSettings) -> dict[str, Any]:
    """Return the headers that only successes of an endpoint at *path* have."""
    own = settings.respond or settings.response
    prefixes = [prefix.response.headers for prefix in layers_of(path, root.prefixes)]
    found: dict[str, Any] = {}
    for headers in (root.defaults.response.headers, *prefixes, *([own.headers] if own else [])):
        if headers.on == "success":
            found |= {name.lower(): value for name, value in headers.values.items()}
    return found


def lifecycle_of(settings: EndpointSettings, path: str, root: RootSettings) -> LifecycleSettings | None:
    """Return what is said of the end of an endpoint at *path*; None when it is not deprecated."""
    return _last([*_ends(layers_of(path, root.prefixes)), settings.deprecated])


def _ends(prefixes: Iterable[PrefixSettings]) -> list[LifecycleSettings | None]:
    return [prefix.deprecated for prefix in prefixes]


def _last(said: Iterable[LifecycleSettings | None]) -> LifecycleSettings | None:
    word = next((one for one in reversed([*said]) if one is not None), None)
    return None if word is NOT_DEPRECATED else word


def _edge(
    root: RootSettings, layers: Iterable[HeaderSettings], said: Iterable[CorsSettings | None],
    end: LifecycleSettings | None, errors: Errors,
) -> EdgePlan:  # fmt: skip
    always = _outermost(root.server)
    for headers in layers:
        if headers.on == "always":
            always |= {name.lower(): value for name, value in headers.values.items()}
    fixed, made = compile_headers(always)
    lifecycle = () if end is None else tuple(lifecycle_fields(end.since, end.sunset, end.see))
    plan = EdgePlan(_cors([root.server.cors, *said]), fixed, made, errors, lifecycle)
    return BARE if plan == BARE else plan


def _outermost(settings: ServerSettings) -> dict[str, Any]:
    preset = STRICT if settings.security_headers == "strict" else ()
    named = {name.lower(): value for name, value in settings.headers.items()}
    return {name.decode(): value.decode() for name, value in preset} | named


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
