"""A plan as it is served while something is switched off: nothing asks for switches where all are on."""

from __future__ import annotations

from dataclasses import replace as with_fields
from functools import partial
from hashlib import blake2b

from msgspec.structs import replace

from aggregator.diagnostics import did_you_mean, meant
from aggregator.plan.analysis.walking import calls_in_part, placed_parts, with_calls, with_placed_calls
from aggregator.plan.calls import CallPlan, FanPlan
from aggregator.plan.explaining.finding import nearest_endpoint
from aggregator.plan.schemes import ExternalPlan, SchemePlan
from aggregator.plan.types import EffectPlan, EndpointPlan, Plan
from aggregator.policies.switches.offs import Offs
from aggregator.policies.switches.plan import OffPlan
from aggregator.policies.switches.table import Target


def switched(plan: Plan, offs: Offs) -> Plan:
    """Return *plan* without what is in *offs*; what they do not speak of is the same."""
    if not offs:
        return plan
    return with_fields(
        plan,
        endpoints=tuple(_endpoint(endpoint, offs) for endpoint in plan.endpoints),
        schemes=tuple(_scheme(scheme, offs) for scheme in plan.schemes),
        off=tuple((target.name, off) for target, off in offs.items() if target.kind == "upstream"),
    )


def _scheme(plan: SchemePlan, offs: Offs) -> SchemePlan:
    return replace(plan, call=_call(plan.call, None, offs)) if isinstance(plan, ExternalPlan) else plan


def unknown_target(plan: Plan, target: Target) -> str | None:
    """Return what is wrong with *target*, which *plan* does not have; None when it has it."""
    if target.kind == "upstream":
        names = [upstream.name for upstream in plan.upstreams]
        return None if target.name in names else f"There is no upstream {target.name!r}; {meant(target.name, names)}"
    if target.kind == "effect" and not target.name:
        names = sorted({effect.name for endpoint in plan.endpoints for effect in endpoint.effects})
        return (
            None if target.part in names else f"No endpoint has an effect {target.part!r}; {meant(target.part, names)}"
        )
    endpoints = [endpoint for endpoint in plan.endpoints if endpoint.key == target.name]
    if not endpoints:
        return f"There is no endpoint {target.name!r}; {nearest_endpoint(plan, target.name)}"
    if target.kind == "endpoint":
        return None
    names = [name for endpoint in endpoints for name in _names(endpoint, target.kind)]
    if target.part in names:
        return None
    near = did_you_mean(target.part, names) or f"it has {', '.join(names) or 'none'}."
    return f"It has no {target.kind} {target.part!r}; {near}"


def _names(endpoint: EndpointPlan, kind: str) -> list[str]:
    if kind == "effect":
        return [effect.name for effect in endpoint.effects]
    return [place for place, _ in placed_parts(endpoint.fan)]


def _endpoint(plan: EndpointPlan, offs: Offs) -> EndpointPlan:
    off = offs.get(Target("endpoint", plan.key))
    changed = replace(
        plan,
        admission=plan.admission if off is None else replace(plan.admission, off=off),
        fan=plan.fan if plan.fan is None else _fan(plan.fan, plan.key, offs),
        shadows=tuple(shadow for shadow in plan.shadows if Target("upstream", shadow.upstream) not in offs),
        effects=tuple(_effect(one, plan.key, offs) for one in plan.effects if not _is_off(one, plan.key, offs)),
    )
    if changed == plan:
        return plan
    return replace(changed, digest=blake2b(plan.digest + repr(sorted(offs.items())).encode(), digest_size=16).digest())


def _is_off(effect: EffectPlan, key: str, offs: Offs) -> bool:
    """Return whether *effect* is left out; one that is durable is kept, and waits until it is switched on again."""
    if effect.delivery is not None:
        return False
    off = [Target("upstream", call.upstream.name) in offs for call in calls_in_part(effect.part)]
    return _ordered(effect, key, offs) is not None or all(off)


def _ordered(effect: EffectPlan, key: str, offs: Offs) -> OffPlan | None:
    """Return how *effect* of the endpoint *key* is off, there alone or wherever one has its name; None if it is not."""
    return offs.get(Target("effect", key, effect.name)) or offs.get(Target("effect", "", effect.name))


def _effect(effect: EffectPlan, key: str, offs: Offs) -> EffectPlan:
    """Return *effect*, which may have several calls of which one is off, or is durable and off itself."""
    off = _ordered(effect, key, offs)
    part = with_calls(effect.part, partial(_call, off=off, offs=offs))
    return effect if part == effect.part else replace(effect, part=part)


def _fan(fan: FanPlan, key: str, offs: Offs) -> FanPlan:
    parts = tuple(with_placed_calls(part, partial(_placed_call, key=key, offs=offs)) for part in fan.parts)
    return fan if parts == fan.parts else replace(fan, parts=parts)


def _placed_call(places: tuple[str, ...], call: CallPlan, *, key: str, offs: Offs) -> CallPlan:
    """Return *call*, which is off as soon as one of the parts at *places*, all of which it is in, is off."""
    off = next((off for place in places if (off := offs.get(Target("part", key, place)))), None)
    return _call(call, off, offs)


def _call(call: CallPlan, off: OffPlan | None, offs: Offs) -> CallPlan:
    found = off or offs.get(Target("upstream", call.upstream.name))
    return call if found is None else replace(call, off=found)
