"""Results that are put together from several replies: what is done to a large one, as a whole, is work for a thread."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial

from aggregator.errors import AggregatorError, CallError
from aggregator.parts.frame import Done, Frame, Part
from aggregator.parts.result import Result, failed
from aggregator.plan.types import RowPlan
from aggregator.runtime.coding import LARGE, given, read_aside
from aggregator.runtime.parts.shape import Reshape
from aggregator.runtime.threads import Outcome
from aggregator.transport.door import Cancelable

Work = Callable[[Result, Frame], Result]
"""Takes a result that is there, and returns it or the failure that it becomes."""


class Whole:
    """The part *inner*, to whose result *work* is done: a large one in a thread, any other one where it arrives."""

    __slots__ = ("_inner", "_work", "name")

    def __init__(self, inner: Part, work: Work) -> None:
        self.name = inner.name
        self._inner = inner
        self._work = work

    def start(self, frame: Frame, done: Done) -> Cancelable | None:
        """Start the part."""
        working = _Working(self._work, frame, done)
        working.follow(self._inner.start(frame, working.ended))
        return working


class _Working:
    """One result on its way.

    States: *under way* (the ticket is that of the part), *working* (it is that of a thread), *over*.
    """

    __slots__ = ("_done", "_frame", "_has_ended", "_ticket", "_work")

    def __init__(self, work: Work, frame: Frame, done: Done) -> None:
        self._work = work
        self._frame = frame
        self._done = done
        self._ticket: Cancelable | None = None
        self._has_ended = False

    def follow(self, ticket: Cancelable | None) -> None:
        """Take note of the *ticket* of the part, unless that ended while it started."""
        if not self._has_ended:
            self._ticket = ticket

    def ended(self, result: Result) -> None:
        """Work on *result*, and tell of what it becomes."""
        self._has_ended, self._ticket = True, None
        if not result.is_there:
            self._done(result)
        elif result.size <= LARGE:
            self._done(self._work(result, self._frame))
        else:
            work, frame = partial(self._work, result, self._frame), self._frame
            self._ticket = read_aside(frame.loop, work, partial(self._worked, result), frame.deadline)

    def _worked(self, result: Result, outcome: Outcome) -> None:
        try:
            self._done(given(outcome))
        except CallError as error:
            self._done(failed(result.name, error, result.started, self._frame.loop.time()))

    def cancel(self) -> None:
        """Give up what is under way."""
        if self._ticket is not None:
            self._ticket.cancel()


def shaped(shape: Reshape, name: str, rows: tuple[RowPlan, ...] | None) -> Work:
    """Return what applies *shape* to a result of the part *name*; of a failure *rows* may speak."""

    def work(result: Result, frame: Frame) -> Result:
        try:
            shape(result, frame.names)
        except AggregatorError as error:
            return failed(name, error, result.started, result.ended, upstream=result.upstream, status=result.status,
                          rows=rows)  # fmt: skip
        return result

    return work


def read(result: Result, _: Frame) -> Result:
    """Return *result*, decoded where it is large: an expression will read it."""
    if result.size > LARGE:
        with suppress(AggregatorError):  # told where it is read
            _ = result.value
    return result


def read_and_copied(result: Result, frame: Frame) -> Result:
    """Return *result*, decoded as ``read`` does, and once more for templates that copy from it."""
    if result.size > LARGE:
        with suppress(AggregatorError):
            _ = result.as_sent
    return read(result, frame)
