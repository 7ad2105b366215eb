"""Requests counted by endpoint, by part, and by upstream, for one second at a time."""

from __future__ import annotations

from bisect import bisect_left
from typing import Any

from msgspec import Struct

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


class _Calls(Struct):
    """The calls of one part to one *upstream* in answers that were smooth."""

    upstream: str
    count: int = 0
    seconds: float = 0.0


_NO_CALLS: dict[str, _Calls] = {}


class _Counts(Struct):
    """The counts of one endpoint.

    *calls* has the parts of smooth answers, *parts* those of all others: ``[times, failed, seconds]``.
    """

    requests: int = 0
    failed: int = 0
    partial: int = 0
    buckets: dict[int, int] = {}
    calls: dict[str, _Calls] = {}
    parts: dict[str, list[float]] = {}


class Tally:
    """A listener that counts requests by endpoint since it was last taken; ``""`` counts those that met no endpoint.

    A part of a smooth answer is put down once, for its endpoint and for its upstream alike.
    """

    def __init__(self) -> None:
        self._endpoints: dict[str, _Counts] = {}
        self._upstreams: dict[str, list[float]] = {}

    def __call__(self, event: RequestEnded) -> None:
        """Count the request of *event*, its parts, and its calls."""
        counts = self._count(event.endpoint, event.ended - event.started)
        counts.failed += event.status >= 500 or event.how == "broke"
        counts.partial += event.is_partial
        for result in event.parts:
            self._called(counts, result)

    def answered(
        self, endpoint: str, _exchange: Exchange, _status: int, parts: tuple[Result, ...], seconds: float, _size: int,
        smooth: bool,
    ) -> bool:  # fmt: skip
        """Count a good answer, its parts, and its calls."""
        counts = self._endpoints.get(endpoint)  # as ``_count``, without a call
        if counts is None:
            counts = self._endpoints[endpoint] = _Counts()
        counts.requests += 1
        buckets, index = counts.buckets, bisect_left(ENDS, seconds * 1000)
        buckets[index] = buckets.get(index, 0) + 1
        known = counts.calls if smooth else _NO_CALLS
        for result in parts:
            calls = known.get(result.name)
            if calls is not None and calls.upstream == result.upstream:  # as nearly always
                calls.count += 1
                calls.seconds += result.ended - result.started
            elif calls is None and smooth and result.upstream:  # a list has those of its items
                known[result.name] = _Calls(result.upstream, 1, result.ended - result.started)
            else:
                self._called(counts, result)
        return False

    def _count(self, endpoint: str, seconds: float) -> _Counts:
        """Return the counts of *endpoint*, one request more among them."""
        counts = self._endpoints.get(endpoint)
        if counts is None:
            counts = self._endpoints[endpoint] = _Counts()
        counts.requests += 1
        buckets, index = counts.buckets, bisect_left(ENDS, seconds * 1000)
        buckets[index] = buckets.get(index, 0) + 1
        return counts

    def _called(self, counts: _Counts, result: Result) -> None:
        """Count *result* for its part, if it was called, and its calls for their upstreams."""
        if result.state not in _NOT_CALLED:
            _add(counts.parts, result.name, result, failed=result.state not in _GOOD)
        for reply in result.replies():
            if reply.upstream:
                _add(self._upstreams, reply.upstream, reply, failed=not reply.is_there)

    def parts(self, endpoint: str) -> dict[str, Any]:
        """Return what was counted of the parts of *endpoint*, which is taken with the rest.

        By part it is ``[times, failed, milliseconds]``.
        """
        counts = self._endpoints.get(endpoint) or _Counts()
        found = {name: [*part] for name, part in counts.parts.items()}
        for name, calls in counts.calls.items():
            _sum(found, name, calls)
        return {name: _told(part) for name, part in found.items()}

    def take(self) -> dict[str, Any]:
        """Return what was counted, and start from zero: by endpoint ``[requests, 5xx, partial, {bucket: requests}]``.

        By upstream it is ``[calls, failed, milliseconds]``.
        """
        endpoints, self._endpoints = self._endpoints, {}
        upstreams, self._upstreams = self._upstreams, {}
        for counts in endpoints.values():
            for calls in counts.calls.values():
                if calls.upstream:
                    _sum(upstreams, calls.upstream, calls)
        return {
            "endpoints": {key: [one.requests, one.failed, one.partial, one.buckets] for key, one in endpoints.items()},
            "upstreams": {name: _told(counts) for name, counts in upstreams.items()},
        }


def _add(table: dict[str, list[float]], name: str, result: Result, *, failed: bool) -> None:
    counted = table.setdefault(name, [0, 0, 0.0])
    counted[0] += 1
    counted[1] += failed
    counted[2] += max(0.0, result.ended - result.started)


def _sum(table: dict[str, list[float]], name: str, calls: _Calls) -> None:
    counted = table.setdefault(name, [0, 0, 0.0])
    counted[0] += calls.count
    counted[2] += calls.seconds


def _told(counts: list[float]) -> list[float]:
    """Return *counts* with milliseconds in place of seconds."""
    count, failed, seconds = counts
    return [count, failed, round(seconds * 1000, 1)]


def bucket(ms: float) -> int:
    """Return the number of the bucket of a duration in milliseconds."""
    return bisect_left(ENDS, ms)
