"""An endpoint by what a person types: its key, its path, or the path of a request."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import unquote

from aggregator.diagnostics import did_you_mean
from aggregator.edge.hosts import Hosts
from aggregator.errors import AggregatorError
from aggregator.plan.types import EndpointPlan, Plan
from aggregator.templates import Param, PathPattern

_LISTED = "`aggregator routes` lists what is."
_NEAR = 0.6
"""How like a path is to the key of its endpoint, which has placeholders where it has values."""


def find_endpoint(plan: Plan, text: str) -> tuple[EndpointPlan, dict[str, str]]:
    """Return the endpoint that *text* means, and the parameters in it: ``GET /orders/{id}`` or ``GET /orders/7``.

    The method may be left out where only one endpoint has the path; a host stands before it: ``GET a.example.com/x``.
    Raises ``AggregatorError`` that names the nearest.
    """
    method, host, path = _parted(text)
    name = Hosts("", {one: one for one in plan.virtual_hosts}).of_name(host)
    here = [one for one in plan.endpoints if one.host == name]
    fitting = [one for one in here if method in (None, one.method, one.named_methods)]
    exact = _by_key(one for one in fitting if one.pattern.source == path)
    if len(exact) == 1:
        return exact[0], {}
    matched = [(one, params) for one in fitting if (params := _match(one.pattern, path)) is not None]
    best = min(map(_freedom, matched), default=())
    nearest = {one.key: (one, params) for one, params in reversed(matched) if _freedom((one, params)) == best}
    if len(nearest) == 1:
        return next(iter(nearest.values()))
    several = exact or [one for one, _ in reversed(nearest.values())]
    if several:
        methods = ", ".join(one.named_methods for one in several)
        raise AggregatorError(f"{path} answers to {methods}; name one before it.")
    raise AggregatorError(f"No endpoint {text!r} is declared; {_nearest(plan, here, text, path)}")


def nearest_endpoint(plan: Plan, key: str) -> str:
    """Return the end of a sentence: which endpoint comes nearest to *key*, which *plan* does not have."""
    near = did_you_mean(key, (one.key for one in plan.declared))
    if near is not None:
        return near
    try:
        return f"did you mean `{find_endpoint(plan, key)[0].key}`?"
    except AggregatorError as error:
        return str(error).rpartition("; ")[2]


def _nearest(plan: Plan, here: list[EndpointPlan], text: str, path: str) -> str:
    """Return what is declared beside *text*, for which there is no endpoint *here*."""
    others = _at(plan, path)
    keys = {one.key for one in here}
    if same := [one for one in others if one.key in keys]:
        return f"its path answers to another method: {', '.join(f'`{one.key}`' for one in same)}."
    if others:
        return f"another host has its path: {', '.join(f'`{one.key}`' for one in others)}."
    if slashed := [
        one for one in _at(plan, _turned(path)) if one.pattern.source.endswith("/") is not path.endswith("/")
    ]:
        there = "without" if path.endswith("/") else "with"
        return f"{there} a slash at its end there is {', '.join(f'`{one.key}`' for one in slashed)}."
    if path == "/":
        return _LISTED  # which is like every short path
    written = [key for one in plan.endpoints for key in (one.key, one.key.partition(" ")[2])]
    hint = did_you_mean(text, written, _NEAR)
    return hint or _LISTED


def _turned(path: str) -> str:
    """Return *path* without the slash at its end, or with one."""
    return path[:-1] if path.endswith("/") else f"{path}/"


def _at(plan: Plan, path: str) -> list[EndpointPlan]:
    """Return the endpoints of every method and host that are declared at *path*, or answer to it."""
    return [one for one in plan.declared if one.pattern.source == path or _match(one.pattern, path) is not None]


def _by_key(endpoints: Iterable[EndpointPlan]) -> list[EndpointPlan]:
    """Return the first of the methods of each endpoint."""
    found: dict[str, EndpointPlan] = {}
    for endpoint in endpoints:
        found.setdefault(endpoint.key, endpoint)
    return [*found.values()]


def _parted(text: str) -> tuple[str | None, str, str]:
    """Return the method, None for none, the host, empty for none, and the path in *text*."""
    first, _, rest = text.strip().partition(" ")
    method, address = (first.upper(), rest.strip()) if rest else (None, first)
    host, slash, path = address.partition("/")
    return method, host, slash + path


def _match(pattern: PathPattern, path: str) -> dict[str, str] | None:
    """Return the parameters of *path* when *pattern* matches it."""
    words = path.partition("?")[0].removeprefix("/").split("/")
    params: dict[str, str] = {}
    for number, segment in enumerate(pattern.segments):
        if isinstance(segment, Param) and segment.rest and words[number:]:
            return params | {segment.name: unquote("/".join(words[number:]))}
        if number >= len(words):
            return None
        if isinstance(segment, Param):
            params[segment.name] = unquote(words[number])
        elif unquote(segment.decode()) != unquote(words[number]):
            return None
    is_whole = len(words) == len(pattern.segments) or (words == [""] and not pattern.segments)
    return params if is_whole and all(params.values()) else None


def _freedom(found: tuple[EndpointPlan, dict[str, str]]) -> tuple[int, ...]:
    """Return a key that is least for the endpoint that serves: a literal beats a parameter, this one the rest."""
    return tuple(0 if isinstance(part, bytes) else 2 if part.rest else 1 for part in found[0].pattern.segments)
