"""What is used of limits by name and key, in the memory of the process that keeps it for others.

A count is a share of its limit, so that it goes on when the limit changes: who has used half of the old one has used
half of the new one. Two processes that ask with the old and the new limit, as in the moment of a reload, do no harm.

Counts of one limit lie in two generations of dictionaries, as those of a process do (``stores/limiter.py``): their
number is bounded, and a flood of new keys locks nobody out.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from aggregator.stores.quota import Period, Quota
from aggregator.stores.rate import Rate, Taken, taken
from aggregator.stores.shared.asks import Ask, together
from aggregator.stores.shared.periods import Periods

_MOST_LIMITS = 10_000
"""Limits come from files; beyond this number those not asked for longest are forgotten."""


class QuotaCounts(NamedTuple):
    """The use of the quota *name* in *period*, by key."""

    name: bytes
    period: Period
    used: dict[bytes, int]


class Tallies:
    """Counts of limits. *clock* gives seconds for rates, *wall* the seconds since 1970 for quotas.

    *changed* is called when a count of a quota changes.
    """

    def __init__(
        self, clock: Callable[[], float], wall: Callable[[], float] = time.time, most_keys: int = 100_000
    ) -> None:
        self._clock = clock
        self._wall = wall
        self._half = max(1, most_keys // 2)
        self._limits: dict[bytes, _Counts] = {}
        self._periods = Periods()
        self.changed: Callable[[], None] | None = None

    def take_all(self, asks: Sequence[Ask]) -> tuple[Taken, ...]:
        """Take what *asks* ask for, all of it or nothing; return what each came to."""
        return together(asks, self._look, self._take)

    def forget(self, ask: Ask) -> None:
        """Reset the count of *ask*."""
        self._counts(ask.name).forget(ask.key)
        self._tell(ask)

    def give_back(self, ask: Ask) -> None:
        """Put back what *ask* has taken."""
        counts, limit = self._counts(ask.name), ask.limit
        known = counts.get(ask.key)
        if known is None:
            return
        since, used = known
        one = ask.cost * limit.interval / limit.span if isinstance(limit, Rate) else ask.cost
        counts.put(ask.key, since, max(0.0, used - one))
        self._tell(ask)

    def quotas(self) -> Iterator[QuotaCounts]:
        """Yield what is used of each quota in its present period."""
        now = self._wall()
        for name, counts in self._limits.items():
            period = counts.period
            if period is not None and period.start <= now < period.end:
                yield QuotaCounts(name, period, counts.used_since(period.start))

    def restore(self, name: bytes, period: Period, used: Mapping[bytes, int]) -> None:
        """Count on from what was *used* by key of the quota *name*; a *period* that is over counts no more."""
        counts = self._counts(name)
        counts.period = period
        for key, count in used.items():
            counts.put(key, period.start, count)

    def _tell(self, ask: Ask) -> None:
        if self.changed is not None and not isinstance(ask.limit, Rate):
            self.changed()

    def _take(self, ask: Ask) -> Taken:
        found = self._asked(ask, ask.cost, keeps=True)
        self._tell(ask)
        return found

    def _look(self, ask: Ask, cost: int) -> Taken:
        return self._asked(ask, cost, keeps=False)

    def _asked(self, ask: Ask, cost: int, *, keeps: bool) -> Taken:
        counts, limit = self._counts(ask.name), ask.limit
        if isinstance(limit, Rate):
            return _of_rate(counts, ask.key, limit, cost, self._clock(), keeps=keeps)
        now = self._wall()
        return _of_quota(counts, ask.key, limit, cost, now, self._periods.at(limit, now), keeps=keeps)

    def _counts(self, name: bytes) -> _Counts:
        counts = self._limits.get(name)
        if counts is None:
            if len(self._limits) >= _MOST_LIMITS:
                del self._limits[next(iter(self._limits))]
            counts = self._limits[name] = _Counts(self._half)
        return counts


class _Counts:
    """A pair of numbers by key: a time, and what was used then. Those of a quota are of one *period*."""

    __slots__ = ("_half", "_old", "_young", "period")

    def __init__(self, half: int) -> None:
        self.period: Period | None = None
        self._half = half
        self._young: dict[bytes, tuple[float, float]] = {}
        self._old: dict[bytes, tuple[float, float]] = {}

    def get(self, key: bytes) -> tuple[float, float] | None:
        return self._young.get(key) or self._old.get(key)

    def put(self, key: bytes, since: float, used: float) -> None:
        if key not in self._young:
            if len(self._young) >= self._half:
                self._old, self._young = self._young, {}
            self._old.pop(key, None)
        self._young[key] = (since, used)

    def forget(self, key: bytes) -> None:
        self._young.pop(key, None)
        self._old.pop(key, None)

    def used_since(self, start: float) -> dict[bytes, int]:
        every = self._old | self._young
        return {key: int(used) for key, (since, used) in every.items() if since == start and used}


def _of_rate(counts: _Counts, key: bytes, rate: Rate, cost: int, now: float, *, keeps: bool) -> Taken:
    """Return what *cost* comes to. A count is when it was taken, and the share of the burst that was used then."""
    span = rate.span
    since, share = counts.get(key) or (now, 0.0)
    full_at, result = taken(rate, now, min(since, now) + share * span, cost)
    if keeps:
        counts.put(key, now, max(0.0, full_at - now) / span)
    return result


def _of_quota(
    counts: _Counts, key: bytes, quota: Quota, cost: int, now: float, period: Period, *, keeps: bool
) -> Taken:
    """Return what *cost* comes to. A count is when its period began, and how much was used in it."""
    since, used = counts.get(key) or (period.start, 0)
    if since != period.start:
        used = 0
    left = period.end - now
    if used + cost > quota.count:
        return Taken(float("inf") if cost > quota.count else left, max(0, quota.count - int(used)), left)
    if keeps:
        counts.period = period
        counts.put(key, period.start, used + cost)
    return Taken(0.0, quota.count - int(used) - cost, left)
