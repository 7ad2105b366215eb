"""Every request has one endpoint: no two patterns match it equally well."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from aggregator.config.analysis.endpoints.answered import Place, Route, Shape, answered_methods, places_of
from aggregator.diagnostics.finding import Elsewhere, Finding
from aggregator.templates import Param, PathPattern


def check_routes(routes: Sequence[Route]) -> Iterator[Finding]:
    """Yield findings about endpoints that take each other's requests."""
    answered = answered_methods(routes)
    yield from _check_named([route for route in routes if not route.is_any])
    yield from _check_any([(route, left) for route, left in zip(routes, answered, strict=True) if route.is_any])
    served = {
        (route.host, method, route.pattern.shape): route
        for route, methods in zip(routes, answered, strict=True)
        if route.pattern is not None
        for method in methods
    }
    yield from _check_crossings([(method, route) for (_, method, _), route in served.items()])


def _check_named(routes: Iterable[Route]) -> Iterator[Finding]:
    seen: dict[Place, Route] = {}
    for route in routes:
        taken = [
            (place[1], first) for place in places_of(route) if (first := seen.setdefault(place, route)) is not route
        ]
        for method, first in taken[:1]:
            yield _clash(route, first, method, f"`{route.key}` and `{first.key}` match the same requests")
    for (host, method, shape), route in seen.items():
        other = seen.get((host, "GET", shape), route)
        if method == "HEAD" and other is not route:
            message = f"HEAD requests are answered by `{other.key}` too"
            yield _clash(route, other, method, message, "remove it: HEAD is GET without the body")


def _check_any(routes: Iterable[tuple[Route, tuple[str, ...]]]) -> Iterator[Finding]:
    """Yield what is wrong with endpoints for the methods that are left, of which each comes with its own."""
    seen: dict[tuple[str, Shape], Route] = {}
    for route, left in routes:
        if route.pattern is None:
            continue
        first = seen.setdefault((route.host, route.pattern.shape), route)
        if first is not route:
            yield _clash(route, first, "GET", f"`{route.key}` and `{first.key}` match the same requests")
        elif not left:
            message = f"every method of `{route.key}` has an endpoint of its own"
            yield Finding("no-effect", message, route.path, "remove it", at_key=True)


def _clash(route: Route, first: Route, method: str, message: str, hint: str | None = None) -> Finding:
    assert route.pattern is not None
    there = Elsewhere(first.path, "first here", at_key=True)
    shown = f"{message}, such as {method} {_example(route.pattern)}"
    hint = hint or "keep one of the two, or change its path"
    return Finding("route-clash", shown, route.path, hint, at_key=True, related=(there,))


def _example(pattern: PathPattern) -> str:
    words = ["1" if isinstance(segment, Param) else segment.decode("ascii") for segment in pattern.segments]
    return "/" + "/".join(words)


class _Node:
    """The patterns of a host and a method by segment; *wild* are the literal segments with a parameter further down."""

    __slots__ = ("literals", "param", "route", "wild")

    def __init__(self) -> None:
        self.literals: dict[bytes, _Node] = {}
        self.param: _Node | None = None
        self.route: Route | None = None
        self.wild: set[bytes] = set()


def _check_crossings(routes: list[tuple[str, Route]]) -> Iterator[Finding]:
    """Yield findings about pairs such as ``/a/{x}/c`` and ``/a/b/{y}``, each better in one segment for some."""
    roots: dict[tuple[str, str], _Node] = {}
    for method, route in routes:
        _insert(roots.setdefault((route.host, method), _Node()), route)
    told: set[tuple[str, str]] = set()
    for method, route in routes:
        segments = route.pattern.segments if route.pattern else ()
        if _has_literal_behind_param(segments):
            other = next(_crossing(roots[route.host, method], segments, 0, specific=False, general=False), None)
            if other is not None and (route.key, other.key) not in told:
                told.add((route.key, other.key))
                yield _crossing_finding(method, route, other)


def _insert(node: _Node, route: Route) -> None:
    segments = route.pattern.segments if route.pattern else ()
    last_param = max((index for index, segment in enumerate(segments) if isinstance(segment, Param)), default=-1)
    for index, segment in enumerate(segments):
        if isinstance(segment, Param):
            node.param = node.param or _Node()
            node = node.param
        else:
            if index < last_param:
                node.wild.add(segment)
            node = node.literals.setdefault(segment, _Node())
    node.route = route


def _has_literal_behind_param(segments: tuple[bytes | Param, ...]) -> bool:
    kinds = [isinstance(segment, Param) for segment in segments]
    return True in kinds and False in kinds[kinds.index(True) :]


def _crossing(
    node: _Node, segments: tuple[bytes | Param, ...], index: int, *, specific: bool, general: bool
) -> Iterator[Route]:
    """Patterns that are more specific than *segments* in one place, first, and more general in a later one."""
    if index == len(segments):
        if specific and general and node.route is not None:
            yield node.route
        return
    segment = segments[index]
    if isinstance(segment, Param):
        if node.param is not None:
            yield from _crossing(node.param, segments, index + 1, specific=specific, general=general)
        for word in node.literals if general else node.wild:
            yield from _crossing(node.literals[word], segments, index + 1, specific=True, general=general)
        return
    if segment in node.literals:
        yield from _crossing(node.literals[segment], segments, index + 1, specific=specific, general=general)
    if specific and node.param is not None:
        yield from _crossing(node.param, segments, index + 1, specific=True, general=True)


def _crossing_finding(method: str, route: Route, other: Route) -> Finding:
    assert route.pattern is not None
    assert other.pattern is not None
    words = [
        (mine if isinstance(mine, bytes) else theirs if isinstance(theirs, bytes) else b"1").decode("ascii")
        for mine, theirs in zip(route.pattern.segments, other.pattern.segments, strict=True)
    ]
    message = f"`{other.key}` answers {method} /{'/'.join(words)}, which `{route.key}` matches too"
    there = Elsewhere(other.path, "this one answers", at_key=True)
    hint = "change one of the paths so that no request matches both"
    return Finding("route-overlap", message, route.path, hint, "warning", at_key=True, related=(there,))
