"""What is taken from a body, as one function compiled from its plan."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aggregator.codecs import json as json_codec
from aggregator.parts.names import Names
from aggregator.parts.result import Result
from aggregator.plan.calls import ShapePlan
from aggregator.shaping.fields import compile_allow, compile_deny
from aggregator.shaping.moves import compile_group, compile_rename
from aggregator.shaping.path import compile_extract
from aggregator.shaping.query import compile_jmespath
from aggregator.templates import MISSING, Expression

Shape = Callable[[Any, Names], Any]
Reshape = Callable[[Result, Names], None]


def compile_reshape(plan: ShapePlan | None) -> Reshape | None:
    """Return the function that shapes the body of a result in place, or None when *plan* asks for nothing.

    Where only the structure changes, numbers keep every digit that the upstream wrote. Raises ``ExpressionError``.
    """
    shape = compile_shape(plan)
    if plan is None or shape is None:
        return None

    def compute(result: Result, names: Names) -> None:
        value = result.own_value if plan.rename else result.value  # which is what renaming changes
        result.value = shape(value, names.child({"this": result.view()}))

    def rearrange(result: Result, names: Names) -> None:
        result.json = json_codec.encode(shape(result.exact, names))

    return compute if computes(plan) else rearrange


def computes(plan: ShapePlan | None) -> bool:
    """Return whether *plan* may do arithmetic: a query or an expression does, moving and removing does not."""
    return plan is not None and (plan.select is not None or plan.select_expression is not None)


def compile_shape(plan: ShapePlan | None) -> Shape | None:
    """Return a function (value, names with ``this``) → value, or None when *plan* asks for nothing."""
    if plan is None:
        return None
    return _in_order(plan.select_expression, _steps(plan))


def compile_structure(plan: ShapePlan | None) -> Callable[[Any], Any] | None:
    """Return a function value → value for a *plan* without an expression, or None when it asks for nothing."""
    steps = () if plan is None else _steps(plan)

    def structure(value: Any) -> Any:
        for step in steps:
            value = step(value)
        return value

    return structure if steps else None


def _steps(plan: ShapePlan) -> tuple[Callable[[Any], Any], ...]:
    steps: list[Callable[[Any], Any]] = []
    if plan.select is not None:
        steps.append(compile_jmespath(plan.select))
    if plan.target is not None:
        steps.append(_or_none(compile_extract(plan.target)))
    if plan.allow:
        steps.append(compile_allow(plan.allow))
    elif plan.deny:
        steps.append(compile_deny(plan.deny))
    if plan.rename:
        steps.append(compile_rename(dict(plan.rename)))
    if plan.group is not None:
        steps.append(compile_group(plan.group))
    return tuple(steps)


def _in_order(expression: Expression | None, steps: tuple[Callable[[Any], Any], ...]) -> Shape:
    def shape(value: Any, names: Names) -> Any:
        if expression is not None:
            value = expression.evaluate(names)
            if value is MISSING:
                value = None
        for step in steps:
            value = step(value)
        return value

    return shape


def _or_none(extract: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def step(value: Any) -> Any:
        found = extract(value)
        return None if found is MISSING else found

    return step
