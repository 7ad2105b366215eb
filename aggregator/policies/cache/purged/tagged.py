"""Calls whose replies nobody keeps, in answers that are kept: the answer is purged with the place that was called."""

from __future__ import annotations

from contextlib import suppress
from typing import Protocol

from aggregator.errors import AggregatorError
from aggregator.parts.frame import Done, Frame, Part
from aggregator.parts.result import Result
from aggregator.transport.door import Cancelable


class PlacedCall(Protocol):
    """A call that can tell the place that it asks for."""

    def place(self, frame: Frame) -> str:
        """Return the tag of the place that it asks for; raises ``AggregatorError`` when it cannot be written."""


class Tagged:
    """*inner*, whose results have the tag of the place that *call* asks for."""

    def __init__(self, inner: Part, call: PlacedCall) -> None:
        self.name = inner.name
        self._inner = inner
        self._call = call

    def start(self, frame: Frame, done: Done) -> Cancelable | None:
        """Start the call; its result has the tag of its place."""

        def ended(result: Result) -> None:
            if result.reply is not None:
                with suppress(AggregatorError):  # there is no reply to what cannot be written
                    result.tags |= {self._call.place(frame)}
            done(result)

        return self._inner.start(frame, ended)
