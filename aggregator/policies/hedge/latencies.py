"""The latencies of the last answers to a call, in bounded memory, and their percentiles."""

from __future__ import annotations

from typing import Final

from aggregator.policies.registry import Kind

ENOUGH: Final = 20
"""Answers without which nothing is said."""
KEPT: Final = 200
_ANEW: Final = 10


class Latencies:
    """The times of the last 200 answers to the call that is called *name*."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._times: list[float] = []
        self._next = 0
        self._sorted: list[float] = []
        self._stale = 0

    @property
    def count(self) -> int:
        """The number of latencies kept."""
        return len(self._times)

    def add(self, seconds: float) -> None:
        """Record an answer that took *seconds*."""
        if len(self._times) < KEPT:
            self._times.append(seconds)
        else:
            self._times[self._next] = seconds
            self._next = (self._next + 1) % KEPT
        self._stale += 1

    def quantile(self, share: float) -> float | None:
        """Return the time within which that *share* of the answers came; None before there were 20 of them."""
        if len(self._times) < ENOUGH:
            return None
        if not self._sorted or self._stale >= _ANEW:
            self._sorted, self._stale = sorted(self._times), 0
        return self._sorted[min(len(self._sorted) - 1, int(share * len(self._sorted)))]


LATENCIES: Final[Kind[str, Latencies]] = Kind("latencies", Latencies)
