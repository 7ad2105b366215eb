"""The ways to upstreams: their pools, with what is around each, in the order that ``plan/order/call.py`` declares."""

from __future__ import annotations

from msgspec.structs import replace

from aggregator.plan.order.call import AROUND_DOOR
from aggregator.plan.order.step import tied
from aggregator.plan.upstreams import UpstreamPlan
from aggregator.policies.credentials.building import with_credentials
from aggregator.policies.mock.door import MockDoor
from aggregator.policies.mock.script import Script
from aggregator.runtime.hosts import with_hosts
from aggregator.runtime.resources import Resources
from aggregator.transport import Door


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


def build_mocked_door(plan: UpstreamPlan, resources: Resources) -> Door:
    """Return the way to an upstream past its mock, for calls that meet it; what is around that is around this."""
    assert plan.mock is not None
    script = Script(plan.mock)

    def way(one: UpstreamPlan) -> Door:
        return _around(MockDoor(resources.pool(one), script), replace(one, mock=None), resources)

    return with_hosts(plan, way, resources.states, watched=resources.watched)


def _around(door: Door, plan: UpstreamPlan, resources: Resources) -> Door:
    """Return *door*, the pool of one host, within the doors that are declared around it."""
    for step, wrap in reversed(_AROUND_DOOR):
        door = wrap(door, plan, resources) if step.has(plan) else door
    return door


_AROUND_DOOR = tied(AROUND_DOOR, {
    "auth": lambda door, plan, resources: with_credentials(
        door, plan.name, plan.credentials, resources.states, resources.client, resources.clock, resources.pace(plan)
    ),
    "mock": lambda door, plan, _: door if plan.mock.when is not None else MockDoor(door, Script(plan.mock)),
})  # fmt: skip
