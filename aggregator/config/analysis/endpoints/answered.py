"""With which methods requests come to each endpoint: a named method goes before ``ANY``; for rules and the loader."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol, TypeAlias

from aggregator.config.text.values import Steps
from aggregator.templates import PathPattern

Shape: TypeAlias = tuple[bytes | bool, ...]
"""A path without the names of its parameters."""
Place: TypeAlias = tuple[str, str, Shape]
"""A host, empty for all that have no name, a method, and what the path is like."""


class Addressed(Protocol):
    """What stands at a path in the configuration, and may answer at one; *pattern* is None when it does not."""

    @property
    def key(self) -> str:
        """Methods and path as they are written."""
        ...

    @property
    def path(self) -> Steps:
        """The path of the endpoint in the configuration."""
        ...

    @property
    def host(self) -> str:
        """The virtual host that it belongs to, empty for none."""
        ...

    @property
    def pattern(self) -> PathPattern | None:
        """The path that it answers at, compiled."""
        ...


class Route(Addressed, Protocol):
    """An endpoint as far as its place among the others goes; *pattern* is None when its key is wrong."""

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods, none when the key is wrong."""
        ...

    @property
    def is_any(self) -> bool:
        """Whether it answers to every method that no other endpoint at its path names."""
        ...


def places_of(route: Route) -> Iterator[Place]:
    """Yield the places that the key of *route* names."""
    if route.pattern is not None:
        yield from ((route.host, method, route.pattern.shape) for method in route.methods)


def answered_methods(routes: Sequence[Route]) -> list[tuple[str, ...]]:
    """Return the methods with which requests come to each of *routes*.

    Who names a method has it, as in the patterns of Go's ``http.ServeMux``; HEAD goes with GET (RFC 9110 §9.3.2).
    """
    named = {place for route in routes if not route.is_any for place in places_of(route)}
    named |= {(host, "HEAD", shape) for host, method, shape in named if method == "GET"}
    return [tuple(place[1] for place in places_of(route) if not route.is_any or place not in named) for route in routes]
