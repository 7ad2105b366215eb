"""Where durable effects are delivered while a plan is served."""

from __future__ import annotations

from aggregator.plan.types import Plan
from aggregator.runtime.background.durable.targets import Targets, build_targets
from aggregator.runtime.resources import Resources
from aggregator.runtime.stack.calls import build_attempt
from aggregator.runtime.stack.site import Site


def build_deliveries(plan: Plan, resources: Resources) -> Targets:
    """Return where durable effects are delivered while *plan* is served."""
    return build_targets(plan, lambda key, attempt: build_attempt(attempt, Site(key, resources, ())))
