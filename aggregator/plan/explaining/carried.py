"""What every answer of an endpoint carries, in words and as data; values of headers, which may be secret, stay out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aggregator.edge.cors import ANY, Cors
from aggregator.plan.edge import EdgePlan


def carried_member(plan: EdgePlan) -> dict[str, Any]:
    """Return what *plan* adds, as data; nothing for what it does not."""
    found: dict[str, Any] = {}
    if plan.cors is not None:
        found["cors"] = _cors_member(plan.cors)
    if names := header_names(plan):
        found["headers"] = names
    if plan.lifecycle:
        found["lifecycle"] = {name.decode("ascii"): value.decode("ascii") for name, value in plan.lifecycle}
    return found


def carried_lines(plan: EdgePlan) -> Iterator[str]:
    """Yield what *plan* adds, a line each."""
    if names := header_names(plan):
        yield f"every answer carries {', '.join(names)}"
    yield from (f"{name.decode('ascii')}: {value.decode('ascii')}" for name, value in plan.lifecycle)
    cors = plan.cors
    if cors is not None:
        origins = "any origin" if cors.is_open else ", ".join(cors.origins)
        yield f"pages of {origins} may read it{', with credentials' if cors.credentials else ''}"


def header_names(plan: EdgePlan) -> list[str]:
    """Return the names of the headers that *plan* adds."""
    return sorted(name.decode("ascii") for name, _ in (*plan.fixed, *plan.made))


def _cors_member(cors: Cors) -> dict[str, Any]:
    origins = "any" if cors.is_open else [*cors.origins]
    headers = "any" if ANY in cors.headers else [*cors.headers]
    return {"origins": origins, "headers": headers, "credentials": cors.credentials}
