"""Where each endpoint stands in the document: its path with the names of its parameters there, its operationId."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from msgspec import Struct

from aggregator.plan.types import EndpointPlan
from aggregator.templates import Param, PathPattern

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
"""The methods that a Path Item has a place for (OpenAPI 3.1 §4.8.9)."""

_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9._-]")


class Place(Struct, frozen=True):
    """One endpoint in the document. *names* are those of its path parameters there, in reading order."""

    plan: EndpointPlan
    path: str
    method: str
    names: tuple[str, ...]
    operation_id: str


def places_of(endpoints: Iterable[EndpointPlan]) -> Iterator[Place]:
    """Yield the place of every endpoint that is not hidden, in declared order."""
    paths = Paths()
    for plan in (plan for plan in endpoints if not plan.doc.hidden):
        method = plan.method.lower()
        path, names = paths.take(plan.pattern, method)
        yield Place(plan, path, method, names, plan.doc.operation_id)


class Paths:
    """The paths taken so far.

    Paths that differ in nothing but the names of their parameters are one path for OpenAPI (3.1 §4.8.8.2), so the
    first names count for all of them.
    """

    def __init__(self) -> None:
        self._names: dict[str, tuple[str, ...]] = {}
        self._taken: set[tuple[str, str]] = set()

    def take(self, pattern: PathPattern, method: str) -> tuple[str, tuple[str, ...]]:
        """Return the path of *pattern* for *method* and the names of its parameters in it."""
        names = self._names.setdefault(written(pattern, [""] * len(pattern.params)), pattern.params)
        while names and (written(pattern, names), method) in self._taken:
            # `/{name}` and `/{name:path}` are two endpoints, which OpenAPI has no words to tell apart.
            names = (*names[:-1], f"{names[-1]}_path")
        path = written(pattern, names)
        self._taken.add((path, method))
        return path, names


def written(pattern: PathPattern, names: Iterable[str]) -> str:
    """Return *pattern* as a path template with *names* for its parameters; a rest is one parameter like the others."""
    left = iter(names)
    segments = (f"{{{next(left)}}}" if isinstance(part, Param) else part.decode("ascii") for part in pattern.segments)
    return "/" + "/".join(segments)


def unique(name: str, taken: set[str]) -> str:
    """Return *name*, or *name* with the first free number behind it, and put it among those *taken*."""
    found, number = name, 1
    while found in taken:
        number += 1
        found = f"{name}_{number}"
    taken.add(found)
    return found


def component_name(text: str) -> str:
    """Return *text* with what the name of a component cannot hold (OpenAPI 3.1 §4.8.7) as ``_``."""
    return _NOT_IN_A_NAME.sub("_", text)
