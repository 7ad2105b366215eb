"""In which ways making the answer can fail when all of its parts are there: conditions, merges, shapes, functions.

For the truth table, and for the statuses that the OpenAPI document names.
"""

from __future__ import annotations

from aggregator.errors import Cause
from aggregator.plan.analysis.mistakes import can_be_wrong
from aggregator.plan.types import EndpointPlan, ResponsePlan
from aggregator.templates import Expression

COMPUTING = frozenset({Cause.EXPRESSION})
"""What an expression or a shape can do to what it is in."""

CALLING_A_FUNCTION = COMPUTING | {Cause.DEADLINE, Cause.FAULT}
"""What the function of a plug-in can do to what it is in."""


def answer_causes(plan: EndpointPlan) -> frozenset[Cause]:
    """Return the causes with which the answer of *plan* fails as such: the part ``response`` of problems."""
    response = plan.response
    found = COMPUTING if _computes(response) else frozenset()
    read = (response.status_expression, response.headers, response.cookies, response.body)
    if found and can_be_wrong(read, frozenset(plan.pattern.params)):
        found |= {Cause.INPUT}
    return found if plan.response.transform is None else found | CALLING_A_FUNCTION


def _computes(response: ResponsePlan) -> bool:
    if response.status_expression is not None or response.shape is not None or response.join:
        return True
    if response.merge != "object" or response.formats != ("json",):
        return True
    if any(not template.is_constant for _, template in response.headers):
        return True  # not every text can be the value of a header
    return response.body is not None and any(map(may_fail, response.body.node.expressions()))


def may_fail(expression: Expression | None) -> bool:
    """Return whether *expression* can meet data that it cannot use: a plain path gives null for what is not there."""
    return expression is not None and expression.path is None and not expression.is_constant
