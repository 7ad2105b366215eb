"""Rates, and the arithmetic of GCRA, by which buckets are kept.

The generic cell rate algorithm (ITU-T I.371) keeps one instant of a bucket: the time at which it is full again (*tat*,
the theoretical arrival time). Taking one unit moves it on by *interval*; it may lie no further ahead of now than
*burst* intervals. So a bucket is one number, and refilling it needs no work.
"""

from __future__ import annotations

import math
from functools import cached_property

from msgspec import Struct


class Rate(Struct, frozen=True, dict=True):
    """*count* units in each *period* (seconds), of which up to *burst* may come at once."""

    count: int
    period: float
    burst: int

    def __post_init__(self) -> None:
        if self.count < 1 or self.burst < 1 or not 0 < self.period < math.inf:
            raise ValueError("A rate has a count, a burst and a period above zero.")

    @cached_property
    def interval(self) -> float:
        """The seconds in which one unit comes back."""
        return self.period / self.count

    @cached_property
    def span(self) -> float:
        """The seconds after which an empty bucket is full again, so that nothing of it has to be known."""
        return self.interval * self.burst

    @cached_property
    def most(self) -> float:
        """The seconds ahead of now at which a bucket may be full again: its span, and what that may be off by."""
        return self.span + self.span * _ROUNDING

    @cached_property
    def slack(self) -> float:
        """The units that adding up intervals may be off by in an empty bucket."""
        return _ROUNDING * (self.burst + 1)


class Taken(Struct, frozen=True, gc=False):
    """The outcome of a take. *wait* is 0.0 when it was granted, else the seconds until it can be (``inf``: never).

    *remaining* is how much could be taken now, *reset* the seconds until the bucket is full again.
    """

    wait: float
    remaining: int
    reset: float

    @property
    def granted(self) -> bool:
        """Whether it was taken."""
        return self.wait == 0.0


def taken(rate: Rate, now: float, tat: float, cost: int) -> tuple[float, Taken]:
    """Return what taking *cost* at *now* comes to, and the bucket's *tat* after it; a refusal changes nothing."""
    interval, span = rate.interval, rate.span
    held = max(tat, now)
    later = held + cost * interval
    used = later - now
    if used <= rate.most:
        return later, Taken(0.0, int((span - used) / interval + rate.slack), used)
    wait = math.inf if cost > rate.burst else used - span
    return tat, Taken(wait, max(0, int((span - held + now) / interval + rate.slack)), held - now)


_ROUNDING = 1e-9
"""What adding up intervals may be off by, as a share of the span: a burst is granted whole."""
