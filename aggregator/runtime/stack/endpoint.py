"""The handler of an endpoint: its calls, its gates, its background calls and shadows."""

from __future__ import annotations

from aggregator.plan.order.call import Attempt
from aggregator.plan.types import EffectPlan, EndpointPlan, ShadowPlan
from aggregator.runtime.admission.building import build_gates, build_gates_behind
from aggregator.runtime.background.durable.building import build_storing
from aggregator.runtime.background.effects import Effect
from aggregator.runtime.background.shadows import Shadow
from aggregator.runtime.endpoint.handler import EndpointHandler
from aggregator.runtime.foresight.foreseeing import foresight_of
from aggregator.runtime.resources import Resources
from aggregator.runtime.stack.calls import build_attempt
from aggregator.runtime.stack.doors import build_door
from aggregator.runtime.stack.parts import build_fan, build_part
from aggregator.runtime.stack.sending import build_sender, build_teller
from aggregator.runtime.stack.site import Site
from aggregator.runtime.stack.ways import build_way
from aggregator.runtime.streams.streaming import StreamHandler
from aggregator.templates import PathPattern


def build_endpoint(plan: EndpointPlan, resources: Resources) -> EndpointHandler | StreamHandler:
    """Return the handler of *plan*; raises ``StartupError`` when a plug-in cannot be loaded."""
    params = _placeholders(plan.pattern)
    effects = tuple(_effect(effect, plan.key, resources, params) for effect in plan.effects if effect.delivery is None)
    storing = build_storing(
        plan, resources, params, lambda effect: _effect(effect, plan.key, resources, params),
        lambda upstream: build_door(upstream, resources),
    )  # fmt: skip
    gates = build_gates(plan.admission, resources.keeper)
    behind = build_gates_behind(plan.admission, resources.keeper)
    behind = behind if storing is None else (*behind, storing)
    if plan.stream:
        assert plan.fan is not None
        call = plan.fan.parts[0].calls[0]
        sender = build_sender(call, resources, params)
        inputs = resources.inputs(plan.inputs, plan.pattern.params)
        queue, report, discloses = resources.queue, resources.report, resources.discloses
        teller = build_teller(call, plan.key, resources)
        return StreamHandler(
            plan, inputs, sender, effects, queue, report, discloses, gates, teller, resources.finishes.of(plan),
            resources.clock, resources.trusted, resources.compressing(plan), behind,
            build_way(call, resources, params), resources.asked_deadline, storing,
        )  # fmt: skip
    shadows = tuple(_shadow(shadow, plan.key, resources, params) for shadow in plan.shadows)
    fan = build_fan(plan.fan, plan.key, resources, params, plan.digest, is_kept=plan.keeping is not None)
    routine = resources.routine(plan, fan.order, effects, gates, behind, shadows, storing)
    return EndpointHandler(plan, routine, fan.parts)


def _placeholders(pattern: PathPattern) -> tuple[str, ...]:
    """Return the placeholders of URLs that path parameters can be copied into as they came."""
    return tuple(f"{name}:path" if name == pattern.wildcard else name for name in pattern.params)


def _effect(plan: EffectPlan, key: str, resources: Resources, params: tuple[str, ...]) -> Effect:
    part = build_part(plan.part, key, resources, params, optional=True)
    return Effect(plan.name, part, plan.when, plan.timeout, plan.on, foresight_of(plan.when, params))


def _shadow(plan: ShadowPlan, key: str, resources: Resources, params: tuple[str, ...]) -> Shadow:
    call = plan.call
    part = build_attempt(Attempt(call, optional=True), Site(key, resources, params))
    return Shadow(Effect(call.name, part, None, call.timeout, "always"), plan.share)
