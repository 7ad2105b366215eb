"""One flight for equal calls: who asks for what is being fetched waits for that.

A flight belongs to nobody: whoever started it may leave, and it lives while anybody waits. Each who waits has a
deadline of its own, and reads the reply in its own way.

States of a waiter: waiting, over (it got a result, or left). A flight is over when its call has ended, or nobody waits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from typing import Protocol

from aggregator.errors import AggregatorError, CallError, Cause
from aggregator.parts.frame import Done, Frame, Part
from aggregator.parts.result import Result
from aggregator.transport import Reply
from aggregator.transport.door import Cancelable

_LATE = "The upstream '{}' did not answer in time."


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

    def place(self, frame: Frame) -> str:
        """Return the tag of the place that it asks for; raises ``AggregatorError`` when it cannot be written."""

    def judge(self, frame: Frame, outcome: Reply | CallError, started: float) -> Result:
        """Return the result that *outcome* means for this call, which *started* then (loop time)."""


class KeyedFrame(Frame):
    """The surroundings of a call whose *key* is known."""

    __slots__ = ("key",)

    def __init__(self, frame: Frame, key: bytes, deadline: float) -> None:
        super().__init__(frame.exchange, frame.names, deadline, frame.loop)
        self.conditions = frame.conditions
        self.key = key


class Flights:
    """The calls under way that others may join, by key; ``saved`` counts those who did."""

    def __init__(self) -> None:
        self.saved = 0
        self.flying: dict[bytes, Flight] = {}

    def part_ways(self, places: Collection[str]) -> None:
        """Have nobody join any more what is being fetched from one of *places*."""
        for key, flight in tuple(self.flying.items()):
            if flight.may_be_from(places):
                del self.flying[key]


TableOf = Callable[[Frame], Flights]


def flights_of(frame: Frame) -> Flights:
    """Return the flights of one request."""
    exchange = frame.exchange
    if exchange.flights is None:
        exchange.flights = Flights()
    found: Flights = exchange.flights
    return found


class Coalesced:
    """*inner*, made once for all that ask for the same at the same time in the table that *table_of* returns."""

    def __init__(self, inner: Part, call: KeyedCall, table_of: TableOf) -> None:
        self.name = inner.name
        self._inner = inner
        self._call = call
        self._table_of = table_of

    def start(self, frame: Frame, done: Done) -> Cancelable | None:
        """Join the flight of an equal call, or begin one."""
        try:
            key = frame.key if isinstance(frame, KeyedFrame) else self._call.key(frame)
        except AggregatorError:
            return self._inner.start(frame, done)  # which fails by the same, in its own words
        table = self._table_of(frame)
        flight = table.flying.get(key)
        if flight is not None:
            table.saved += 1
            return flight.join(self._call, frame, done)
        flight = table.flying[key] = Flight(table, key, self._call, frame)
        waiter = flight.join(self._call, frame, done)
        flight.begin(self._inner, KeyedFrame(frame, key, flight.deadline))
        return waiter


class Flight:
    """One *call* for what *frame* asks for, and who waits for it."""

    __slots__ = ("_call", "_frame", "_keys", "_table", "_ticket", "_waiting", "deadline")

    def __init__(self, table: Flights, key: bytes, call: KeyedCall, frame: Frame) -> None:
        self._table = table
        self._call = call
        self._frame = frame
        self._keys = [key]
        self._waiting: dict[Waiter, None] = {}
        self._ticket: Cancelable | None = None
        self.deadline = frame.loop.time() + call.timeout

    def may_be_from(self, places: Collection[str]) -> bool:
        """Return whether it fetches from one of *places*, or more than one thing, each from a place of its own."""
        try:
            return len(self._keys) > 1 or self._call.place(self._frame) in places
        except AggregatorError:
            return True

    def begin(self, inner: Part, frame: Frame) -> None:
        """Make the call."""
        ticket = inner.start(frame, self._ended)
        self._ticket = ticket if self._waiting else None

    def join(self, call: KeyedCall, frame: Frame, done: Done) -> Waiter:
        """Wait for it, as *call*."""
        waiter = Waiter(self, call, frame, done, is_first=not self._waiting)
        self._waiting[waiter] = None
        waiter.watch(self.deadline)
        return waiter

    def is_also(self, key: bytes) -> None:
        """Be found under *key*, too, by those who need a piece of what it fetches."""
        if self._table.flying.setdefault(key, self) is self:
            self._keys.append(key)

    def leave(self, waiter: Waiter) -> None:
        """Let *waiter* go; the call ends with the last one."""
        self._waiting.pop(waiter, None)
        if not self._waiting:
            self._land()
            if self._ticket is not None:
                self._ticket.cancel()

    def _land(self) -> None:
        flying = self._table.flying
        for key in self._keys:
            if flying.get(key) is self:
                del flying[key]

    def _ended(self, result: Result) -> None:
        self._land()
        waiting, self._waiting = tuple(self._waiting), {}
        outcome, attempts = result.reply if result.reply is not None else result.error, result.attempts
        for waiter in waiting:  # the first one may make something else of the result, whoever takes it
            waiter.ended(result, outcome, attempts)


class Waiter:
    """One who waits for a flight: as which *call*, in which *frame*, until when."""

    __slots__ = ("_call", "_done", "_flight", "_frame", "_is_first", "_is_over", "_started", "_timer")

    def __init__(self, flight: Flight, call: KeyedCall, frame: Frame, done: Done, *, is_first: bool) -> None:
        self._flight = flight
        self._call = call
        self._frame = frame
        self._done = done
        self._is_first = is_first
        self._is_over = False
        self._started = frame.loop.time()
        self._timer: asyncio.TimerHandle | None = None

    def watch(self, landing: float) -> None:
        """Have a deadline of its own, if that is before the flight's, which is over at *landing*."""
        due = min(self._frame.deadline, self._started + self._call.timeout)
        if due < landing:
            self._timer = self._frame.loop.call_at(due, self._late)

    def ended(self, result: Result, outcome: Reply | CallError | None, attempts: int) -> None:
        """Take the *result* of the call: the first one as it is, others as they would judge its *outcome*."""
        if self._is_over:
            return
        self._end()
        if not self._is_first and outcome is not None:
            result = self._call.judge(self._frame, outcome, self._started)
            result.attempts = attempts
            result.was_joined()
        self._done(result)

    def _late(self) -> None:
        self.cancel()
        error = CallError(Cause.DEADLINE, _LATE.format(self._call.label))
        self._done(self._call.judge(self._frame, error, self._started))

    def cancel(self) -> None:
        """Wait no longer."""
        if not self._is_over:
            self._end()
            self._flight.leave(self)

    def _end(self) -> None:
        self._is_over = True
        if self._timer is not None:
            self._timer.cancel()
