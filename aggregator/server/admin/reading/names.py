"""Names by which requests are chosen: an endpoint, a part, a cause; one that can choose nothing is refused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from aggregator.causes import Cause
from aggregator.diagnostics import meant
from aggregator.plan.analysis.walking import parts_in
from aggregator.plan.calls import RacePlan
from aggregator.plan.explaining.finding import nearest_endpoint
from aggregator.plan.types import EndpointPlan, Plan
from aggregator.server.admin.actions import ActionError

_LONGEST = 200
"""Characters of a name that are repeated."""


def refuse_unknown(asked: Mapping[str, str], plan: Plan) -> None:
    """Raise ``ActionError`` where *asked* names an ``endpoint`` or ``part`` that *plan* has not, or no ``cause``.

    Empty ones name nothing. Else who made a slip in a name would wait for ever, and take it for a quiet night.
    """
    endpoint, part, cause = (asked.get(name, "") for name in ("endpoint", "part", "cause"))
    endpoints = [one for one in plan.endpoints if one.key == endpoint] if endpoint else plan.endpoints
    if endpoint and not endpoints:
        raise unknown_endpoint(endpoint, plan)
    if part and not _has_part(endpoints, part):
        names = {name for one in endpoints for name in _parts(one)}
        where = f"`{endpoint}` has no part" if endpoint else "No endpoint has a part"
        raise ActionError(404, f"{where} `{part[:_LONGEST]}`; {meant(part, sorted(names))}")
    words = dict.fromkeys(name for one in Cause if not one.is_reserved for name in one.names)
    if cause and cause not in words:
        raise ActionError(400, f"There is no cause `{cause[:_LONGEST]}`; {meant(cause, sorted(words))}")


def unknown_endpoint(key: str, plan: Plan) -> ActionError:
    """Return the refusal of an endpoint *key* that *plan* does not have, with what comes nearest to it."""
    return ActionError(404, f"There is no endpoint `{key[:_LONGEST]}`; {nearest_endpoint(plan, key)}")


def unknown_upstream(name: str, names: Iterable[str], what: str = "There is no upstream") -> ActionError:
    """Return the refusal of an upstream *name*, which is none of *names*, by *what* is said of it."""
    return ActionError(404, f"{what} `{name[:_LONGEST]}`; {meant(name, sorted(names))}")


def _parts(endpoint: EndpointPlan) -> dict[str, bool]:
    """Return the parts whose results *endpoint* tells of, and whether each is made for the items of a list.

    Who runs in a race has the name of the race when it has won it, and no result when it has not.
    """
    runners = {id(one) for part in parts_in(endpoint.fan) if isinstance(part.core, RacePlan) for one in part.inner}
    return {part.name: part.each is not None for part in parts_in(endpoint.fan) if id(part) not in runners}


def _has_part(endpoints: Iterable[EndpointPlan], name: str) -> bool:
    """Return whether one of *endpoints* has a part *name*: ``users``, or ``users[3]`` of one that has items."""
    base, bracket, place = name.partition("[")
    is_item = bool(bracket) and place.endswith("]")
    return any(name in parts or (is_item and parts.get(base, False)) for parts in map(_parts, endpoints))
