"""A nested fan-out as one part of another: an object of its parts' results, spliced like the answer itself."""

from __future__ import annotations

from aggregator.codecs import json as json_codec
from aggregator.errors import AggregatorError
from aggregator.parts.frame import Done, Frame
from aggregator.parts.names import Level
from aggregator.parts.result import Result, failed, failed_within
from aggregator.runtime.parts.fanout import FanOut, Run
from aggregator.transport.door import Cancelable


class Group:
    """The parts of *fan* under one name; its names are seen inside first, then those around it.

    The object of their results is made where it *is_read*.
    """

    __slots__ = ("_fan", "_is_read", "_keys", "name")

    def __init__(self, name: str, fan: FanOut, *, is_read: bool = True) -> None:
        self.name = name
        self._fan = fan
        self._is_read = is_read
        self._keys = tuple(
            (b"," if number else b"{") + json_codec.encode(key) + b":" for number, key in enumerate(fan.order.names)
        )

    def start(self, frame: Frame, done: Done) -> Cancelable | None:
        """Start the parts of the group."""
        started = frame.loop.time()
        inner = frame.with_names(frame.names.child({}))
        run = Run(*self._fan, inner, lambda ended: done(self._collected(ended, started)))
        run.begin(frame.wanted)
        return run

    def _collected(self, run: Run, started: float) -> Result:
        ended = run.frame.loop.time()
        try:
            result = self._spliced(run, started, ended)
        except AggregatorError as error:
            result = failed(self.name, error, started, ended)
        result.parts = inner = run.ended_results()
        if any(part.met for part in inner):
            result.attempts = sum(part.attempts for part in inner)
            result.has_met(tuple(word for part in inner for word in part.met))
        return result

    def _spliced(self, run: Run, started: float, ended: float) -> Result:
        if run.failure is not None:
            return failed_within(self.name, run.failure, Level(run.order.places, run.results), started, ended)
        result = Result(self.name, started, ended)
        results = run.ended_results()
        result.json = self._together(results) if self._is_read else b"null"
        result.made_of(results)
        return result

    def _together(self, results: tuple[Result, ...]) -> bytes:
        """Return the object of *results* as JSON text."""
        pieces = [piece for key, part in zip(self._keys, results, strict=True) for piece in (key, part.json)]
        return b"".join([*pieces, b"}"]) if pieces else b"{}"
