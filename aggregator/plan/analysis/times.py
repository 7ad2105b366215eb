"""How long calls, and chains of calls that wait for each other, may take with all their attempts."""

from __future__ import annotations

from math import ceil
from typing import assert_never

from aggregator.plan.calls import CallPlan, CallsPlan, CorePlan, FanPlan, GroupPlan, PartPlan, RacePlan

Chain = tuple[tuple[str, ...], float]
"""The names of parts that wait for each other, and the seconds that they may take together."""


def seconds_of(call: CallPlan) -> float:
    """Return the seconds that *call* takes at most: those of all its attempts and pauses, within its timeout."""
    retry = call.retry
    if retry is None or retry.per_try is None:
        return call.timeout
    return min(call.timeout, retry.attempts * retry.per_try + retry.pauses)


def longest_chain(fan: FanPlan) -> Chain:
    """Return the chain of parts of *fan* that may take longest."""
    known: dict[int, Chain] = {}

    def until(number: int) -> Chain:
        if number not in known:
            part = fan.parts[number]
            names, seconds = max(map(until, part.waits), key=_time, default=((), 0.0))
            known[number] = ((*names, part.name), seconds + _seconds_of_part(part))
        return known[number]

    return max(map(until, range(len(fan.parts))), key=_time, default=((), 0.0))


def _time(chain: Chain) -> float:
    return chain[1]


def _seconds_of_part(part: PartPlan) -> float:
    """Return the seconds of *part*: alternatives follow each other, runners and parts of a group do not.

    Of a list that is as long as it may be, as many calls run at a time as it says.
    """
    whole = _seconds_of_core(part.core)
    return whole if part.timeout is None else min(whole, part.timeout)


def _seconds_of_core(core: CorePlan) -> float:
    match core:
        case CallsPlan(calls=calls, each=each):
            first, *others = map(seconds_of, calls)
            rounds = 1 if each is None else ceil(each.max_items / each.concurrency)
            return first * rounds + sum(others)
        case RacePlan(runners=runners):
            return max(map(_seconds_of_part, runners))
        case GroupPlan(fan=fan):
            return longest_chain(fan)[1]
        case _:
            assert_never(core)
