"""Coalescing of equal calls: a call whose equal is under way joins it, as one flight.

Nobody joins a flight of what was purged since it began, be it by a tag of those who wait, of whoever comes, or of the
answer that the call is for. Flights of anything else go on as they were.

A flight belongs to nobody: whoever started it may leave, and it lives while anybody waits. Each who waits has a
deadline of its own, and reads the reply in its own way.

States of a waiter: waiting, over (it got a result, or left). A flight is over when its call has ended, or nobody waits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable
from functools import partial
from typing import NamedTuple, Protocol

from aggregator.errors import AggregatorError, CallError, Cause
from aggregator.parts.frame import Done, Frame, Part
from aggregator.parts.names import Names
from aggregator.parts.result import Result
from aggregator.policies.cache.purged.naming import NamingPlan, tag_maker
from aggregator.stores.level.log import PurgeLog
from aggregator.templates import Template
from aggregator.transport import Reply
from aggregator.transport.door import Cancelable

_LATE = "The upstream '{}' did not answer in time."


class SameBody(NamedTuple):
    """A body by its *digest*, and the header *lines* that describe it."""

    digest: bytes
    lines: bytes


class KeyedCall(Protocol):
    """A call that can tell what it would send, and what a reply means for it."""

    @property
    def label(self) -> str:
        """The name of its upstream before clients."""

    @property
    def timeout(self) -> float:
        """The seconds that it may take."""

    def key(self, frame: Frame) -> bytes:
        """Return what is equal for all that send the same; raises ``AggregatorError`` when it cannot be written."""

    def body(self, frame: Frame) -> SameBody | None:
        """Return the body that it sends for any keys; None where that depends on them, or there is none.

        Raises ``AggregatorError`` when it cannot be written.
        """

    def key_beside(self, frame: Frame, body: SameBody | None) -> bytes:
        """Return what is equal for all that send the same; *body* is what was written before. Raises as ``key``."""

    def place(self, frame: Frame) -> str:
        """Return the tag of the place that it asks for; raises ``AggregatorError`` when it cannot be written."""

    def judge(self, frame: Frame, outcome: Reply | CallError, started: float) -> Result:
        """Return the result that *outcome* means for this call, which *started* then (loop time)."""

    @property
    def may_take_long(self) -> bool:
        """Whether there are replies that take long to read or to judge."""

    def judge_soon(
        self, frame: Frame, outcome: Reply | CallError, started: float, done: Done
    ) -> Cancelable | None:  # fmt: skip
        """Pass what ``judge`` returns to *done*, at once unless that takes long; return what cancels it then."""


class KeyedFrame(Frame, eq=False, kw_only=True):
    """The surroundings of a call whose *key* is known, and the tags that are declared of it if they are *told*."""

    key: bytes
    told: frozenset[str] | None = None

    @classmethod
    def of(cls, frame: Frame, key: bytes, deadline: float, told: frozenset[str] | None = None) -> KeyedFrame:
        """Return the surroundings *frame* of a call with *key*, which ends by *deadline*."""
        return cls(frame.exchange, frame.names, deadline, frame.loop, conditions=frame.conditions, key=key, told=told)


class Flights:
    """The calls under way that others may join, by key; ``saved`` counts those who did."""

    def __init__(self) -> None:
        self.saved = 0
        self.flying: dict[bytes, Flight] = {}
        self.purges = PurgeLog()

    def find(self, key: bytes, frame: Frame, tags: Callable[[Frame], Collection[str]]) -> Flight | None:
        """Return the flight of *key* that whoever asks in *frame* may join, None when there is none.

        *tags* returns the tags that a reply will have for whoever asks; it may raise ``AggregatorError``.
        """
        flight = self.flying.get(key)
        if flight is None or flight.began == self.purges.count or not self._is_over(flight, key, frame, tags):
            return flight
        flight.forget(key)
        return None

    def _is_over(
        self, flight: Flight, key: bytes, frame: Frame, tags: Callable[[Frame], Collection[str]]
    ) -> bool:  # fmt: skip
        answer: NamingPlan | None = frame.exchange.naming
        if answer is not None and answer.may_be_hit(self.purges, flight.began, Names(frame.exchange)):
            return True
        try:
            return self.purges.hit({*flight.tags[key], *tags(frame)}, flight.began)
        except AggregatorError:
            return True


TableOf = Callable[[Frame], Flights]


def flights_of(frame: Frame) -> Flights:
    """Return the flights of one request."""
    exchange = frame.exchange
    if exchange.flights is None:
        exchange.flights = Flights()
    found: Flights = exchange.flights
    return found


class Coalesced:
    """*inner*, made once for all that ask for the same at the same time in the table that *table_of* returns.

    *tags* are those of its replies where they are kept.
    """

    def __init__(self, inner: Part, call: KeyedCall, table_of: TableOf, tags: tuple[Template, ...] = ()) -> None:
        self.name = inner.name
        self._inner = inner
        self._call = call
        self._table_of = table_of
        self._tags_of = tag_maker(tags) if tags else None

    def start(self, frame: Frame, done: Done) -> Cancelable | None:
        """Join the flight of an equal call, or begin one."""
        try:
            key = frame.key if isinstance(frame, KeyedFrame) else self._call.key(frame)
            named = self._named(frame)
        except AggregatorError:
            return self._inner.start(frame, done)  # which fails by the same, in its own words
        table = self._table_of(frame)
        flight = table.find(key, frame, self._tags)
        if flight is not None:
            table.saved += 1
            flight.tags[key].update(named)
            return flight.join(self._call, frame, done)
        flight = table.flying[key] = Flight(table, key, frame.loop.time() + self._call.timeout)
        flight.tags[key].update(named)
        waiter = flight.join(self._call, frame, done)
        flight.begin(self._inner, KeyedFrame.of(frame, key, flight.deadline))
        return waiter

    def _tags(self, frame: Frame) -> list[str]:
        return [self._call.place(frame), *self._named(frame)]

    def _named(self, frame: Frame) -> Iterable[str]:
        """Return the tags that are declared of the call; raises ``AggregatorError``."""
        if self._tags_of is None:
            return ()
        told = frame.told if isinstance(frame, KeyedFrame) else None
        return self._tags_of(frame.names) if told is None else told


class Flight:
    """One call, over at *deadline* (loop time), and its waiters.

    ``began`` is the number of the last purge before it, ``tags`` are those of the replies that it is for, by the keys
    under which it is found.
    """

    __slots__ = ("_table", "_ticket", "_waiting", "began", "deadline", "tags")

    def __init__(self, table: Flights, key: bytes, deadline: float) -> None:
        self._table = table
        self.began = table.purges.count
        self.tags: dict[bytes, set[str]] = {key: set()}
        self._waiting: dict[Waiter, None] = {}
        self._ticket: Cancelable | None = None
        self.deadline = deadline

    def begin(self, inner: Part, frame: Frame) -> None:
        """Start the call."""
        ticket = inner.start(frame, self._ended)
        self._ticket = ticket if self._waiting else None

    def join(self, call: KeyedCall, frame: Frame, done: Done) -> Waiter:
        """Return a new waiter for the flight, which judges the reply as *call*."""
        waiter = Waiter(self, call, frame, done, is_first=not self._waiting)
        self._waiting[waiter] = None
        waiter.watch(self.deadline)
        return waiter

    def is_also(self, key: bytes, tags: Collection[str]) -> None:
        """Offer the flight under *key*, too, to calls that need the part of its reply that will have *tags*."""
        if self._table.flying.setdefault(key, self) is self:
            self.tags.setdefault(key, set()).update(tags)

    def forget(self, key: bytes) -> None:
        """Offer the flight under *key* no more."""
        if self._table.flying.get(key) is self:
            del self._table.flying[key]

    def leave(self, waiter: Waiter) -> None:
        """Remove *waiter*; the call is cancelled with the last one."""
        self._waiting.pop(waiter, None)
        if not self._waiting:
            self._land()
            if self._ticket is not None:
                self._ticket.cancel()

    def _land(self) -> None:
        for key in self.tags:
            self.forget(key)

    def _ended(self, result: Result) -> None:
        self._land()
        waiting, self._waiting = tuple(self._waiting), {}
        outcome, attempts = result.reply if result.reply is not None else result.error, result.attempts
        for waiter in waiting:  # the first one may make something else of the result, whoever takes it
            waiter.ended(result, outcome, attempts)


class Waiter:
    """A waiter of a flight: its *call*, its *frame*, and its deadline.

    Once that has ended, a long reply may have to be judged for it.
    """

    __slots__ = ("_call", "_done", "_flight", "_frame", "_is_first", "_is_over", "_judging", "_started",
                 "_timer")  # fmt: skip

    def __init__(self, flight: Flight, call: KeyedCall, frame: Frame, done: Done, *, is_first: bool) -> None:
        self._flight = flight
        self._call = call
        self._frame = frame
        self._done = done
        self._is_first = is_first
        self._is_over = False
        self._judging: Cancelable | None = None
        self._started = frame.loop.time()
        self._timer: asyncio.TimerHandle | None = None

    def watch(self, landing: float) -> None:
        """Set a timer for the waiter's own deadline, if that is before *landing*, the end of the flight."""
        due = min(self._frame.deadline, self._started + self._call.timeout)
        if due < landing:
            self._timer = self._frame.loop.call_at(due, self._late)

    def ended(self, result: Result, outcome: Reply | CallError | None, attempts: int) -> None:
        """End with *result* for the first waiter; others judge the *outcome* of the call themselves."""
        if self._is_over:
            return
        self._end()
        if not self._is_first and outcome is not None:
            judged = partial(self._judged, attempts)
            self._judging = self._call.judge_soon(self._frame, outcome, self._started, judged)
            return
        self._done(result)

    def _judged(self, attempts: int, result: Result) -> None:
        result.attempts = attempts
        result.was_joined()
        self._done(result)

    def _late(self) -> None:
        self.cancel()
        error = CallError(Cause.DEADLINE, _LATE.format(self._call.label))
        self._done(self._call.judge(self._frame, error, self._started))

    def cancel(self) -> None:
        """Stop waiting."""
        if self._judging is not None:
            self._judging.cancel()
        elif not self._is_over:
            self._end()
            self._flight.leave(self)

    def _end(self) -> None:
        self._is_over = True
        if self._timer is not None:
            self._timer.cancel()
