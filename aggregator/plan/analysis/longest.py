"""How long what no deadline of a request cuts may take."""

from __future__ import annotations

from math import ceil
from typing import assert_never

from aggregator.plan.calls import CallsPlan, CorePlan, FanPlan, GroupPlan, PartPlan, RacePlan


def longest(part: PartPlan) -> float:
    """Return the seconds that *part* takes at the most."""
    whole = _longest(part.core)
    return whole if part.timeout is None else min(whole, part.timeout)


def _longest(core: CorePlan) -> float:
    """Return the seconds of *core*: alternatives follow each other, runners and parts of a group run side by side.

    Of a list that is as long as it may be, as many calls run at a time as it says.
    """
    match core:
        case CallsPlan(calls=calls, each=each):
            first, *others = (call.timeout for call in calls)
            rounds = 1 if each is None else ceil(each.max_items / each.concurrency)
            return first * rounds + sum(others)
        case RacePlan(runners=runners):
            return max(map(longest, runners))
        case GroupPlan(fan=fan):
            return _longest_chain(fan)
        case _:
            assert_never(core)


def _longest_chain(fan: FanPlan) -> float:
    """Return the seconds of *fan*, whose parts wait for those that they read."""
    known: dict[int, float] = {}

    def until(number: int) -> float:
        if number not in known:
            part = fan.parts[number]
            known[number] = max(map(until, part.waits), default=0.0) + longest(part)
        return known[number]

    return max(map(until, range(len(fan.parts))), default=0.0)
