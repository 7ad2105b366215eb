"""Numbers that are counted in the event loop: a histogram of fixed bounds."""

from __future__ import annotations

from bisect import bisect_left


class Histogram:
    """How many values fell between *bounds*, and their sum.

    ``counts`` has one number more than there are bounds: that of the values above all of them.
    """

    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def add(self, value: float) -> None:
        """Count *value*; one that is equal to a bound belongs to it."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value
