"""Requests counted by endpoint and by upstream, for one second at a time."""

from __future__ import annotations

import math
from typing import Any

from aggregator.parts.events import RequestEnded

STEP = 1.25
"""Each bucket of durations ends so many times later than the one before; bucket 0 ends at 1 ms."""
_LAST = 60
_LOG = math.log(STEP)


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


def bucket(ms: float) -> int:
    """Return the number of the bucket of a duration in milliseconds."""
    return 0 if ms <= 1 else min(_LAST, math.ceil(math.log(ms) / _LOG))
