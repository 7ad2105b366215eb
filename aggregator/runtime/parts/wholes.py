"""Results that are put together from several replies: what is done to a large one, as a whole, is work for a thread."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial

from aggregator.errors import AggregatorError, CallError, Cause
from aggregator.parts.frame import Done, Frame, Part
from aggregator.parts.result import Result, failed
from aggregator.plan.types import RowPlan
from aggregator.runtime.coding import LARGE, given, read_aside
from aggregator.runtime.foresight.reading import LongReads
from aggregator.runtime.jobs import Outcome
from aggregator.runtime.parts.shape import Reshape
from aggregator.transport.door import Cancelable

Work = Callable[[Result, Frame], Result]
"""Takes a result that is there, and returns it or the failure that it becomes."""


class Whole:
    """The part *inner*, to whose result *work* is done: a large one in a thread, any other one where it arrives.

    The values of *reads* count with it, which the work reads besides.
    Of one that the thread does not manage *rows* may speak. Work that is done *ahead* is left where too much waits for
    threads: who reads the result does it then.
    """

    __slots__ = ("_ahead", "_inner", "_reads", "_rows", "_work", "name")

    def __init__(
        self, inner: Part, work: Work, rows: tuple[RowPlan, ...] | None, *, ahead: bool = False,
        reads: LongReads | None = None,
    ) -> None:  # fmt: skip
        self.name = inner.name
        self._inner = inner
        self._work = work
        self._rows = rows
        self._ahead = ahead
        self._reads = reads

    def start(self, frame: Frame, done: Done) -> Cancelable | None:
        """Start the part."""
        working = _Working(self, frame, done)
        working.follow(self._inner.start(frame, working.ended))
        return working

    def is_long(self, result: Result, frame: Frame) -> bool:
        """Return whether the work may take more than a few milliseconds."""
        return result.size > LARGE or (self._reads is not None and self._reads.are_long(frame.names, result.size))

    def work(self, result: Result, frame: Frame) -> Result:
        """Return what *result* becomes."""
        return self._work(result, frame)

    def work_and_write(self, result: Result, frame: Frame) -> Result:
        """Return what *result* becomes, with its JSON text: work for a thread."""
        made = self._work(result, frame)
        if made.is_there:
            with suppress(AggregatorError):  # told where it is written
                _ = made.json
        return made

    def undone(self, result: Result, error: CallError, now: float) -> Result:
        """Return what *result* becomes *now*, as a thread ended with *error* in place of the work."""
        if self._ahead and error.cause is Cause.QUEUE_FULL:
            return result
        return _failed(result, error, now, self._rows)


class _Working:
    """One result being made.

    States: *under way* (the ticket is that of the part), *working* (it is that of a thread), *over*.
    """

    __slots__ = ("_done", "_frame", "_has_ended", "_ticket", "_whole")

    def __init__(self, whole: Whole, frame: Frame, done: Done) -> None:
        self._whole = whole
        self._frame = frame
        self._done = done
        self._ticket: Cancelable | None = None
        self._has_ended = False

    def follow(self, ticket: Cancelable | None) -> None:
        """Keep the *ticket* of the part, unless that ended while it started."""
        if not self._has_ended:
            self._ticket = ticket

    def ended(self, result: Result) -> None:
        """Work on *result*, and tell of what it becomes."""
        self._has_ended, self._ticket = True, None
        if not result.is_there:
            self._done(result)
        elif not self._whole.is_long(result, self._frame):
            self._done(self._whole.work(result, self._frame))
        else:
            work, frame = partial(self._whole.work_and_write, result, self._frame), self._frame
            self._ticket = read_aside(frame.loop, work, partial(self._worked, result), frame.deadline)

    def _worked(self, result: Result, outcome: Outcome) -> None:
        try:
            made: Result = given(outcome)
        except CallError as error:
            made = self._whole.undone(result, error, self._frame.loop.time())
        self._done(made)

    def cancel(self) -> None:
        """Cancel what is under way."""
        if self._ticket is not None:
            self._ticket.cancel()


def _failed(result: Result, error: AggregatorError, ended: float, rows: tuple[RowPlan, ...] | None) -> Result:
    """Return the failure that *result* becomes by *error*; of it *rows* may speak."""
    return failed(result.name, error, result.started, ended, upstream=result.upstream, status=result.status, rows=rows)


def shaped(shape: Reshape, rows: tuple[RowPlan, ...] | None) -> Work:
    """Return what applies *shape* to a result; of a failure *rows* may speak."""

    def work(result: Result, frame: Frame) -> Result:
        try:
            shape(result, frame.names)
        except AggregatorError as error:
            return _failed(result, error, result.ended, rows)
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
