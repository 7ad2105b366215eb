"""Where durable effects are delivered while a plan is served."""

from __future__ import annotations

from aggregator.parts.frame import Part
from aggregator.plan.order.call import Attempt
from aggregator.plan.types import Plan
from aggregator.runtime.background.durable.delivering.targets import Targets, build_targets
from aggregator.runtime.resources import Resources
from aggregator.runtime.stack.calls import build_attempt
from aggregator.runtime.stack.site import Site


def build_deliveries(plan: Plan, resources: Resources) -> Targets:
    """Return where durable effects are delivered while *plan* is served."""

    def build(key: str, attempt: Attempt) -> Part:
        return build_attempt(attempt, Site(key, resources, ()))

    return build_targets(plan, build, resources.breakers)
