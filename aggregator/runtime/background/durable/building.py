"""From the plan of an endpoint to what keeps its durable calls."""

from __future__ import annotations

from collections.abc import Callable

from aggregator.plan.calls import UpstreamPlan
from aggregator.plan.types import EffectPlan, EndpointPlan
from aggregator.runtime.background.durable.fixing import DurableEffect
from aggregator.runtime.background.durable.storing import Storing
from aggregator.runtime.background.effects import Effect
from aggregator.runtime.calls.sending import compile_sender
from aggregator.runtime.resources import Resources
from aggregator.transport import Door


def build_storing(
    plan: EndpointPlan, resources: Resources, params: tuple[str, ...], made: Callable[[EffectPlan], Effect],
    door: Callable[[UpstreamPlan], Door],
) -> Storing | None:  # fmt: skip
    """Return what keeps the durable calls of *plan*, None when it has none.

    *made* returns a call as it is made where it cannot be kept, *door* the way to an upstream; *params* are those that
    URLs may copy.
    """
    effects: list[DurableEffect] = []
    for effect in plan.effects:
        if effect.delivery is None or effect.fixed is None:
            continue
        upstream, fixed = effect.call.upstream, effect.fixed
        sender = compile_sender(fixed, door(upstream), params, resources.judge(fixed), resources.same)
        effects.append(DurableEffect(made(effect), plan.key, upstream.name, sender, effect.delivery, resources.tracing))
    return Storing(tuple(effects), resources.queue, resources.outbox, resources.clock) if effects else None
