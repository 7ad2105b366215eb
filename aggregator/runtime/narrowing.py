"""``?fields=a,b.c``: which parts somebody needs, so that the calls of the others are never made."""

from __future__ import annotations

from aggregator.exchange import Exchange
from aggregator.plan.types import EndpointPlan, FanPlan
from aggregator.shaping.fields import parse_fields
from aggregator.templates import MapNode, Node


class Narrowing:
    """For each top-level key of an answer, the parts that it is made of."""

    __slots__ = ("_always", "_needs")

    def __init__(self, needs: dict[str, frozenset[str]], always: frozenset[str]) -> None:
        self._needs = needs
        self._always = always

    @classmethod
    def of(cls, plan: EndpointPlan) -> Narrowing | None:
        """Give the narrowing of *plan*, or None when its client cannot choose fields."""
        if not plan.response.fields or plan.fan is None or plan.kind != "fan_out":
            return None
        keys = _keys(plan, plan.fan)
        if keys is None:
            return None
        closure = _closures(plan.fan)
        needs = {key: frozenset().union(*(closure[name] for name in names)) for key, names in keys.items()}
        always = frozenset().union(*(closure[name] for name in _used_elsewhere(plan, plan.fan)))
        return cls(needs, always)

    def wanted(self, exchange: Exchange) -> frozenset[str] | None:
        """Give the names of the parts that this request needs; None for all of them."""
        text = exchange.query.get("fields")
        if not isinstance(text, str) or not text:
            return None
        chosen = [self._needs.get(key, frozenset()) for key in parse_fields(text).names]
        return self._always.union(*chosen)


def _keys(plan: EndpointPlan, fan: FanPlan) -> dict[str, frozenset[str]] | None:
    names = frozenset(part.name for part in fan.parts)
    if plan.response.body is None:
        return {name: frozenset([name]) for name in names} if plan.response.merge == "object" else None
    node = plan.response.body.node
    if not isinstance(node, MapNode):
        return None
    return {key: _part_names(_references(value), names) for key, value in node.entries}


def _references(node: Node) -> frozenset[tuple[str, ...]]:
    return frozenset().union(*(expression.references for expression in node.expressions()))


def _part_names(references: frozenset[tuple[str, ...]], names: frozenset[str]) -> frozenset[str]:
    found: set[str] = set()
    for reference in references:
        root = reference[1] if reference[0] == "calls" and len(reference) > 1 else reference[0]
        if reference == ("calls",):
            return names
        if root in names:
            found.add(root)
    return frozenset(found)


def _used_elsewhere(plan: EndpointPlan, fan: FanPlan) -> frozenset[str]:
    names = frozenset(part.name for part in fan.parts)
    used: set[str] = set()
    templates = [template for _, template in plan.response.headers]
    if plan.response.status_expression is not None:
        used |= _part_names(plan.response.status_expression.references, names)
    for template in templates:
        used |= _part_names(template.references, names)
    return frozenset(used)


def _closures(fan: FanPlan) -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}

    def visit(number: int) -> frozenset[str]:
        part = fan.parts[number]
        if part.name not in found:
            found[part.name] = frozenset([part.name]).union(*(visit(wait) for wait in part.waits))
        return found[part.name]

    for number in range(len(fan.parts)):
        visit(number)
    return found
