"""Requests counted by endpoint and by upstream, and the parts of one endpoint, for one second at a time."""

from __future__ import annotations

from bisect import bisect_left
from typing import Any

from aggregator.causes import State
from aggregator.parts.events import RequestEnded

STEP = 1.25
"""Each bucket of durations ends so many times later than the one before; bucket 0 ends at 1 ms."""
ENDS = tuple(STEP**number for number in range(60))
"""Milliseconds at which the buckets end, by their numbers; the last one, with the number 60, has no end."""
_NOT_CALLED = frozenset({State.SKIPPED, State.CANCELLED})
_GOOD = frozenset({State.OK, State.STALE})


class Tally:
    """What became of requests since it was last taken: a listener. What met no endpoint is under ``""``."""

    def __init__(self) -> None:
        self._endpoints: dict[str, list[Any]] = {}
        self._upstreams: dict[str, list[float]] = {}

    def __call__(self, event: RequestEnded) -> None:
        """Count the request of *event*, and what was called for it."""
        ms = (event.ended - event.started) * 1000
        counted = self._endpoints.setdefault(event.endpoint, [0, 0, 0, {}])
        counted[0] += 1
        counted[1] += event.status >= 500 or event.how == "broke"
        counted[2] += event.is_partial
        index = bucket(ms)
        counted[3][index] = counted[3].get(index, 0) + 1
        for result in event.parts:
            for reply in result.replies():
                if reply.upstream:
                    calls = self._upstreams.setdefault(reply.upstream, [0, 0, 0.0])
                    calls[0] += 1
                    calls[1] += not reply.is_there
                    calls[2] += reply.milliseconds

    def take(self) -> dict[str, Any]:
        """Return what was counted, and begin anew: by endpoint ``[requests, 5xx, partial, {bucket: requests}]``.

        By upstream it is ``[calls, failed, milliseconds]``.
        """
        endpoints, self._endpoints = self._endpoints, {}
        upstreams, self._upstreams = self._upstreams, {}
        rounded = {name: [calls, failed, round(ms, 1)] for name, (calls, failed, ms) in upstreams.items()}
        return {"endpoints": endpoints, "upstreams": rounded}


class PartTally:
    """What became of the parts of one *endpoint* since it was last taken: a listener."""

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
            counted[2] += result.milliseconds

    def take(self) -> dict[str, Any]:
        """Return what was counted, and begin anew: by part ``[times, failed, milliseconds]``."""
        parts, self._parts = self._parts, {}
        return {name: [times, failed, round(ms, 1)] for name, (times, failed, ms) in parts.items()}


def bucket(ms: float) -> int:
    """Return the number of the bucket of a duration in milliseconds."""
    return bisect_left(ENDS, ms)
