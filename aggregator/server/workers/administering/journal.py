"""The orders of operators with a lasting effect, for workers that start later; switches are in ``switches.py``."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from aggregator.durations import duration_of

MOST = 10_000
"""Orders that are remembered; beyond it the oldest goes."""
_NAMED: Mapping[str, tuple[str, ...]] = {
    "breaker": ("upstream",),
    "revoke": ("scheme", "jti", "sub"),
}
"""Actions whose effect lasts until another one, or a time, ends it, and what names the thing that they change."""
_ENDING = ("order", "auto")
"""What gives a thing back to itself, so that there is nothing to remember."""


class _Order(Struct, frozen=True):
    at: float
    action: str
    given: Mapping[str, Any]


class Journal:
    """The last order to each thing, by the time of *clock*."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._orders: dict[tuple[str, ...], _Order] = {}

    def add(self, action: str, given: Mapping[str, Any]) -> None:
        """Remember the order *action* with the arguments *given*, if it has a lasting effect."""
        thing = _thing(action, given)
        if thing is None:
            return
        if action == "revoke" and "sub" in given and "before" not in given:  # it means now, and not when it is done
            given = {**given, "before": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self._clock()))}
        self._orders.pop(thing, None)
        if _ENDING not in given.items():
            self._orders[thing] = _Order(self._clock(), action, dict(given))
        while len(self._orders) > MOST:
            del self._orders[next(iter(self._orders))]

    def forget(self, action: str, given: Mapping[str, Any]) -> None:
        """Remove the order again: no worker has carried it out."""
        thing = _thing(action, given)
        if thing is not None:
            self._orders.pop(thing, None)

    def __iter__(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield what is to be done again, action and what was given; what had a time, for what is left of it."""
        now = self._clock()
        for order in self._orders.values():
            lasts = order.given.get("for")
            seconds = None if lasts is None else duration_of(str(lasts))
            if seconds is None:
                yield order.action, dict(order.given)
            elif (left := seconds - (now - order.at)) > 0:
                yield order.action, {**order.given, "for": f"{left:.3f}s"}


def _thing(action: str, given: Mapping[str, Any]) -> tuple[str, ...] | None:
    """Return what *action* changes, so that the next order to the same takes its place; None when it does not last."""
    if action == "log":
        named = sorted(key for key in ("level", "format") if given.get(key) is not None)
        return (action, *named) if named else None
    if (keys := _NAMED.get(action)) is None:
        return None
    return (action, *(str(given.get(key)) for key in keys))
