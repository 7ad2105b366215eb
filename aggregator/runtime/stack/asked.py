"""The call that asks an upstream about a caller: with all that is around calls to it, as any other."""

from __future__ import annotations

from aggregator.parts.frame import Part
from aggregator.plan.calls import CallPlan
from aggregator.plan.order.call import Attempt
from aggregator.runtime.resources import Resources
from aggregator.runtime.stack.calls import build_attempt
from aggregator.runtime.stack.site import Site


def build_asked(plan: CallPlan, resources: Resources) -> Part:
    """Return what makes the call *plan*, which belongs to no endpoint."""
    return build_attempt(Attempt(plan), Site(plan.name, resources, ()))
