"""What sends a call to its upstream or to a mock of it, and what tells of its ends."""

from __future__ import annotations

from aggregator.parts.frame import Part
from aggregator.plan.calls import CallPlan
from aggregator.plan.order.call import Attempt
from aggregator.policies.mock.choosing import MockedWhen
from aggregator.runtime.calls.delivering import Delivering
from aggregator.runtime.calls.sending import Sender, compile_sender
from aggregator.runtime.calls.telling import CallTeller
from aggregator.runtime.calls.writing.aside import written_aside
from aggregator.runtime.resources import Resources
from aggregator.runtime.stack.doors import build_door, build_mocked_door
from aggregator.runtime.stack.site import Site
from aggregator.transport import Door


def build_leaf(attempt: Attempt, at: Site) -> Part:
    """Return what sends the call of *attempt* once, or answers it where its answer is fixed."""
    mock = attempt.call.upstream.mock
    if attempt.is_fixed:
        return Delivering(build_sender(attempt.call, at.resources, at.params))
    real = _leaf(attempt.call, build_door(attempt.call.upstream, at.resources), at)
    if mock is None or mock.when is None:
        return real
    mocked = _leaf(attempt.call, build_mocked_door(attempt.call.upstream, at.resources), at)
    return MockedWhen(real, mocked, mock.when)


def _leaf(plan: CallPlan, door: Door, at: Site) -> Part:
    resources = at.resources
    sender = compile_sender(plan, door, at.params, resources.judge(plan), resources.same, resources.tracing)
    return written_aside(sender, plan, at.params)


def build_sender(plan: CallPlan, resources: Resources, params: tuple[str, ...]) -> Sender:
    """Return what sends *plan* by the way to its upstream; it may copy the placeholders *params* as they came."""
    door = build_door(plan.upstream, resources)
    return compile_sender(plan, door, params, resources.judge(plan), resources.same, resources.tracing)


def build_teller(plan: CallPlan, key: str, resources: Resources, attempt: int = 1) -> CallTeller | None:
    """Return what tells of the ends of a call, None when nobody listens."""
    listeners, label = resources.listeners, plan.upstream.label
    if not listeners.calls and not listeners.tallies and not listeners.given_up:
        return None
    return CallTeller(listeners, key, plan.name, label, attempt)
