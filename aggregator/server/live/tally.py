"""Requests counted by endpoint and by upstream, and the parts of one endpoint, for one second at a time."""

from __future__ import annotations

from bisect import bisect_left
from typing import Any

from aggregator.causes import State
from aggregator.exchange import Exchange
from aggregator.parts.events import RequestEnded
from aggregator.parts.result import Result

STEP = 1.25
"""Each bucket of durations ends so many times later than the one before; bucket 0 ends at 1 ms."""
ENDS = tuple(STEP**number for number in range(60))
"""Milliseconds at which the buckets end, by their numbers; the last one, with the number 60, has no end."""
_NOT_CALLED = frozenset({State.SKIPPED, State.CANCELLED})
_GOOD = frozenset({State.OK, State.STALE})


class Tally:
    """A listener that counts requests by endpoint since it was last taken; ``""`` counts those that met no endpoint."""

    def __init__(self) -> None:
        self._endpoints: dict[str, list[Any]] = {}
        self._upstreams: dict[str, list[float]] = {}

    def __call__(self, event: RequestEnded) -> None:
        """Count the request of *event*, and its calls."""
        counted = self._count(event.endpoint, event.ended - event.started)
        counted[1] += event.status >= 500 or event.how == "broke"
        counted[2] += event.is_partial
        for result in event.parts:
            self._called(result)

    def answered(
        self, endpoint: str, _exchange: Exchange, _status: int, parts: tuple[Result, ...], seconds: float, _size: int,
        smooth: bool,
    ) -> bool:  # fmt: skip
        """Count a good answer, and its calls."""
        self._count(endpoint, seconds)
        for result in parts:
            calls = self._upstreams.get(result.upstream) if smooth else None
            if calls is None:  # the first one, or one with others inside
                self._called(result)
            else:
                calls[0] += 1
                calls[2] += result.ended - result.started
        return False

    def _count(self, endpoint: str, seconds: float) -> list[Any]:
        """Return the counts of *endpoint*, one request more among them."""
        counted = self._endpoints.get(endpoint)
        if counted is None:
            counted = self._endpoints[endpoint] = [0, 0, 0, {}]
        counted[0] += 1
        buckets, index = counted[3], bisect_left(ENDS, seconds * 1000)
        buckets[index] = buckets.get(index, 0) + 1
        return counted

    def _called(self, result: Result) -> None:
        for reply in result.replies():
            if reply.upstream:
                calls = self._upstreams.setdefault(reply.upstream, [0, 0, 0.0])
                calls[0] += 1
                calls[1] += not reply.is_there
                calls[2] += max(0.0, reply.ended - reply.started)

    def take(self) -> dict[str, Any]:
        """Return what was counted, and start from zero: by endpoint ``[requests, 5xx, partial, {bucket: requests}]``.

        By upstream it is ``[calls, failed, milliseconds]``.
        """
        endpoints, self._endpoints = self._endpoints, {}
        upstreams, self._upstreams = self._upstreams, {}
        return {"endpoints": endpoints, "upstreams": {name: _told(counts) for name, counts in upstreams.items()}}


class PartTally:
    """A listener that counts the parts of one *endpoint* since it was last taken."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint
        self._parts: dict[str, list[float]] = {}

    def __call__(self, event: RequestEnded) -> None:
        """Count the parts of *event*, if it is one of this endpoint."""
        if event.endpoint != self._endpoint:
            return
        for result in event.parts:
            if result.state in _NOT_CALLED:
                continue
            counted = self._parts.setdefault(result.name, [0, 0, 0.0])
            counted[0] += 1
            counted[1] += result.state not in _GOOD
            counted[2] += max(0.0, result.ended - result.started)

    def answered(
        self, endpoint: str, _exchange: Exchange, _status: int, parts: tuple[Result, ...], _seconds: float, _size: int,
        smooth: bool,
    ) -> bool:  # fmt: skip
        """Count the parts of an answer that was good; return whether some of them need a closer look."""
        if endpoint != self._endpoint:
            return False
        if not smooth:
            return True
        known = self._parts
        for result in parts:
            counted = known.get(result.name)
            if counted is None:
                counted = known[result.name] = [0, 0, 0.0]
            counted[0] += 1
            counted[2] += result.ended - result.started
        return False

    def take(self) -> dict[str, Any]:
        """Return what was counted, and begin anew: by part ``[times, failed, milliseconds]``."""
        parts, self._parts = self._parts, {}
        return {name: _told(counts) for name, counts in parts.items()}


def _told(counts: list[float]) -> list[float]:
    """Return *counts* with milliseconds in place of seconds."""
    count, failed, seconds = counts
    return [count, failed, round(seconds * 1000, 1)]


def bucket(ms: float) -> int:
    """Return the number of the bucket of a duration in milliseconds."""
    return bisect_left(ENDS, ms)
