"""Parts whose expressions are foreseen before they start, and calls whose request is: who keeps replies reads it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from aggregator.errors import AggregatorError
from aggregator.parts.frame import Done, Frame, Part
from aggregator.plan.analysis.roots import roots_in
from aggregator.plan.calls import CallPlan, EachPlan
from aggregator.policies.cache.elements import Elements
from aggregator.runtime.calls.sending import Sender
from aggregator.runtime.coding import given, read_aside
from aggregator.runtime.foresight.foreseeing import Foresight, own_known
from aggregator.runtime.foresight.reading import LongReads, long_reads
from aggregator.runtime.jobs import Outcome
from aggregator.templates import Known, known_of
from aggregator.transport.door import Cancelable


class Writing:
    """The request of *sender*, written ahead where what it is made of, *reads*, is long."""

    __slots__ = ("_reads", "_roots", "_sender")

    def __init__(self, sender: Sender, reads: LongReads) -> None:
        self._sender = sender
        self._reads = reads
        self._roots = roots_in(sender.plan.request)
        """Names that it is made of: where others are called the same, it is another request."""

    def is_due(self, frame: Frame) -> bool:
        """Return whether writing it may take more than a few milliseconds; it may have been written before."""
        is_written = frame.written is not None and frame.written.request is not None
        return not is_written and self._reads.are_long(frame.names)

    def write(self, frame: Frame, known: dict[object, Known]) -> None:
        """Add to *known* the request, or why there is none: work for a thread."""
        known[id(self._sender.plan)] = known_of(partial(self._sender.render, frame), self._roots)

    def refuse(self, error: AggregatorError, known: dict[object, Known]) -> None:
        """Record that there is no value, because of *error*."""
        known.setdefault(id(self._sender.plan), Known(None, error, self._roots))


class Keying:
    """The keys and tags of the elements of a batch, made ahead where what they are made of, *reads*, is long.

    *keys_of* returns the values that its items are matched by; besides them each key is made of the names *roots*.
    """

    __slots__ = ("_elements", "_keys_of", "_reads", "_roots")

    def __init__(
        self, elements: Elements, keys_of: Callable[[Frame], Iterable[Any]], reads: LongReads, roots: frozenset[str]
    ) -> None:  # fmt: skip
        self._elements = elements
        self._keys_of = keys_of
        self._reads = reads
        self._roots = roots

    def is_due(self, frame: Frame) -> bool:
        """Return whether making them may take more than a few milliseconds."""
        return self._reads.are_long(frame.names)

    def write(self, frame: Frame, known: dict[object, Known]) -> None:
        """Add them to *known*, or why there are none: work for a thread."""
        known[id(self._elements)] = known_of(lambda: self._elements.named(frame, self._keys_of(frame)), self._roots)

    def refuse(self, error: AggregatorError, known: dict[object, Known]) -> None:
        """Record that there is no value, because of *error*."""
        known.setdefault(id(self._elements), Known(None, error, self._roots))


class Foreseen:
    """The part *inner*, for which *foresight* evaluates and *writing* writes before it starts."""

    __slots__ = ("_foresight", "_inner", "_writing", "name")

    def __init__(self, inner: Part, foresight: Foresight | None, writing: Writing | Keying | None = None) -> None:
        self.name = inner.name
        self._inner = inner
        self._foresight = foresight
        self._writing = writing

    def start(self, frame: Frame, done: Done) -> Cancelable | None:
        """Start the part, at once unless something has to be foreseen."""
        foresight, writing = self._foresight, self._writing
        foresight = foresight if foresight is not None and foresight.is_due(frame.names) else None
        writing = writing if writing is not None and writing.is_due(frame) else None
        if foresight is None and writing is None:
            return self._inner.start(frame, done)
        return _Foreseeing(self._inner, foresight, writing, frame, done).begin()


class _Foreseeing:
    """One start of a part. States: *foreseeing* (the ticket is that of a thread), *started* (that of the part)."""

    __slots__ = ("_done", "_foresight", "_frame", "_has_started", "_inner", "_known", "_ticket", "_writing")

    def __init__(
        self, inner: Part, foresight: Foresight | None, writing: Writing | Keying | None, frame: Frame, done: Done
    ) -> None:
        self._inner = inner
        self._foresight = foresight
        self._writing = writing
        self._frame = frame
        self._done = done
        self._known = own_known(frame.names)
        self._has_started = False
        self._ticket: Cancelable | None = None

    def begin(self) -> Cancelable:
        """Start the evaluation in a thread."""
        frame = self._frame
        under_way = frame.exchange.under_way
        ticket = read_aside(frame.loop, self._work, self._foreseen, frame.deadline, under_way=under_way)
        if not self._has_started:
            self._ticket = ticket
        return self

    def _work(self) -> None:
        if self._foresight is not None:
            self._foresight.evaluate(self._frame.names, self._known)
        if self._writing is not None:
            self._writing.write(self._frame, self._known)

    def _foreseen(self, outcome: Outcome) -> None:
        """Start the part; where the thread did not manage, whoever needs a value meets the error."""
        try:
            given(outcome)
        except AggregatorError as error:
            self._refuse(error)
        self._has_started, self._ticket = True, None
        self._ticket = self._inner.start(self._frame, self._done)

    def _refuse(self, error: AggregatorError) -> None:
        if self._foresight is not None:
            self._foresight.refuse(error, self._known)
        if self._writing is not None:
            self._writing.refuse(error, self._known)

    def cancel(self) -> None:
        """Cancel what is under way."""
        if self._ticket is not None:
            self._ticket.cancel()


def is_looked_at(plan: CallPlan) -> bool:
    """Return whether something reads the request of *plan* before it is sent: more than the place that it is for."""
    return plan.choice is None and (plan.cache is not None or plan.coalesce != "no" or plan.dry_run != "no")


def keying_of(
    elements: Elements, plan: CallPlan, params: tuple[str, ...], keys_of: Callable[[Frame], Iterable[Any]],
    each: EachPlan | None = None,
) -> Keying | None:  # fmt: skip
    """Return what makes the keys of *elements*, replies to *plan*, ahead; None where all that they read is short.

    They are those that *keys_of* returns, for the items of *each* where it is given. Path parameters, *params*, are
    short.
    """
    assert plan.cache is not None
    assert plan.cache.elements is not None
    told = (plan.request, plan.cache.elements.reads, plan.cache.tags)
    reads = long_reads((told, () if each is None else (each.items, each.key)), params)
    return None if reads is None else Keying(elements, keys_of, reads, roots_in(told) - {"keys"})
