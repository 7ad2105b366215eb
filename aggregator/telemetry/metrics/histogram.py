"""Numbers that are counted in the event loop: a histogram of fixed bounds."""

from __future__ import annotations

from bisect import bisect_left
from typing import NamedTuple


class Exemplar(NamedTuple):
    """A *value* that fell into a bucket, the *trace* that it belongs to, and the moment (Unix time)."""

    trace: str
    value: float
    moment: float


class Histogram:
    """How many values fell between *bounds*, and their sum.

    ``counts`` has one number more than there are bounds: that of the values above all of them. ``exemplars`` has the
    last trace of each bucket that has one, None before the first.
    """

    __slots__ = ("bounds", "counts", "exemplars", "sum")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0
        self.exemplars: dict[int, Exemplar] | None = None

    def add(self, value: float) -> None:
        """Count *value*; one that is equal to a bound belongs to it."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value

    def keep(self, bucket: int, exemplar: Exemplar) -> None:
        """Remember *exemplar* as the last one of *bucket*."""
        if self.exemplars is None:
            self.exemplars = {}
        self.exemplars[bucket] = exemplar
