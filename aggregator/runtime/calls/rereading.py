"""Replies that are there, kept or shared: a thread reads each once for all who are given it.

Nobody fails since many want the same: what finds no place in the queue of the thread is judged in the loop.

States of a ``_Reading``: *under way* (its reply knows it, and others join), *over* (it was read, or nobody waits).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from copy import deepcopy
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from aggregator.codecs import json as json_codec
from aggregator.errors import AggregatorError, CallError, Cause
from aggregator.parts.frame import Done, Frame
from aggregator.runtime import coding
from aggregator.runtime.coding import LATE, Aside, given
from aggregator.runtime.jobs import Busy, Outcome
from aggregator.transport import Reply
from aggregator.transport.door import Cancelable
from aggregator.transport.replies import ReadBody

if TYPE_CHECKING:
    from aggregator.runtime.calls.sending import Sender


class LongReading(NamedTuple):
    """A reader of long bodies; two readers with equal *how* read the same body to the same value."""

    how: Hashable
    read: Callable[[], Any]


def text_of(reply: Reply, how: Hashable) -> bytes | None:
    """Return the JSON text that somebody has read the body of *reply* to, this is *how*; None where nobody has."""
    known = reply.read
    return known.json if known is not None and known.how == how else None


def read_for_all(reading: LongReading) -> tuple[Any, ReadBody | None]:
    """Return the data of *reading*, and its text for others; None for what JSON cannot say. Raises ``CallError``."""
    value = reading.read()
    try:
        return value, ReadBody(reading.how, json_codec.encode(value))
    except AggregatorError:
        return value, None


def judge_again(
    sender: Sender, frame: Frame, reply: Reply, started: float, deadline: float, done: Done
) -> Cancelable | None:
    """Pass the result that *reply*, which is there, means for the call of *sender* to *done*.

    That is at once, or when a thread has read or judged what takes long to, by *deadline* (loop time).
    """
    judge = sender.routine.judge
    try:
        if len(reply.body) > judge.at_once and (reading := judge.long_reading(reply)) is not None:
            return _Again(sender, frame, reply, started, deadline, done).read(reading)
        if len(reply.body) > judge.at_once and judge.takes_long(reply, frame.names):
            return _Again(sender, frame, reply, started, deadline, done).look()
    except Busy:
        pass
    done(sender.judge(frame, reply, started))
    return None


class _Again:
    """One use of a *reply* that has arrived.

    States: *reading* (it waits for what reads the body for all), *looking* (a thread judges it), *over*.
    """

    __slots__ = ("_deadline", "_done", "_frame", "_reply", "_sender", "_started", "_ticket", "_timer")

    def __init__(self, sender: Sender, frame: Frame, reply: Reply, started: float, deadline: float, done: Done) -> None:
        self._sender = sender
        self._frame = frame
        self._reply = reply
        self._started = started
        self._deadline = deadline
        self._done = done
        self._ticket: Cancelable | None = None
        self._timer: asyncio.TimerHandle | None = None

    def read(self, reading: LongReading) -> Cancelable:
        """Wait for *reading*, with all who do; raises ``Busy``."""
        under_way: _Reading | None = self._reply.reading
        if under_way is None or under_way.how != reading.how:
            under_way = _Reading(self._reply, reading)
        self._ticket = under_way.join(self)
        self._timer = self._frame.loop.call_at(self._deadline, self._late)
        return self

    def was_read(self, made: Outcome) -> None:
        """Judge the reply by what the reading has *made*."""
        self._stop_timer()
        value, error = made
        if error is not None:
            self._done(self._sender.judge(self._frame, self._reply, self._started, partial(given, made)))
        elif value[1] is None:  # what each has is its own, whoever changes it
            self._done(self._sender.judge(self._frame, self._reply, self._started, partial(deepcopy, value[0])))
        else:
            again = judge_again(self._sender, self._frame, self._reply, self._started, self._deadline, self._done)
            self._ticket = again

    def look(self) -> Cancelable:
        """Judge the reply in a thread. Raises ``Busy``."""
        work = partial(self._sender.judge_and_read, self._frame, self._reply, self._started)
        self._ticket = Aside(self._frame.loop, work, self._judged, self._deadline, coding.JUDGING)
        return self

    def _judged(self, made: Outcome) -> None:
        try:
            result = given(made)
        except CallError as error:
            result = self._sender.judge(self._frame, error, self._started)
        self._done(result)

    def _late(self) -> None:
        self.cancel()
        error = CallError(Cause.DEADLINE, LATE)
        self._done(self._sender.judge(self._frame, self._reply, self._started, partial(given, (None, error))))

    def cancel(self) -> None:
        """Wait no longer."""
        self._stop_timer()
        if self._ticket is not None:
            self._ticket.cancel()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()


class _Reading:
    """A thread that reads the body of *reply*, and who waits for that; it is given up with the last of them."""

    __slots__ = ("_job", "_reply", "_waiting", "how")

    def __init__(self, reply: Reply, reading: LongReading) -> None:
        self.how = reading.how
        self._reply = reply
        self._waiting: dict[_Again, None] = {}
        self._job: Cancelable = coding.JUDGING.start(partial(read_for_all, reading), self._ended)
        reply.reading = self

    def join(self, one: _Again) -> Cancelable:
        """Wait for it, as *one*; return what leaves it."""
        self._waiting[one] = None
        return _Place(self, one)

    def leave(self, one: _Again) -> None:
        """Remove *one*; the reading is cancelled with the last one."""
        if self._waiting.pop(one, self) is None and not self._waiting:
            self._end()
            self._job.cancel()

    def _end(self) -> None:
        if self._reply.reading is self:
            self._reply.reading = None

    def _ended(self, made: Outcome) -> None:
        self._end()
        waiting, self._waiting = tuple(self._waiting), {}
        reply, read, fits = self._reply, made[0][1] if made[1] is None else None, True
        for one in waiting:
            reply.read = read
            one.was_read(made)
            fits = fits and reply.read is read
        if not fits:  # a cache has no room for it, and so it is for these alone
            reply.read = None


class _Place:
    """The place of *one* among those who wait for *reading*."""

    __slots__ = ("_one", "_reading")

    def __init__(self, reading: _Reading, one: _Again) -> None:
        self._reading = reading
        self._one = one

    def cancel(self) -> None:
        """Leave the reading."""
        self._reading.leave(self._one)
