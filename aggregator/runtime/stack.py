"""From plan to runnable: the only place where the order of what wraps a call is written.

Innermost first: the call itself; what tells of its end; its function (``transform``); one call per item; its
alternatives (``fallback``, ``race``); a function over the whole part; its condition and default. A feature that is off
is absent.
"""

from __future__ import annotations

from aggregator.parts.frame import Part
from aggregator.plan.types import CallPlan, EffectPlan, EndpointPlan, FanPlan, PartPlan
from aggregator.runtime.admission.building import build_gates
from aggregator.runtime.background.effects import Effect
from aggregator.runtime.calls.sending import LeanDoor, Sender, compile_sender
from aggregator.runtime.calls.telling import CallTeller, Told
from aggregator.runtime.handler import EndpointHandler
from aggregator.runtime.parts.alternatives import Fallback, Race
from aggregator.runtime.parts.each import Each
from aggregator.runtime.parts.fanout import FanOut, fan_out
from aggregator.runtime.parts.groups import Group
from aggregator.runtime.parts.guarding import Guarded
from aggregator.runtime.parts.shape import compile_reshape
from aggregator.runtime.plugins.functions import Transformed
from aggregator.runtime.resources import Resources
from aggregator.runtime.streams.streaming import StreamHandler
from aggregator.templates import PathPattern


def build_endpoint(plan: EndpointPlan, resources: Resources) -> EndpointHandler | StreamHandler:
    """Give the handler of *plan*; raises ``StartupError`` when a plug-in cannot be loaded."""
    params = _placeholders(plan.pattern)
    effects = tuple(_effect(effect, plan.key, resources, params) for effect in plan.effects)
    gates = build_gates(plan.admission, resources.schemes)
    if plan.stream:
        assert plan.fan is not None
        call = plan.fan.parts[0].calls[0]
        sender, pool = _sender(call, resources, params), resources.pool(call.upstream)
        inputs = resources.inputs(plan.inputs, plan.pattern.params)
        queue, report, discloses = resources.queue, resources.report, resources.discloses
        teller = _teller(call, plan.key, resources)
        return StreamHandler(plan, inputs, sender, pool, effects, queue, report, discloses, gates, teller,
                             resources.finish(plan.edge), resources.clock)  # fmt: skip
    fan = build_fan(plan.fan, plan.key, resources, params)
    return EndpointHandler(plan, resources.routine(plan, fan.order, effects, gates), fan.parts)


def _placeholders(pattern: PathPattern) -> tuple[str, ...]:
    """Give the placeholders of URLs that path parameters can be copied into as they came."""
    return tuple(f"{name}:path" if name == pattern.wildcard else name for name in pattern.params)


def build_fan(plan: FanPlan | None, key: str, resources: Resources, params: tuple[str, ...]) -> FanOut:
    """Give the runnable fan-out of *plan*; an empty one for None."""
    if plan is None:
        return fan_out((), (), ())
    parts = [build_part(part, key, resources, params) for part in plan.parts]
    return fan_out(parts, [part.waits for part in plan.parts], plan.dependents)


def build_part(plan: PartPlan, key: str, resources: Resources, params: tuple[str, ...]) -> Part:
    """Give the runnable part of *plan*."""
    part = _core(plan, key, resources, params)
    if plan.transform is not None:
        part = Transformed(part, resources.plugins.function(plan.transform))
    if plan.when is not None or plan.optional or plan.timeout is not None or plan.shape is not None:
        part = Guarded(part, when=plan.when, optional=plan.optional, default=plan.default, timeout=plan.timeout,
                       shape=compile_reshape(plan.shape), rows=plan.rows)  # fmt: skip
    return part


def _core(plan: PartPlan, key: str, resources: Resources, params: tuple[str, ...]) -> Part:
    if plan.group is not None:
        return Group(plan.name, build_fan(plan.group, key, resources, params))
    if plan.race:
        return Race(plan.name, tuple(build_part(runner, key, resources, params) for runner in plan.race))
    choices: list[Part] = []
    for number, call in enumerate(plan.calls):
        part = build_call(call, key, resources, params, number + 1)
        choices.append(Each(part, plan.each, plan.rows) if plan.each is not None and number == 0 else part)
    return choices[0] if len(choices) == 1 else Fallback(plan.name, tuple(choices))


def build_call(plan: CallPlan, key: str, resources: Resources, params: tuple[str, ...], attempt: int = 1) -> Part:
    """Return the call of *plan* in the endpoint *key*, told of if somebody listens, with its function around it."""
    teller = _teller(plan, key, resources, attempt)
    sender = _sender(plan, resources, params)
    part: Part = sender if teller is None else Told(sender, teller)
    return part if plan.transform is None else Transformed(part, resources.plugins.function(plan.transform))


def _teller(plan: CallPlan, key: str, resources: Resources, attempt: int = 1) -> CallTeller | None:
    """Return what tells of the ends of a call, None when nobody listens."""
    listeners = resources.listeners.calls
    return CallTeller(listeners, key, plan.name, plan.upstream.label, attempt) if listeners else None


def _sender(plan: CallPlan, resources: Resources, params: tuple[str, ...]) -> Sender:
    pool: LeanDoor = resources.pool(plan.upstream)
    return compile_sender(plan, pool, params, resources.judge(plan), resources.same)


def _effect(plan: EffectPlan, key: str, resources: Resources, params: tuple[str, ...]) -> Effect:
    return Effect(plan.name, build_call(plan.call, key, resources, params), plan.when, plan.call.timeout, plan.on)
