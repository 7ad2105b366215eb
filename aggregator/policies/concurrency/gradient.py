"""A limit that is found: it grows while calls are as fast as they can be, and shrinks when they become slower.

How fast they can be is the shortest time of the last minute or two. When many calls wait inside an upstream, each takes
longer than that; the limit is then multiplied by how much longer (the gradient, Netflix' concurrency-limits, Envoy's
adaptive concurrency), with some room to find out whether more would go.
"""

from __future__ import annotations

from math import inf, sqrt
from typing import Final

_BEGIN: Final = 20.0
_LEAST: Final = 2.0
_TOLERANCE: Final = 1.5
"""A call may take so much longer than the shortest before that is taken for waiting."""
_SAMPLES: Final = 20
_SMOOTHING: Final = 0.3
_BACK_OFF: Final = 0.9
_ROUND: Final = 60.0
"""Seconds after which the shortest time is measured anew; that of the round before counts too."""


class Gradient:
    """The limit of one upstream, between 2 and *most*."""

    __slots__ = ("_before", "_count", "_ends", "_now", "_sum", "limit", "most")

    def __init__(self, most: int) -> None:
        self.most = most
        self.limit = min(_BEGIN, float(most))
        self._now = self._before = inf
        self._ends = -inf
        self._sum = 0.0
        self._count = 0

    @property
    def shortest(self) -> float:
        """The shortest duration of recent calls, in seconds."""
        return min(self._now, self._before)

    def ended(self, seconds: float, now: float, inside: int) -> None:
        """Record a call that took *seconds* while *inside* calls were under way."""
        if not now < self._ends <= now + _ROUND:
            self._before, self._now, self._ends = self._now, inf, now + _ROUND
        self._now = min(self._now, seconds)
        self._sum += seconds
        self._count += 1
        if self._count >= min(_SAMPLES, max(2, int(self.limit))):
            self._settle(self._sum / self._count, inside)
            self._sum, self._count = 0.0, 0

    def overloaded(self) -> None:
        """Record a call that timed out, or was refused by the upstream as too much."""
        self.limit = max(min(_LEAST, self.most), self.limit * _BACK_OFF)

    def _settle(self, mean: float, inside: int) -> None:
        gradient = max(0.5, min(1.0, _TOLERANCE * self.shortest / mean)) if mean > 0 else 1.0
        if gradient == 1.0 and inside < self.limit / 2:
            return  # that few calls are no slower tells nothing of more
        wanted = self.limit * gradient + sqrt(self.limit)
        limit = self.limit + _SMOOTHING * (wanted - self.limit)
        self.limit = max(min(_LEAST, self.most), min(float(self.most), limit))
