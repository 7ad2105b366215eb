"""``?fields=a,b.c``: which parts somebody needs, so that the calls of the others are never made."""

from __future__ import annotations

from collections.abc import Iterable

from aggregator.exchange import Exchange
from aggregator.plan.roots import references_in
from aggregator.plan.types import EndpointPlan, FanPlan, PartPlan
from aggregator.plan.walking import calls_in_part
from aggregator.runtime.inputs import Refusal
from aggregator.schemas.problems import Violation
from aggregator.shaping.fields import FieldSet, parse_fields
from aggregator.shaping.path import parse_path
from aggregator.shaping.problems import ShapeProblem
from aggregator.templates import MapNode

_SAFE = frozenset({b"GET", b"HEAD", b"OPTIONS"})
Parts = frozenset[str]
_NONE: Parts = frozenset()


def fields_of(exchange: Exchange) -> FieldSet | None:
    """Give the fields that the client asks for, or None for all of them; raises ``Refusal`` (422)."""
    asked = exchange.query.get("fields")
    text = ",".join(map(str, asked)) if isinstance(asked, list) else asked
    if not isinstance(text, str) or not text:
        return None
    try:
        return parse_fields(text)
    except ShapeProblem as problem:
        violation = Violation("/fields", "query", problem.message, "fields")
        raise Refusal(422, "The request does not fit what this endpoint declares.", (violation,)) from None


class Narrowing:
    """For each top-level key of an answer, the parts that it is made of; and those that are needed in any case."""

    __slots__ = ("_always", "_needs")

    def __init__(self, needs: dict[str, Parts], always: Parts) -> None:
        self._needs = needs
        self._always = always

    @classmethod
    def of(cls, plan: EndpointPlan) -> Narrowing | None:
        """Give the narrowing of *plan*; None when its client cannot choose, or its keys do not tell what they need.

        Parts that background calls, headers or the status read always run, and so do those that change something.
        """
        response, fan = plan.response, plan.fan
        if not response.fields or fan is None or plan.kind != "fan_out":
            return None
        if response.shape is not None or response.transform is not None:
            return None
        keys = _keys(plan, fan)
        if keys is None:
            return None
        for join in response.join:
            left, right = (str(parse_path(text)[0]) for text in (join.left, join.right))
            keys[left] = keys.get(left, _NONE) | keys.get(right, _NONE)
        read = _parts_in((plan.effects, response.headers, response.status_expression), fan)
        changing = frozenset(part.name for part in fan.parts if not _is_safe(part))
        inputs = _inputs(fan)
        needs = {key: _with_inputs(names, inputs) for key, names in keys.items()}
        return cls(needs, _with_inputs(read | changing, inputs))

    def wanted(self, exchange: Exchange) -> Parts | None:
        """Give the names of the parts that this request needs, None for all of them; raises ``Refusal`` (422)."""
        fields = fields_of(exchange)
        if fields is None:
            return None
        return self._always.union(*(self._needs.get(key, _NONE) for key in fields.names))


def _keys(plan: EndpointPlan, fan: FanPlan) -> dict[str, Parts] | None:
    if plan.response.body is None:
        return {part.name: frozenset([part.name]) for part in fan.parts} if plan.response.merge == "object" else None
    node = plan.response.body.node
    if not isinstance(node, MapNode):
        return None
    return {key: _named((r for e in value.expressions() for r in e.references), fan) for key, value in node.entries}


def _parts_in(value: object, fan: FanPlan) -> Parts:
    return _named(references_in(value), fan)


def _named(references: Iterable[tuple[str, ...]], fan: FanPlan) -> Parts:
    names = frozenset(part.name for part in fan.parts)
    found: set[str] = set()
    for reference in references:
        if reference == ("calls",):
            return names
        found.add(reference[1] if reference[0] == "calls" else reference[0])
    return names & found


def _is_safe(part: PartPlan) -> bool:
    return all(call.request.method in _SAFE for call in calls_in_part(part))


def _with_inputs(names: Parts, inputs: dict[str, Parts]) -> Parts:
    return names.union(*(inputs[name] for name in names))


def _inputs(fan: FanPlan) -> dict[str, Parts]:
    """Give for each part all that it waits for, directly or not."""
    found: dict[str, Parts] = {}

    def visit(number: int) -> Parts:
        part = fan.parts[number]
        if part.name not in found:
            found[part.name] = frozenset([part.name]).union(*(visit(wait) for wait in part.waits))
        return found[part.name]

    for number in range(len(fan.parts)):
        visit(number)
    return found
