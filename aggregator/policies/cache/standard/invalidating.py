"""Calls that change something: what is kept of the place that they change is over (RFC 9111 §4.4)."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Protocol

from aggregator.errors import AggregatorError
from aggregator.parts.frame import Done, Frame, Part
from aggregator.parts.result import Result
from aggregator.policies.cache.flights import Flights
from aggregator.policies.cache.kept import Kept
from aggregator.transport import Reply
from aggregator.transport.door import Cancelable

_PLACES = (b"location", b"content-location")


class PlacedCall(Protocol):
    """A call that can tell which place of its upstream it asks for."""

    def place(self, frame: Frame) -> str:
        """Return the tag of the place; raises ``AggregatorError`` when it cannot be written."""

    def place_of(self, frame: Frame, reference: bytes) -> str | None:
        """Return the tag of the place that *reference* leads to from there, None when it is of another origin."""


class Invalidating:
    """*inner*; when it has succeeded, what is kept of its place is forgotten, and of those that its reply names.

    *tell* has other processes forget them, too.
    """

    def __init__(
        self, inner: Part, call: PlacedCall, kept: Kept[Reply], flights: Flights,
        tell: Callable[[Collection[str]], None],
    ) -> None:  # fmt: skip
        self.name = inner.name
        self._inner = inner
        self._call = call
        self._kept = kept
        self._flights = flights
        self._tell = tell

    def start(self, frame: Frame, done: Done) -> Cancelable | None:
        """Start the call; a good reply to it invalidates what is kept (RFC 9111 §4.4)."""

        def ended(result: Result) -> None:
            if result.reply is not None and 200 <= result.reply.status < 400:
                self._forget(frame, result.reply)
            done(result)

        return self._inner.start(frame, ended)

    def _forget(self, frame: Frame, reply: Reply) -> None:
        try:
            places = {self._call.place(frame)}
            named = [self._call.place_of(frame, value) for name, value in reply.headers if name in _PLACES]
        except AggregatorError:
            return
        places |= {place for place in named if place is not None}
        self._flights.purges.add(places)
        self._kept.purge(places)
        self._tell(places)
