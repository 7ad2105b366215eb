"""What is used of a quota in this process: a count for each key, which ends with the period.

Counts lie in two generations of dictionaries, as buckets do (``stores/limiter.py``): a count that is asked for moves
into the young one; when that has half of the keys that are allowed the old one is forgotten and the young one takes
its place. So memory is bounded, and a flood of new keys locks nobody out: those not asked for longest begin anew.

A clock that jumps into another period begins anew, forwards and back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from aggregator.stores.quota import Period, Quota
from aggregator.stores.rate import Taken

Clock = Callable[[], float]
"""Returns the seconds since 1970."""


class Used:
    """The use of one *quota* by key, for at most *most_keys* of them; *changed* is called when a count changes."""

    __slots__ = ("__weakref__", "_clock", "_half", "_old", "_young", "changed", "period", "quota")

    def __init__(self, quota: Quota, clock: Clock, most_keys: int = 100_000) -> None:
        self.quota = quota
        self.changed: Callable[[], None] | None = None
        self._clock = clock
        self._half = max(1, most_keys // 2)
        self._young: dict[bytes, int] = {}
        self._old: dict[bytes, int] = {}
        self.period = quota.period(clock())

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def take(self, key: bytes, cost: int = 1) -> Taken:
        """Take *cost* of what *key* has left, all of it or nothing."""
        now = self._now()
        used = self._of(key)
        granted = used + cost <= self.quota.count
        if granted or used:
            self._put(key, used + cost if granted else used)
        if not granted:
            return self._refused(now, used, cost)
        if self.changed is not None:
            self.changed()
        return Taken(0.0, self.quota.count - used - cost, self.period.end - now)

    def look(self, key: bytes, cost: int = 1) -> Taken:
        """Return what taking *cost* for *key* would come to; takes nothing."""
        now = self._now()
        used = self._of(key)
        if used + cost > self.quota.count:
            return self._refused(now, used, cost)
        return Taken(0.0, self.quota.count - used - cost, self.period.end - now)

    def present(self) -> Period:
        """Return the period that is counted now."""
        self._now()
        return self.period

    def counts(self) -> Iterator[tuple[bytes, int]]:
        """Yield each key with what it has used in the present period."""
        self._now()
        yield from self._old.items()
        yield from self._young.items()

    def note(self, key: bytes, used: int) -> None:
        """Record that *key* has *used* so much, as the store has counted it."""
        self._now()
        self._put(key, used)

    def forget(self, key: bytes) -> None:
        """Reset *key*."""
        self._young.pop(key, None)
        self._old.pop(key, None)
        if self.changed is not None:
            self.changed()

    def restore(self, counts: Mapping[bytes, int]) -> None:
        """Add what was counted before to the counts of the present period."""
        for key, count in counts.items():
            self._put(key, self._of(key) + count)

    def adopt(self, quota: Quota) -> None:
        """Continue with another *quota*: the use stays while the period is the same one."""
        self.quota = quota
        now = self._clock()
        if quota.period(now) != self.period:
            self._begin(now)

    def _of(self, key: bytes) -> int:
        used = self._young.get(key)
        return self._old.get(key, 0) if used is None else used

    def _put(self, key: bytes, used: int) -> None:
        if key not in self._young:
            if len(self._young) >= self._half:
                self._old, self._young = self._young, {}
            self._old.pop(key, None)
        self._young[key] = used

    def _refused(self, now: float, used: int, cost: int) -> Taken:
        end = self.period.end - now
        wait = float("inf") if cost > self.quota.count else end
        return Taken(wait, max(0, self.quota.count - used), end)

    def _now(self) -> float:
        now = self._clock()
        if not self.period.start <= now < self.period.end:
            self._begin(now)
        return now

    def _begin(self, now: float) -> None:
        self.period = self.quota.period(now)
        self._young, self._old = {}, {}
