"""The last hour of each endpoint, minute by minute: kept from the start on, whoever looks."""

from __future__ import annotations

import asyncio
import time
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from struct import Struct as Layout
from typing import Any

from msgspec import Struct

from aggregator.exchange import Exchange
from aggregator.parts.events import Listeners, RequestEnded
from aggregator.parts.result import Result
from aggregator.plan.types import Plan
from aggregator.server.live.tally import ENDS, STEP

MINUTES, MOST_ENDPOINTS = 60, 1000
"""Minutes that are kept of an endpoint, this one among them, and endpoints of which some are.

An old minute takes 16 bytes and 5 for each bucket of durations that was met: at most 321, and rarely more than 80.
"""
_SLICE = 50
"""Endpoints of which is told before others have their turn."""
_COUNTS, _BUCKET = Layout("<IIII"), Layout("<BI")


class Minute(Struct):
    """The counts of the requests of one minute; *number* counts minutes since 1970.

    *buckets* are those of ``tally.bucket``: how many requests took so long.
    """

    number: int
    requests: int = 0
    failed: int = 0
    partial: int = 0
    buckets: dict[int, int] = {}

    @classmethod
    def unpacked(cls, packed: bytes) -> Minute:
        """Return the minute that was *packed*."""
        number, requests, failed, partial = _COUNTS.unpack_from(packed)
        return cls(number, requests, failed, partial, dict(_BUCKET.iter_unpack(packed[_COUNTS.size :])))

    def packed(self) -> bytes:
        """Return the minute as few bytes."""
        counts = _COUNTS.pack(self.number, self.requests, self.failed, self.partial)
        return counts + b"".join(_BUCKET.pack(*one) for one in self.buckets.items())

    def add(self, other: Minute) -> None:
        """Add the counts of *other*."""
        self.requests += other.requests
        self.failed += other.failed
        self.partial += other.partial
        for index, count in other.buckets.items():
            self.buckets[index] = self.buckets.get(index, 0) + count

    def row(self) -> list[int]:
        """Return when it began (Unix time), and its ``requests``, ``failed`` and ``partial``."""
        return [self.number * 60, self.requests, self.failed, self.partial]

    def shown(self) -> dict[str, Any]:
        """Return all of it, with percentiles in milliseconds."""
        times = {f"p{share}": percentile(self.buckets, share) for share in (50, 95, 99)}
        counts = dict(zip(("at", "requests", "failed", "partial"), self.row(), strict=True))
        return {**counts, **times, "buckets": {str(index): self.buckets[index] for index in sorted(self.buckets)}}

    @classmethod
    def read(cls, shown: Mapping[str, Any]) -> Minute:
        """Return the minute that was *shown*."""
        buckets = {int(index): count for index, count in shown["buckets"].items()}
        return cls(shown["at"] // 60, shown["requests"], shown["failed"], shown["partial"], buckets)


class _Ring:
    """The minutes of one endpoint in which there were requests: the newest as it grows, those before packed."""

    __slots__ = ("_packed", "newest")

    def __init__(self) -> None:
        self._packed: deque[bytes] = deque(maxlen=MINUTES - 1)
        self.newest = Minute(0)

    def turn(self, number: int) -> Minute:
        """Return the minute with this *number*, which is later than the newest, to count in it."""
        if self.newest.requests:
            self._packed.append(self.newest.packed())
        self.newest = Minute(number)
        return self.newest

    def since(self, number: int) -> Iterator[Minute]:
        """Yield the minutes from *number* on, the oldest first."""
        for packed in self._packed:
            if _COUNTS.unpack_from(packed)[0] >= number:
                yield Minute.unpacked(packed)
        if self.newest.requests and self.newest.number >= number:
            yield self.newest


class History:
    """The last hour of the endpoints that are served, by the Unix time of *clock*: a listener.

    What met no endpoint is under ``""``.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._rings: dict[str, _Ring] = {}
        self.began = int(clock())
        """Since when it is kept (Unix time)."""
        self.left_out = 0
        """Endpoints beyond ``MOST_ENDPOINTS``, of which nothing is kept."""

    @property
    def listeners(self) -> Listeners:
        """The listeners to be told of every request."""
        return Listeners(answers=(self,))

    def follow(self, plan: Plan) -> None:
        """Keep the history of the endpoints that *plan* declares, and drop that of all others."""
        keys = [endpoint.key for endpoint in plan.declared]
        self.left_out = max(0, len(keys) - MOST_ENDPOINTS)
        self._rings = {key: self._rings.get(key) or _Ring() for key in ("", *keys[:MOST_ENDPOINTS])}

    def __call__(self, event: RequestEnded) -> None:
        """Count the request of *event*."""
        minute = self._count(event.endpoint, event.ended - event.started)
        if minute is not None:
            minute.failed += event.status >= 500 or event.how == "broke"
            minute.partial += event.is_partial

    def answered(
        self, endpoint: str, _exchange: Exchange, _status: int, _parts: tuple[Result, ...], seconds: float, _size: int,
        _smooth: bool,
    ) -> bool:  # fmt: skip
        """Count a good answer."""
        self._count(endpoint, seconds)
        return False

    def _count(self, endpoint: str, seconds: float) -> Minute | None:
        """Return the minute in which a request was counted, the newest where the clock went back: all pay for it.

        None stands for an *endpoint* of which nothing is kept.
        """
        ring = self._rings.get(endpoint)
        if ring is None:
            return None
        minute, number = ring.newest, self._clock() // 60
        if number > minute.number:
            minute = ring.turn(int(number))
        minute.requests += 1
        buckets, index = minute.buckets, bisect_left(ENDS, seconds * 1000)
        buckets[index] = buckets.get(index, 0) + 1
        return minute

    def of(self, endpoint: str) -> dict[str, Any] | None:
        """Return the minutes of an *endpoint* with their durations; None where none are kept."""
        ring = self._rings.get(endpoint)
        if ring is None:
            return None
        return {"now": self._now(), "began": self.began, "minutes": [one.shown() for one in ring.since(self._first())]}

    async def all(self, since: float) -> dict[str, Any]:
        """Return the counts of all endpoints in the minutes that ended after *since* (Unix time)."""
        first, found = max(self._first(), int(since // 60)), {}
        for number, (key, ring) in enumerate(list(self._rings.items())):
            if rows := [one.row() for one in ring.since(first)]:
                found[key] = rows
            if number % _SLICE == _SLICE - 1:
                await asyncio.sleep(0)
        return {"now": self._now(), "began": self.began, "left_out": self.left_out, "endpoints": found}

    def _now(self) -> int:
        return int(self._clock())

    def _first(self) -> int:
        return self._now() // 60 - MINUTES + 1


def history_for(plan: Plan, before: History | None) -> History | None:
    """Return what keeps the last hour of *plan*, which is what did so *before*; None without ``server.admin``."""
    return None if plan.server.admin is None else before or History()


def percentile(buckets: Mapping[int, int], share: int) -> float:
    """Return in how many milliseconds *share* percent of the requests in *buckets* were answered, rounded up to one."""
    seen, whole = 0, sum(buckets.values())
    for index in sorted(buckets):
        seen += buckets[index]
        if 100 * seen >= share * whole:
            return round(STEP**index, 1)
    return 0.0


def histories_together(told: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what several processes have *told*, of one endpoint or of all, as one."""
    said = list(told)
    times = {"now": max(one["now"] for one in said), "began": min(one["began"] for one in said)}
    if "minutes" in said[0]:
        sums: dict[int, Minute] = {}
        for minute in (Minute.read(shown) for one in said for shown in one["minutes"]):
            sums.setdefault(minute.number, Minute(minute.number)).add(minute)
        return {**times, "minutes": [sums[number].shown() for number in sorted(sums)]}
    endpoints: dict[str, dict[int, list[int]]] = {}
    for key, (at, *counts) in ((key, row) for one in said for key, rows in one["endpoints"].items() for row in rows):
        before = endpoints.setdefault(key, {}).get(at, [0, 0, 0])
        endpoints[key][at] = [one + other for one, other in zip(before, counts, strict=True)]
    rows = {key: [[at, *found[at]] for at in sorted(found)] for key, found in endpoints.items()}
    return {**times, "left_out": said[0]["left_out"], "endpoints": rows}
