"""From plan to runnable: the only place where the order of what wraps a call is written.

Innermost first: the call itself; its function (``transform``); one call per item; its alternatives (``fallback``,
``race``); a function over the whole part; its condition and default. A feature that is off is absent.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from aggregator.plan.types import (
    CallPlan,
    EffectPlan,
    EndpointPlan,
    FanPlan,
    PartPlan,
    ServerPlan,
    UpstreamPlan,
)
from aggregator.runtime.alternatives import Fallback, Race
from aggregator.runtime.assembly import Assembly
from aggregator.runtime.disclosure import compile_disclosure
from aggregator.runtime.each import Each
from aggregator.runtime.effects import Effect, EffectQueue
from aggregator.runtime.fanout import FanOut
from aggregator.runtime.frame import Part
from aggregator.runtime.groups import Group
from aggregator.runtime.guarding import Guarded
from aggregator.runtime.handler import EndpointHandler
from aggregator.runtime.plugins import Plugins, Transformed
from aggregator.runtime.sending import LeanDoor, Sender
from aggregator.runtime.shape import compile_reshape
from aggregator.runtime.streaming import StreamDoor, StreamHandler
from aggregator.templates import PathPattern


class Resources(Struct):
    """What running parts share: the pool of each upstream, the functions of users, the background queue.

    Thousands of endpoints say the same in many places. Equal *blocks* of headers are one object, which then stays in
    the processor's caches.
    """

    pool: Callable[[UpstreamPlan], StreamDoor]
    plugins: Plugins
    queue: EffectQueue
    server: ServerPlan
    blocks: dict[bytes, bytes] = {}


def build_endpoint(plan: EndpointPlan, resources: Resources) -> EndpointHandler | StreamHandler:
    """Give the handler of *plan*; raises ``StartupError`` when a plug-in cannot be loaded."""
    params = _placeholders(plan.pattern)
    effects = tuple(_effect(effect, resources, params) for effect in plan.effects)
    discloses = compile_disclosure(resources.server)
    if plan.stream:
        assert plan.fan is not None
        call = plan.fan.parts[0].calls[0]
        sender, pool = _sender(call, resources, params), resources.pool(call.upstream)
        return StreamHandler(plan, resources.server, sender, pool, effects, resources.queue, discloses)
    fan = build_fan(plan.fan, resources, params)
    transform = None if plan.response.transform is None else resources.plugins.function(plan.response.transform)
    assembly = Assembly(plan, transform, discloses)
    return EndpointHandler(plan, resources.server, fan, assembly, effects, resources.queue, discloses)


def _placeholders(pattern: PathPattern) -> tuple[str, ...]:
    """Give the placeholders of URLs that path parameters can be copied into as they came."""
    return tuple(f"{name}:path" if name == pattern.wildcard else name for name in pattern.params)


def build_fan(plan: FanPlan | None, resources: Resources, params: tuple[str, ...]) -> FanOut:
    """Give the runnable fan-out of *plan*; an empty one for None."""
    if plan is None:
        return FanOut((), (), ())
    parts = [build_part(part, resources, params) for part in plan.parts]
    return FanOut(parts, [part.waits for part in plan.parts], plan.dependents)


def build_part(plan: PartPlan, resources: Resources, params: tuple[str, ...]) -> Part:
    """Give the runnable part of *plan*."""
    part = _core(plan, resources, params)
    if plan.transform is not None:
        part = Transformed(part, resources.plugins.function(plan.transform))
    if plan.when is not None or plan.optional or plan.timeout is not None or plan.shape is not None:
        part = Guarded(part, when=plan.when, optional=plan.optional, default=plan.default, timeout=plan.timeout,
                       shape=compile_reshape(plan.shape), rows=plan.rows)  # fmt: skip
    return part


def _core(plan: PartPlan, resources: Resources, params: tuple[str, ...]) -> Part:
    if plan.group is not None:
        return Group(plan.name, build_fan(plan.group, resources, params))
    if plan.race:
        return Race(plan.name, tuple(build_part(runner, resources, params) for runner in plan.race))
    choices: list[Part] = []
    for number, call in enumerate(plan.calls):
        part = build_call(call, resources, params)
        choices.append(Each(part, plan.each, plan.rows) if plan.each is not None and number == 0 else part)
    return choices[0] if len(choices) == 1 else Fallback(plan.name, tuple(choices))


def build_call(plan: CallPlan, resources: Resources, params: tuple[str, ...]) -> Part:
    """Give the call of *plan* with its function around it."""
    sender = _sender(plan, resources, params)
    return sender if plan.transform is None else Transformed(sender, resources.plugins.function(plan.transform))


def _sender(plan: CallPlan, resources: Resources, params: tuple[str, ...]) -> Sender:
    pool: LeanDoor = resources.pool(plan.upstream)
    block = plan.request.constant_headers
    return Sender(plan, pool, params, resources.blocks.setdefault(block, block))


def _effect(plan: EffectPlan, resources: Resources, params: tuple[str, ...]) -> Effect:
    return Effect(plan.name, build_call(plan.call, resources, params), plan.when, plan.call.timeout)
