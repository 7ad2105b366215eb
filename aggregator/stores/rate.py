"""Rates, and the arithmetic of GCRA, by which buckets are kept.

The generic cell rate algorithm (ITU-T I.371) keeps one instant of a bucket: the time at which it is full again (*tat*,
the theoretical arrival time). Taking one unit moves it on by *interval*; it may lie no further ahead of now than
*burst* intervals. So a bucket is one number, and refilling it needs no work.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from msgspec import Struct


class Rate(Struct, frozen=True):
    """*count* units in each *period* (seconds), of which up to *burst* may come at once."""

    count: int
    period: float
    burst: int

    def __post_init__(self) -> None:
        if self.count < 1 or self.burst < 1 or not 0 < self.period < math.inf:
            raise ValueError("A rate has a count, a burst and a period above zero.")

    @property
    def interval(self) -> float:
        """The seconds in which one unit comes back."""
        return self.period / self.count

    @property
    def span(self) -> float:
        """The seconds after which an empty bucket is full again, so that nothing of it has to be known."""
        return self.interval * self.burst


class Taken(NamedTuple):
    """What became of a take. *wait* is 0.0 when it was granted, else the seconds until it can be (``inf``: never).

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
    ahead = later - now - span
    if ahead <= span * _ROUNDING:
        return later, Taken(0.0, _left(later - now, interval, span), later - now)
    wait = math.inf if cost > rate.burst else ahead
    return tat, Taken(wait, _left(held - now, interval, span), held - now)


_ROUNDING = 1e-9
"""What adding up intervals may be off by, as a share of the span: a burst is granted whole."""


def _left(used: float, interval: float, span: float) -> int:
    return max(0, math.floor((span - used) / interval + _ROUNDING * span / interval + _ROUNDING))
