"""Parts beyond a plain call: conditions, defaults, alternatives, races, nested groups. All by callback.

``build_part`` is the one place that says in which order these wrap a call.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aggregator.codecs import json as json_codec
from aggregator.errors import AggregatorError, CallError, Cause
from aggregator.exchange import State
from aggregator.runtime.fanout import FanOut, Run, names_of
from aggregator.runtime.frame import Cancelable, Done, Frame, Part
from aggregator.runtime.result import Result, failed, skipped
from aggregator.templates import MISSING, Expression, Template


class Fallback:
    """Alternatives in order: the next one starts when the one before failed; the reasons are kept."""

    __slots__ = ("_choices", "name")

    def __init__(self, name: str, choices: tuple[Part, ...]) -> None:
        self.name = name
        self._choices = choices

    def start(self, frame: Frame, done: Done) -> Cancelable | None:
        """Try the first one."""
        return _Trying(self._choices, self.name, frame, done)


class _Trying:
    __slots__ = ("_choices", "_done", "_frame", "_name", "_ticket", "_tried")

    def __init__(self, choices: tuple[Part, ...], name: str, frame: Frame, done: Done) -> None:
        self._choices = choices
        self._name = name
        self._frame = frame
        self._done = done
        self._tried: list[Result] = []
        self._ticket: Cancelable | None = None
        self._next()

    def _next(self) -> None:
        number = len(self._tried)
        ticket = self._choices[number].start(self._frame, self._ended)
        if len(self._tried) == number:
            self._ticket = ticket

    def _ended(self, result: Result) -> None:
        self._ticket = None
        self._tried.append(result)
        if result.state is State.FAILED and len(self._tried) < len(self._choices):
            self._next()
            return
        result.name = self._name
        result.attempts = len(self._tried)
        result.started = self._tried[0].started
        result.tried = tuple(self._tried[:-1])
        self._done(result)

    def cancel(self) -> None:
        """Give up the one under way."""
        if self._ticket is not None:
            self._ticket.cancel()


class Race:
    """Runners that start together; the first success is the result, the others are cancelled."""

    __slots__ = ("_runners", "name")

    def __init__(self, name: str, runners: tuple[Part, ...]) -> None:
        self.name = name
        self._runners = runners

    def start(self, frame: Frame, done: Done) -> Cancelable | None:
        """Start all of them."""
        return _Racing(self._runners, self.name, frame, done)


class _Racing:
    __slots__ = ("_done", "_lost", "_name", "_over", "_runners", "_tickets")

    def __init__(self, runners: tuple[Part, ...], name: str, frame: Frame, done: Done) -> None:
        self._runners = runners
        self._name = name
        self._done = done
        self._over = False
        self._lost: list[Result] = []
        self._tickets: list[Cancelable | None] = []
        for runner in runners:
            self._begin(runner, frame)

    def _begin(self, runner: Part, frame: Frame) -> None:
        if self._over:
            return
        ticket = runner.start(frame, self._ended)
        if self._lost_or_won() and ticket is not None:
            ticket.cancel()
        self._tickets.append(ticket)

    def _lost_or_won(self) -> bool:
        return self._over

    def _ended(self, result: Result) -> None:
        if self._over:
            return
        if result.state is State.FAILED and len(self._lost) + 1 < len(self._runners):
            self._lost.append(result)
            return
        winner = self._lost[0] if result.state is State.FAILED and self._lost else result
        winner.name = self._name
        winner.attempts = len(self._runners)
        winner.tried = tuple(self._lost)
        self.cancel()
        self._done(winner)

    def cancel(self) -> None:
        """Give up all that are still running."""
        self._over = True
        for ticket in self._tickets:
            if ticket is not None:
                ticket.cancel()


class Group:
    """A nested fan-out as one part: an object of its parts' results."""

    __slots__ = ("_fan", "_keys", "name")

    def __init__(self, name: str, fan: FanOut) -> None:
        self.name = name
        self._fan = fan
        self._keys = tuple((number, json_codec.encode(key) + b":") for number, key in enumerate(fan.names))

    def start(self, frame: Frame, done: Done) -> Cancelable | None:
        """Start the parts of the group."""
        started = frame.loop.time()
        run = Run(self._fan, frame.with_names(names_of(frame)), lambda ended: done(self._collected(ended, started)))
        run.begin()
        return run

    def _collected(self, run: Run, started: float) -> Result:
        failure = run.failure
        result = Result(self.name) if failure is None else failed(self.name, failure.error or _UNKNOWN, upstream=failure.upstream,
                                                                  status=failure.status)  # fmt: skip
        result.parts = tuple(part for part in run.results if part is not None)
        if failure is None:
            try:
                result.json = b"{" + b",".join(key + run.results[number].json for number, key in self._keys) + b"}"  # type: ignore[union-attr]
            except AggregatorError as error:
                result = failed(
                    self.name,
                    error if isinstance(error, CallError) else CallError(Cause.EXPRESSION, str(error)),
                )
        result.started, result.ended = started, run.frame.loop.time()
        return result


_UNKNOWN = CallError(Cause.EXPRESSION, "A part of the group failed.")


class Guarded:
    """A part with its condition, and what it becomes when it fails although it is optional."""

    __slots__ = ("_default", "_inner", "_optional", "_shape", "_timeout", "_when", "name")

    def __init__(
        self, inner: Part, *, when: Expression | None, optional: bool, default: Template | None, timeout: float | None = None,
        shape: Callable[[Any, Any], Any] | None = None,
    ) -> None:  # fmt: skip
        self.name = inner.name
        self._inner = inner
        self._when = when
        self._optional = optional
        self._default = default
        self._timeout = timeout
        self._shape = shape

    def start(self, frame: Frame, done: Done) -> Cancelable | None:
        """Start it if its condition holds."""
        if self._when is not None:
            try:
                wanted = self._when.truth(frame.names)
            except AggregatorError as error:
                self._finish(frame, done, failed(self.name, CallError(Cause.EXPRESSION, str(error))))
                return None
            if not wanted:
                result = skipped(self.name)
                self._fill(frame, result)
                done(result)
                return None
        inner = frame.cut_to(self._timeout)
        return self._inner.start(inner, lambda result: self._finish(frame, done, result))

    def _finish(self, frame: Frame, done: Done, result: Result) -> None:
        if self._shape is not None and result.state is State.OK:
            try:
                result.value = self._shape(result.value, frame.names.child({"this": result.view()}))
            except AggregatorError as error:
                shaped = failed(self.name, CallError(Cause.EXPRESSION, str(error)), status=result.status)
                shaped.started, shaped.ended = result.started, result.ended
                result = shaped
        if result.state is State.FAILED and self._optional:
            result.state = State.DEFAULT
            result.decoder = None
            self._fill(frame, result)
        done(result)

    def _fill(self, frame: Frame, result: Result) -> None:
        value = None if self._default is None else self._default.render(frame.names, missing="null")
        result.value = None if value is MISSING else value
