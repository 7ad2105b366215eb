"""How many calls must follow a call before its request is answered: what an upstream under load has to know of it."""

from __future__ import annotations

from functools import partial
from typing import assert_never

from msgspec.structs import replace

from aggregator.plan.analysis.walking import with_calls
from aggregator.plan.calls import CallPlan, CallsPlan, FanPlan, GroupPlan, PartPlan, RacePlan


def with_steps(fan: FanPlan, after: int = 0) -> FanPlan:
    """Return *fan* whose calls know how many follow them, one after the other; *after* as many follow the whole."""
    if not after and not any(fan.dependents) and not any(isinstance(part.core, GroupPlan) for part in fan.parts):
        return fan
    following = [_following(fan, number) + after for number in range(len(fan.parts))]
    parts = tuple(
        with_calls(part, partial(_call, steps=steps), partial(with_steps, after=steps))
        for part, steps in zip(fan.parts, following, strict=True)
    )
    return replace(fan, parts=parts)


def _following(fan: FanPlan, number: int) -> int:
    """Return the length, in calls, of the longest chain that waits for part *number* of *fan*."""
    return max((_length(fan.parts[other]) + _following(fan, other) for other in fan.dependents[number]), default=0)


def _length(part: PartPlan) -> int:
    """Return how many calls of *part* come one after the other, at most; alternatives are not expected."""
    match part.core:
        case CallsPlan():
            return 1
        case RacePlan(runners=runners):
            return max(map(_length, runners))
        case GroupPlan(fan=fan):
            return max((_length(each) + _following(fan, number) for number, each in enumerate(fan.parts)), default=0)
        case _:
            assert_never(part.core)


def _call(call: CallPlan, steps: int) -> CallPlan:
    return replace(call, steps=steps) if steps else call
