"""What is made of a reply once its body is read: data of GraphQL, a verdict by an expression, another shape."""

from __future__ import annotations

from collections.abc import Callable

from aggregator.codecs import json as json_codec
from aggregator.errors import CallError, Cause
from aggregator.parts.frame import Frame
from aggregator.parts.result import Result
from aggregator.plan.calls import CallPlan
from aggregator.runtime.parts.shape import compile_reshape

Refine = Callable[[Result, Frame], None]
"""Changes a result in place, or raises ``AggregatorError``."""


def compile_refine(plan: CallPlan) -> Refine | None:
    """Return the function that makes of a result what *plan* says; None when it stays as it was read."""
    steps: list[Refine] = []
    if plan.graphql != "no":
        steps.append(_graphql(plan))
    if plan.success.when is not None:
        steps.append(_success(plan))
    reshape = compile_reshape(plan.shape)
    if reshape is not None:
        steps.append(lambda result, frame: reshape(result, frame.names))
    if not steps:
        return None

    def refine(result: Result, frame: Frame) -> None:
        for step in steps:
            step(result, frame)

    return refine


def _success(plan: CallPlan) -> Refine:
    condition, label = plan.success.when, plan.upstream.label
    assert condition is not None

    def check(result: Result, frame: Frame) -> None:
        if not condition.truth(frame.names.child({"this": result.view()})):
            raise CallError(Cause.UNSUCCESSFUL, f"The answer of the upstream '{label}' is not a success.")

    return check


def _graphql(plan: CallPlan) -> Refine:
    label, partial_allowed = plan.upstream.label, plan.graphql == "partial"

    def take_data(result: Result, _: Frame) -> None:
        value = result.exact
        if not isinstance(value, dict) or "data" not in value:
            if isinstance(value, dict) and value.get("errors"):
                raise CallError(Cause.UNSUCCESSFUL, f"The upstream '{label}' refused the GraphQL operation.")
            raise CallError(Cause.MALFORMED, f"The upstream '{label}' did not answer in the form of GraphQL.")
        if value.get("errors") and not (partial_allowed and value["data"] is not None):
            raise CallError(Cause.UNSUCCESSFUL, f"The upstream '{label}' answered with GraphQL errors.")
        result.json = json_codec.encode(value["data"])

    return take_data
