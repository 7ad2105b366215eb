"""Calls of which each request makes one: by the key of a route, or by weight."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from aggregator.parts.frame import Part
from aggregator.plan.order.call import Attempt
from aggregator.policies.routing.choosing import Chosen
from aggregator.policies.routing.routed import Routed

Build = Callable[[Attempt], Part]
"""Returns the runnable call of an attempt, with what is around it."""


def routed_part(attempt: Attempt, build: Build) -> Part:
    """Return the calls of *attempt* to the services of a route, of which one is made."""
    call, route = attempt.call, attempt.call.upstream.route
    assert route is not None
    targets = {
        key: build(replace(attempt, call=replace(one, off=None), each=None)) for key, one in call.by_key().items()
    }
    return Routed(call.name, route.by, targets, call.upstream.label, call.rows)


def chosen_part(attempt: Attempt, build: Build) -> Part:
    """Return the calls of *attempt* of which each request makes one by its weight."""
    choice = attempt.call.choice
    assert choice is not None
    calls = tuple((build(replace(attempt, call=call, each=None)), call.upstream.label) for call in choice.calls)
    return Chosen(attempt.call.name, choice.chance, calls)
