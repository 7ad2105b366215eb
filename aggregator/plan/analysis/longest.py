"""How long what no deadline of a request cuts may take."""

from __future__ import annotations

from math import ceil

from aggregator.plan.calls import PartPlan


def longest(part: PartPlan) -> float:
    """Return the seconds that *part*, of calls alone, takes at the most: its alternatives, one after another.

    Of a list that is as long as it may be, as many calls run at a time as it says.
    """
    first, *others = (call.timeout for call in part.calls)
    rounds = 1 if part.each is None else ceil(part.each.max_items / part.each.concurrency)
    return first * rounds + sum(others)
