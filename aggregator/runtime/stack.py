"""From plan to runnable: what wraps a call is built here, in the order that ``plan/order/call.py`` declares.

A step that is declared and not built, or built and not declared, does not import. A feature that is off is absent.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, assert_never

from msgspec.structs import replace

from aggregator.parts.frame import Part
from aggregator.plan.calls import CallPlan, CallsPlan, FanPlan, GroupPlan, PartPlan, RacePlan, UpstreamPlan
from aggregator.plan.order.call import AROUND_CALL, AROUND_DOOR, AROUND_PART, Attempt, attempts_of
from aggregator.plan.order.step import tied
from aggregator.plan.types import EffectPlan, EndpointPlan, ShadowPlan
from aggregator.policies.breaker.breaking import Broken
from aggregator.policies.cache.calls import Cached
from aggregator.policies.cache.flights import Coalesced, flights_of
from aggregator.policies.cache.last_good import LastGood
from aggregator.policies.cache.standard.invalidating import Invalidating
from aggregator.policies.cache.standard.obeying import Obeying
from aggregator.policies.call_budget.spending import Budgeted, is_spent
from aggregator.policies.concurrency.holding import Placed
from aggregator.policies.credentials.building import with_credentials
from aggregator.policies.hedge.hedging import Hedged
from aggregator.policies.mock.choosing import MockedWhen
from aggregator.policies.mock.door import MockDoor
from aggregator.policies.mock.script import Script
from aggregator.policies.rate_limit.pacing import Paced
from aggregator.policies.retry.retrying import Retried
from aggregator.policies.switches.switched import SwitchedOff
from aggregator.runtime.admission.building import build_gates, build_gates_behind
from aggregator.runtime.background.durable.building import build_storing
from aggregator.runtime.background.effects import Effect
from aggregator.runtime.background.shadows import Shadow
from aggregator.runtime.calls.delivering import Delivering
from aggregator.runtime.calls.keyed import Keyed
from aggregator.runtime.calls.resending import Conditional, Resender
from aggregator.runtime.calls.sending import Sender, compile_sender
from aggregator.runtime.calls.telling import CallTeller, Told
from aggregator.runtime.handler import EndpointHandler
from aggregator.runtime.hosts import with_hosts
from aggregator.runtime.keeping.keys import part_key
from aggregator.runtime.parts.alternatives import Fallback, Race
from aggregator.runtime.parts.choices import chosen_part, routed_part
from aggregator.runtime.parts.each import Each
from aggregator.runtime.parts.fanout import FanOut, fan_out
from aggregator.runtime.parts.groups import Group
from aggregator.runtime.parts.guarding import Guarded
from aggregator.runtime.parts.shape import compile_reshape
from aggregator.runtime.plugins.functions import Transformed
from aggregator.runtime.resources import Resources
from aggregator.runtime.streams.around import AroundStream
from aggregator.runtime.streams.repeating import Retrying
from aggregator.runtime.streams.streaming import StreamHandler
from aggregator.runtime.streams.ways import Way
from aggregator.templates import Expression, PathPattern
from aggregator.transport import Door


class Site(NamedTuple):
    """Where a call is built: the *key* of its endpoint, what is shared, and the placeholders that it may copy.

    *digest* is of all that the endpoint rests on. *optional* tells that the answer goes without what it is in.
    """

    key: str
    resources: Resources
    params: tuple[str, ...]
    digest: bytes = b""
    optional: bool = False


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
        sender = _sender(call, resources, params)
        inputs = resources.inputs(plan.inputs, plan.pattern.params)
        queue, report, discloses = resources.queue, resources.report, resources.discloses
        teller = _teller(call, plan.key, resources)
        return StreamHandler(
            plan, inputs, sender, effects, queue, report, discloses, gates, teller, resources.finish(plan),
            resources.clock, resources.trusted, resources.compressing(plan), behind,
            _way(call, resources, params), resources.asked_deadline, storing,
        )  # fmt: skip
    shadows = tuple(_shadow(shadow, plan.key, resources, params) for shadow in plan.shadows)
    fan = build_fan(plan.fan, plan.key, resources, params, plan.digest)
    routine = resources.routine(plan, fan.order, effects, gates, behind, shadows, storing)
    return EndpointHandler(plan, routine, fan.parts)


def _way(call: CallPlan, resources: Resources, params: tuple[str, ...], chosen: str = "") -> Way:
    """Return how the stream of *call* comes, or those of which each request gets one."""
    further: dict[str, Way] | None = None
    if call.choice is not None:
        further = {
            str(number): _way(one, resources, params, one.upstream.label)
            for number, one in enumerate(call.choice.calls)
        }
    elif call.routes:
        further = {key: _way(one, resources, params, chosen) for key, one in call.by_key().items()}
    return Way(_sender(call, resources, params), _around_stream(call, resources), further, chosen)


def _around_stream(call: CallPlan, resources: Resources) -> AroundStream:
    upstream = call.upstream
    return AroundStream(
        upstream.label,
        call.off,
        None if call.retry is None else Retrying(call.retry, resources.budget(upstream)),
        resources.breakers(upstream),
        resources.pace(upstream),
        resources.places(upstream),
        _mock_when(upstream, resources),
    )


def _mock_when(upstream: UpstreamPlan, resources: Resources) -> tuple[Expression, Door] | None:
    """Return the door of a mock that not all calls meet, and which do; None without one."""
    mock = upstream.mock
    if mock is None or mock.when is None:
        return None
    return mock.when, _mocked_door(upstream, resources)


def _placeholders(pattern: PathPattern) -> tuple[str, ...]:
    """Return the placeholders of URLs that path parameters can be copied into as they came."""
    return tuple(f"{name}:path" if name == pattern.wildcard else name for name in pattern.params)


def build_fan(
    plan: FanPlan | None,
    key: str,
    resources: Resources,
    params: tuple[str, ...],
    digest: bytes = b"",
    optional: bool = False,
) -> FanOut:
    """Return the runnable fan-out of *plan*; an empty one for None."""
    if plan is None:
        return fan_out((), (), ())
    parts = [build_part(part, key, resources, params, digest, optional) for part in plan.parts]
    return fan_out(parts, [part.waits for part in plan.parts], plan.dependents)


def build_part(
    plan: PartPlan,
    key: str,
    resources: Resources,
    params: tuple[str, ...],
    digest: bytes = b"",
    optional: bool = False,
) -> Part:
    """Return the runnable part of *plan*, in the endpoint *key*; what is in an *optional* one is optional, too."""
    at = Site(key, resources, params, digest, optional or plan.optional)
    part = _core(plan, at)
    for step, wrap in reversed(_AROUND_PART):
        part = wrap(part, plan, at) if step.has(plan) else part
    return part


def _core(plan: PartPlan, at: Site) -> Part:
    match plan.core:
        case CallsPlan():
            choices = tuple(build_attempt(attempt, at) for attempt in attempts_of(plan))
            return choices[0] if len(choices) == 1 else Fallback(plan.name, choices)
        case RacePlan(runners=runners):
            return Race(plan.name, tuple(build_part(runner, *at) for runner in runners))
        case GroupPlan(fan=fan):
            return Group(plan.name, build_fan(fan, *at))
        case _:
            assert_never(plan.core)


def build_attempt(attempt: Attempt, at: Site) -> Part:
    """Return one alternative of a part: its call, with what is around it."""
    part: Part | None = None
    for step, wrap in reversed(_AROUND_CALL):
        part = wrap(part, attempt, at) if step.has(attempt) else part
    assert part is not None
    return part


def _guarded(part: Part, plan: PartPlan, at: Site) -> Part:
    pressure = at.resources.pressure if plan.optional else None
    return Guarded(part, when=plan.when, optional=plan.optional, default=plan.default, timeout=plan.timeout,
                   shape=compile_reshape(plan.shape), rows=plan.rows, pressure=pressure)  # fmt: skip


def _last_good(part: Part, plan: PartPlan, at: Site) -> Part:
    kept = plan.last_good
    assert kept is not None
    return LastGood(part, at.resources.values(), partial(part_key, kept, at.digest), kept.seconds)


def _transformed(part: Part, plan: PartPlan | CallPlan, at: Site) -> Part:
    assert plan.transform is not None
    return Transformed(part, at.resources.plugins.function(plan.transform))


def _per_item(part: Part, attempt: Attempt, _: Site) -> Part:
    assert attempt.each is not None
    budget = attempt.call.budget
    return Each(part, attempt.each, attempt.rows, cuts=budget is not None and budget.cuts)


def _told(part: Part, attempt: Attempt, at: Site) -> Part:
    teller = _teller(attempt.call, at.key, at.resources, attempt.number + 1)
    return part if teller is None else Told(part, teller)


def _broken(part: Part, attempt: Attempt, at: Site) -> Part:
    plan = attempt.call
    breakers = at.resources.breakers(plan.upstream)
    return part if breakers is None else Broken(part, breakers, plan.upstream.label, plan.rows)


def _budgeted(part: Part, attempt: Attempt, _: Site) -> Part:
    plan = attempt.call
    assert plan.budget is not None
    return Budgeted(part, plan.budget, plan.upstream.label, plan.rows)


def _cached(part: Part, attempt: Attempt, at: Site) -> Part:
    plan = attempt.call
    assert plan.cache is not None
    kind = Obeying if plan.cache.obeys else Cached
    return kind(part, _keyed(plan, at), at.resources.kept(plan.upstream), plan.cache)


def _invalidating(part: Part, attempt: Attempt, at: Site) -> Part:
    plan, resources = attempt.call, at.resources
    return Invalidating(part, _keyed(plan, at), resources.kept(plan.upstream), resources.flights(plan.upstream))


def _coalesced(part: Part, attempt: Attempt, at: Site) -> Part:
    plan = attempt.call
    if plan.coalesce == "request" and plan.cache is None:
        return Coalesced(part, _keyed(plan, at), flights_of)
    flights = at.resources.flights(plan.upstream)
    return Coalesced(part, _keyed(plan, at), lambda _: flights)


def _keyed(plan: CallPlan, at: Site) -> Keyed:
    return Keyed(_sender(plan, at.resources, at.params))


def _placed(part: Part, attempt: Attempt, at: Site) -> Part:
    plan = attempt.call
    places = at.resources.places(plan.upstream)
    if places is None:
        return part
    return Placed(
        part, places, plan.upstream.label, plan.rows, plan.timeout, plan.steps, optional=attempt.optional or at.optional
    )


def _paced(part: Part, attempt: Attempt, at: Site) -> Part:
    plan = attempt.call
    pace = at.resources.pace(plan.upstream)
    return part if pace is None else Paced(part, pace, plan.upstream.label, plan.rows, plan.timeout)


def _retried(part: Part, attempt: Attempt, at: Site) -> Part:
    plan = attempt.call
    assert plan.retry is not None
    is_over = None if plan.budget is None else partial(is_spent, plan.budget)
    return Retried(part, plan.retry, at.resources.budget(plan.upstream), plan.timeout, is_over=is_over)


def _switched(part: Part, attempt: Attempt, at: Site) -> Part:
    plan = attempt.call
    assert plan.off is not None
    return SwitchedOff(part.name, plan.off, plan.upstream.label, plan.rows, at.resources.clock)


def _hedged(part: Part, attempt: Attempt, at: Site) -> Part:
    plan, resources = attempt.call, at.resources
    assert plan.hedge is not None
    latencies = resources.latencies(f"{at.key} {plan.name} {attempt.number + 1}")
    budget = resources.budget(plan.upstream)
    return Hedged(part, plan.hedge, budget, latencies, plan.timeout, counts=plan.retry is None)


def _sent(attempt: Attempt, at: Site) -> Part:
    mock = attempt.call.upstream.mock
    if attempt.is_fixed:
        return Delivering(_sender(attempt.call, at.resources, at.params))
    real = _leaf(attempt.call, build_door(attempt.call.upstream, at.resources), at)
    if mock is None or mock.when is None:
        return real
    mocked = _leaf(attempt.call, _mocked_door(attempt.call.upstream, at.resources), at)
    return MockedWhen(real, mocked, mock.when)


def _leaf(plan: CallPlan, door: Door, at: Site) -> Part:
    sender = compile_sender(plan, door, at.params, at.resources.judge(plan), at.resources.same, at.resources.tracing)
    if plan.retry is not None or plan.hedge is not None:
        return Resender(sender)
    return Conditional(sender) if plan.cache is not None and plan.cache.obeys else sender


def _teller(plan: CallPlan, key: str, resources: Resources, attempt: int = 1) -> CallTeller | None:
    """Return what tells of the ends of a call, None when nobody listens."""
    listeners, label = resources.listeners, plan.upstream.label
    if not listeners.calls and not listeners.counters:
        return None
    counters = tuple(counter(label) for counter in listeners.counters)
    return CallTeller(listeners.calls, key, plan.name, label, attempt, counters)


def _sender(plan: CallPlan, resources: Resources, params: tuple[str, ...]) -> Sender:
    door = build_door(plan.upstream, resources)
    return compile_sender(plan, door, params, resources.judge(plan), resources.same, resources.tracing)


def _mocked_door(plan: UpstreamPlan, resources: Resources) -> Door:
    """Return the way to an upstream past its mock, for calls that meet it; what is around that is around this."""
    assert plan.mock is not None
    script = Script(plan.mock)

    def way(one: UpstreamPlan) -> Door:
        return _around(MockDoor(resources.pool(one), script), replace(one, mock=None), resources)

    return with_hosts(plan, way, resources.states, watched=resources.watched)


def build_door(plan: UpstreamPlan, resources: Resources) -> Door:
    """Return the way to an upstream: its pools, with what is around each, the same for all that call it by its name."""
    if plan.hosts is None and not any(step.has(plan) for step, _ in _AROUND_DOOR):
        return resources.pool(plan)
    if plan.name not in resources.doors:
        resources.doors[plan.name] = with_hosts(
            plan,
            lambda one: _around(resources.pool(one), one, resources),
            resources.states,
            watched=resources.watched,
        )
    return resources.doors[plan.name]


def _around(door: Door, plan: UpstreamPlan, resources: Resources) -> Door:
    """Return *door*, the pool of one host, with what is around the way to it."""
    for step, wrap in reversed(_AROUND_DOOR):
        door = wrap(door, plan, resources) if step.has(plan) else door
    return door


def _effect(plan: EffectPlan, key: str, resources: Resources, params: tuple[str, ...]) -> Effect:
    part = build_attempt(Attempt(plan.call, optional=True), Site(key, resources, params))
    return Effect(plan.name, part, plan.when, plan.call.timeout, plan.on)


def _shadow(plan: ShadowPlan, key: str, resources: Resources, params: tuple[str, ...]) -> Shadow:
    call = plan.call
    part = build_attempt(Attempt(call, optional=True), Site(key, resources, params))
    return Shadow(Effect(call.name, part, None, call.timeout, "always"), plan.share)


_AROUND_PART = tied(AROUND_PART, {"guard": _guarded, "last_good": _last_good, "transform": _transformed})
_AROUND_DOOR = tied(AROUND_DOOR, {
    "auth": lambda door, plan, resources: with_credentials(
        door, plan.name, plan.credentials, resources.states, resources.client, resources.clock, resources.pace(plan)
    ),
    "mock": lambda door, plan, _: door if plan.mock.when is not None else MockDoor(door, Script(plan.mock)),
})  # fmt: skip
_AROUND_BUILDERS: dict[str, Callable[[Any, Attempt, Site], Part]] = {
    "choose": lambda _, attempt, at: chosen_part(attempt, lambda one: build_attempt(one, at)),
    "route": lambda _, attempt, at: routed_part(attempt, lambda one: build_attempt(one, at)),
    "for_each": _per_item,
    "transform": lambda part, attempt, at: _transformed(part, attempt.call, at),
    "cache": _cached,
    "invalidate": _invalidating,
    "coalesce": _coalesced,
    "switches": _switched,
    "retry": _retried,
    "hedge": _hedged,
    "told": _told,
    "call_budget": _budgeted,
    "breaker": _broken,
    "rate_limit": _paced,
    "concurrency": _placed,
    "send": lambda _, attempt, at: _sent(attempt, at),
}
_AROUND_CALL = tied(AROUND_CALL, _AROUND_BUILDERS)
