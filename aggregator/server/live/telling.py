"""Requests that have ended as data for those who listen, and which of them are wanted."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from msgspec import Struct

from aggregator.parts.events import RequestEnded
from aggregator.parts.losses import failed_in
from aggregator.parts.result import Result
from aggregator.telemetry.hiding import Hidden, without_values

_MOST_PARTS = 32
_LONGEST = 500


class Wanted(Struct, frozen=True):
    """A filter of requests: of an *endpoint*, with a *part*, by *cause* or family of them, *slower* than seconds.

    With *is_bad* only those that failed, lacked parts, or were not answered to their end.
    """

    endpoint: str = ""
    part: str = ""
    cause: str = ""
    slower: float = 0.0
    is_bad: bool = False

    def takes(self, event: RequestEnded) -> bool:
        """Return whether *event* is wanted."""
        if self.is_bad and event.how == "answered" and not event.is_bad:
            return False
        if self.endpoint and event.endpoint != self.endpoint:
            return False
        if event.ended - event.started < self.slower:
            return False
        parts = [one for one in _flat(event.parts) if not self.part or one.name == self.part]
        if self.cause:
            causes = [one.cause for one in parts] + ([] if self.part else [event.cause])
            return any(self.cause in cause.names for cause in causes if cause is not None)
        return not self.part or bool(parts)


def told(event: RequestEnded, hidden: Hidden, clean: Callable[[str], str], now: float) -> dict[str, Any]:
    """Return *event* as data, without what is *hidden*; *clean* takes out secrets, *now* is Unix time."""
    exchange = event.exchange
    failed = failed_in(event.parts, event.failure) if event.is_bad else None
    cause = event.cause or (None if failed is None else failed.cause)
    path = without_values(exchange.path, hidden.values(event.endpoint, exchange.segments))
    return {
        "at": round(now, 3),
        "id": event.request,
        "endpoint": event.endpoint,
        "method": event.method,
        "path": clean(path)[:_LONGEST],
        "status": event.status,
        "how": event.how,
        "cause": None if cause is None else cause.value,
        "partial": event.is_partial,
        "ms": round((event.ended - event.started) * 1000, 1),
        "size": event.size,
        "parts": [_part(one) for one in event.parts[:_MOST_PARTS]],
    }


def _part(result: Result) -> dict[str, Any]:
    return {
        "name": result.name, "state": result.state.value, "status": result.status or None,
        "cause": result.cause.value if result.cause else None, "ms": round(result.milliseconds, 1),
        "upstream": result.upstream or None,
    }  # fmt: skip


def _flat(results: Iterable[Result]) -> list[Result]:
    return [one for result in results for one in (result, *_flat(result.parts))]
