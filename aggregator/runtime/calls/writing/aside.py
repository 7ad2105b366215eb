"""A request that is made of long values is written in a thread: sorting a body of 1 MiB takes a tenth of a second."""

from __future__ import annotations

from functools import partial

from aggregator.errors import AggregatorError
from aggregator.parts.frame import Done, Frame, Written
from aggregator.plan.calls import CallPlan
from aggregator.runtime.calls.sending import Sender
from aggregator.runtime.coding import given, read_aside
from aggregator.runtime.foresight.reading import LongReads, long_reads
from aggregator.runtime.jobs import Outcome
from aggregator.runtime.parts.blame import blame
from aggregator.transport.door import Cancelable


def written_aside(sender: Sender, plan: CallPlan, params: tuple[str, ...]) -> Sender | WrittenAside:
    """Return *sender*, or what has a thread write its request where the values that *plan* reads may be long.

    Path parameters, *params*, are short.
    """
    request = plan.request
    reads = long_reads((request.query, request.headers, request.body), params)
    return sender if reads is None else WrittenAside(sender, reads)


class WrittenAside:
    """The call of *inner*, whose request is made of what is called *reads*.

    Whatever is short is written where it stands, without a thread, and so is what was written before.
    """

    __slots__ = ("_inner", "_reads")

    def __init__(self, inner: Sender, reads: LongReads) -> None:
        self._inner = inner
        self._reads = reads

    @property
    def name(self) -> str:
        """The name of the call."""
        return self._inner.name

    def start(self, frame: Frame, done: Done) -> Cancelable | None:
        """Write the request, and send it."""
        if self._is_written(frame) or not self._reads.are_long(frame.names):
            return self._inner.start(frame, done)
        return _Writing(self._inner, frame, done).begin()

    def _is_written(self, frame: Frame) -> bool:
        """Return whether the request is there: of another attempt, or since somebody looked at it."""
        known, written = frame.names.known, frame.written
        return (written is not None and written.request is not None) or bool(known and id(self._inner.plan) in known)


class _Writing:
    """One request. States: *writing* (the ticket is that of a thread), *sent* (it is that of the call), *over*."""

    __slots__ = ("_done", "_frame", "_inner", "_is_sent", "_started", "_ticket")

    def __init__(self, inner: Sender, frame: Frame, done: Done) -> None:
        self._inner = inner
        self._frame = frame
        self._done = done
        self._started = frame.loop.time()
        self._is_sent = False
        self._ticket: Cancelable | None = None

    def begin(self) -> Cancelable:
        """Write the request in a thread; a call without credentials for the upstream fails before that."""
        frame = self._frame
        try:
            self._inner.identity(frame.exchange)
        except AggregatorError as error:
            self._refuse(error)
            return self
        ticket = read_aside(
            frame.loop, partial(self._inner.render, frame), self._written, frame.deadline,
            under_way=frame.exchange.under_way,
        )  # fmt: skip
        if not self._is_sent:
            self._ticket = ticket
        return self

    def _written(self, outcome: Outcome) -> None:
        self._is_sent, self._ticket, frame = True, None, self._frame
        try:
            rendered = given(outcome)
        except AggregatorError as error:
            self._refuse(error)
            return
        if frame.conditions:
            rendered = type(rendered)(rendered.target, rendered.headers + frame.conditions, rendered.body)
        written = frame.written or Written()
        written.request = rendered
        self._ticket = self._inner.start(frame.until(frame.deadline, written), self._done)

    def _refuse(self, error: AggregatorError) -> None:
        self._done(self._inner.refused(blame(error, self._frame.names), self._started))

    def cancel(self) -> None:
        """Cancel what is under way."""
        if self._ticket is not None:
            self._ticket.cancel()
