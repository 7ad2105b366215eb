"""Numbers that are counted in the event loop: a histogram of fixed bounds.

What happens at every request is only put down, and counted when there are some: that takes a third of the time.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import Final, NamedTuple

MOST_WAITING: Final = 64
"""Values that may wait to be counted."""


class Exemplar(NamedTuple):
    """A *value* that fell into a bucket, the *trace* that it belongs to, and the moment (Unix time)."""

    trace: str
    value: float
    moment: float


class Histogram:
    """The number of values between each two of *bounds*, and their sum.

    ``counts`` has one number more than there are bounds: that of the values above all of them. ``exemplars`` has the
    last trace of each bucket that has one, None before the first. ``waiting`` are values that are counted by ``fold``:
    whoever appends one calls it when there are ``MOST_WAITING``, and reading ``counts`` or ``sum`` does.
    """

    __slots__ = ("_counts", "_folded", "_sum", "bounds", "exemplars", "waiting")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.waiting: list[float] = []
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0
        self._folded = 0
        self.exemplars: dict[int, Exemplar] | None = None

    def add(self, value: float) -> None:
        """Count *value*; one that is equal to a bound belongs to it."""
        self._counts[bisect_left(self.bounds, value)] += 1
        self._sum += value

    def put_down(self, value: float) -> None:
        """Queue *value* to be counted later."""
        self.waiting.append(value)
        if len(self.waiting) >= MOST_WAITING:
            self.fold()

    def fold(self) -> None:
        """Count the values that wait."""
        values = self.waiting
        values.sort()
        before, counts = 0, self._counts
        for number, bound in enumerate(self.bounds):
            place = bisect_right(values, bound)
            counts[number] += place - before
            before = place
        counts[-1] += len(values) - before
        self._sum += sum(values)
        self._folded += len(values)
        values.clear()

    @property
    def counts(self) -> list[int]:
        """The number of values in each bucket."""
        if self.waiting:
            self.fold()
        return self._counts

    @property
    def sum(self) -> float:
        """The sum of all values."""
        if self.waiting:
            self.fold()
        return self._sum

    @property
    def gathered(self) -> int:
        """The number of values queued so far."""
        return self._folded + len(self.waiting)

    def copied(self) -> Histogram:
        """Return another one with the same numbers and no exemplars."""
        copy = Histogram(self.bounds)
        copy._counts, copy._sum = self.counts[:], self.sum
        return copy

    def keep(self, exemplar: Exemplar) -> None:
        """Remember *exemplar* as the last one of its bucket."""
        if self.exemplars is None:
            self.exemplars = {}
        self.exemplars[bisect_left(self.bounds, exemplar.value)] = exemplar
