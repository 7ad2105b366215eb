"""The choice of the route of a mock that answers a request."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import unquote_to_bytes

from aggregator.policies.mock.plan import MockPlan, MockRoutePlan
from aggregator.templates import PathPattern


def find_route(
    routes: Iterable[MockRoutePlan], method: str, path: bytes, query: bytes
) -> tuple[MockRoutePlan | None, dict[str, str]]:
    """Return the first of *routes* that answers, None where none does, and the parameters of its path, decoded."""
    segments = path.split(b"/")[1:] if path != b"/" else []
    pairs = frozenset(query.split(b"&"))
    for route in routes:
        if (route.method == method or (method == "HEAD" and route.method == "GET")) and route.query <= pairs:
            params = _match(route.pattern, segments)
            if params is not None:
                return route, params
    return None, {}


def in_order(routes: Iterable[MockRoutePlan]) -> tuple[MockRoutePlan, ...]:
    """Return *routes*, the more particular ones first."""
    return tuple(
        sorted(routes, key=lambda one: (one.pattern.wildcard is not None, len(one.pattern.params), -len(one.query)))
    )


def _match(pattern: PathPattern, segments: list[bytes]) -> dict[str, str] | None:
    if pattern.wildcard is None and len(segments) != len(pattern.segments):
        return None
    found: dict[str, str] = {}
    for number, part in enumerate(pattern.segments):
        if number >= len(segments):
            return None
        if isinstance(part, bytes):
            # written `a:b` or `a%3Ab`, it is the same segment (RFC 3986 §6.2.2)
            if unquote_to_bytes(part) != unquote_to_bytes(segments[number]):
                return None
        else:
            text = b"/".join(segments[number:]) if part.rest else segments[number]
            found[part.name] = unquote_to_bytes(text).decode("utf-8", "replace")
    return found


def is_answered(plan: MockPlan, method: str, target: bytes) -> bool:
    """Return whether the mock answers each call of *target* with *method*, so that none reaches what is behind it.

    Where it holds for some calls only (``when``), or fails some of them, nobody can tell beforehand.
    """
    if plan.when is not None:
        return False
    path, _, query = target.removeprefix(plan.prefix).partition(b"?")
    return plan.is_alone or find_route(plan.routes, method, path, query)[0] is not None
