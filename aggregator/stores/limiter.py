"""A rate limiter in this process: a bucket for each key, with a bounded number of them and no sweep.

Buckets lie in two generations of dictionaries. A bucket that is used moves into the young one. When the young one has
half of the keys that are allowed, or when every bucket in the old one must be full again, the old one is forgotten as a
whole and the young one takes its place. So memory is bounded, and time is spent on keys that are used alone.

Forgetting a bucket fills it: more keys than the bound within one span let the longest unused ones begin anew. So a
flood of new keys never locks anybody out, and neither does a clock that jumps back.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable

from aggregator.stores.rate import Rate, Taken, taken


class Limiter:
    """Buckets of one *rate* by key, at most *most_keys* of them; *clock* gives seconds."""

    __slots__ = (
        "__weakref__", "_ahead", "_clock", "_half", "_interval", "_last", "_most", "_old", "_slack", "_span", "_until",
        "_young", "rate",
    )  # fmt: skip

    def __init__(self, rate: Rate, clock: Callable[[], float], most_keys: int = 100_000) -> None:
        self._clock = clock
        self._half = max(1, most_keys // 2)
        self._young: dict[Hashable, float] = {}
        self._old: dict[Hashable, float] = {}
        self._ahead = 0.0
        self._last = clock()
        self._follow(rate, self._last)

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def take(self, key: Hashable, cost: int = 1) -> Taken:
        """Take *cost* from the bucket of *key*, all of it or nothing."""
        now = self._clock() + self._ahead
        if not self._last <= now <= self._until:
            now = self._later(now)
        self._last = now
        tat = self._young.get(key)
        if tat is None:
            tat = self._begun(key, now)
        later = (max(now, tat)) + cost * self._interval
        used = later - now
        if used <= self._most:  # as in ``taken``, without a call
            self._young[key] = later
            return Taken(0.0, int((self._span - used) / self._interval + self._slack), used)
        self._young[key], result = taken(self.rate, now, tat, cost)
        return result

    def grant(self, key: Hashable) -> float:
        """Take one from the bucket of *key*; return the seconds until it is full again, -1.0 where there is none.

        The same as ``take`` where nearly all is granted: what is left is for who asks to work out.
        """
        now = self._clock() + self._ahead
        if not self._last <= now <= self._until:
            now = self._later(now)
        self._last = now
        tat = self._young.get(key)
        if tat is None:
            tat = self._begun(key, now)
        used = self._interval if tat <= now else tat - now + self._interval
        if used > self._most:
            self._young[key] = tat
            return -1.0
        self._young[key] = now + used
        return used

    def look(self, key: Hashable, cost: int = 1) -> Taken:
        """Return what taking *cost* from the bucket of *key* would come to; takes nothing."""
        now = self._now()
        tat = self._young.get(key)
        if tat is None:
            tat = self._old.get(key, now)
        return taken(self.rate, now, tat, cost)[1]

    def knows(self, key: Hashable) -> bool:
        """Return whether something was taken from the bucket of *key* within the time in which it fills."""
        return key in self._young or key in self._old

    def wait(self, key: Hashable) -> float:
        """Return the seconds until one can be taken from the bucket of *key*, 0.0 when it can now; takes nothing."""
        if not self.knows(key):
            return 0.0
        return self.look(key).wait

    def reserve(self, key: Hashable, most_wait: float) -> float | None:
        """Take one from the bucket of *key*, now or up to *most_wait* seconds later; return how long that is.

        None when it would be later; nothing is taken then.
        """
        wait = self.take(key).wait
        if wait == 0.0 or wait > most_wait:
            return None if wait else 0.0
        self._young[key] += self.rate.interval  # the bucket owes it: whoever comes next waits behind
        return wait

    def give_back(self, key: Hashable) -> None:
        """Put back one that was taken from the bucket of *key*; a bucket is never more than full."""
        for buckets in (self._young, self._old):
            if key in buckets:
                buckets[key] -= self.rate.interval
                return

    def _now(self) -> float:
        """Return the time of the buckets, which goes on from where it was when the clock jumps back."""
        now = self._clock() + self._ahead
        if now < self._last:
            self._ahead += self._last - now
            return self._last
        self._last = now
        return now

    def _later(self, now: float) -> float:
        """Return the time of the buckets where the clock says *now*, which is before the last time or much later."""
        if now < self._last:
            now = self._now()
        if now > self._until:
            self._turn(now)
        return now

    def _begun(self, key: Hashable, now: float) -> float:
        """Return the *tat* of a *key* that is not among the young ones, and make room for it there."""
        if len(self._young) >= self._half:
            self._turn(now)
        return self._old.pop(key, now)

    def _turn(self, now: float) -> None:
        self._old, self._young = self._young, {}
        self._until = now + self._span

    def adopt(self, rate: Rate) -> None:
        """Continue with another *rate*: each bucket keeps the share of the burst that is used up."""
        now, share = self._now(), rate.span / self.rate.span
        for buckets in (self._young, self._old):
            for key, tat in buckets.items():
                buckets[key] = now + max(0.0, tat - now) * share
        self._follow(rate, self._until - self.rate.span)

    def _follow(self, rate: Rate, turned: float) -> None:
        """Count by *rate*; the young generation has been so since *turned*."""
        self.rate = rate
        self._interval, self._span, self._slack, self._most = rate.interval, rate.span, rate.slack, rate.most
        self._until = turned + rate.span
