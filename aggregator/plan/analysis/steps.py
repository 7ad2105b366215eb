"""How many calls must follow a call before its request is answered: what an upstream under load has to know of it."""

from __future__ import annotations

from msgspec.structs import replace

from aggregator.plan.calls import CallPlan, FanPlan, PartPlan


def with_steps(fan: FanPlan, after: int = 0) -> FanPlan:
    """Return *fan* whose calls know how many follow them, one after the other; *after* as many follow the whole."""
    if not after and not any(fan.dependents) and all(part.group is None for part in fan.parts):
        return fan
    following = [_following(fan, number) + after for number in range(len(fan.parts))]
    parts = tuple(_part(part, steps) for part, steps in zip(fan.parts, following, strict=True))
    return replace(fan, parts=parts)


def _following(fan: FanPlan, number: int) -> int:
    """Return the length, in calls, of the longest chain that waits for part *number* of *fan*."""
    return max((_length(fan.parts[other]) + _following(fan, other) for other in fan.dependents[number]), default=0)


def _length(part: PartPlan) -> int:
    """Return how many calls of *part* come one after the other, at most; alternatives are not expected."""
    if part.group is not None:
        return max((_length(each) + _following(part.group, n) for n, each in enumerate(part.group.parts)), default=0)
    return max(map(_length, part.race), default=0) if part.race else 1


def _part(part: PartPlan, steps: int) -> PartPlan:
    return replace(
        part,
        calls=tuple(_call(call, steps) for call in part.calls),
        race=tuple(_part(runner, steps) for runner in part.race),
        group=None if part.group is None else with_steps(part.group, steps),
    )


def _call(call: CallPlan, steps: int) -> CallPlan:
    return replace(call, steps=steps) if steps else call
