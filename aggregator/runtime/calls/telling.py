"""The one place where ends of calls are told: a part around each call, made only when somebody listens.

    started ── done(result) ──▶ told: ok or failed
       │
       └── cancel() ──▶ told: cancelled (the client hung up, another part failed, a race was lost)

A call is told once.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from aggregator.causes import Cause, State
from aggregator.parts.events import WELL, CallEnded, CallListener, CallTally, Listeners, tell
from aggregator.parts.frame import Done, Frame, Part
from aggregator.parts.result import Result
from aggregator.telemetry.metrics.histogram import MOST_WAITING, Histogram
from aggregator.transport.door import Cancelable

_OK: Final = State.OK


class CallTeller:
    """Tells *listeners* of one call of an endpoint to *upstream* (its label), and has it counted."""

    __slots__ = ("_attempt", "_endpoint", "_given_up", "_listeners", "_part", "_tallies", "_upstream")

    def __init__(self, listeners: Listeners, endpoint: str, part: str, upstream: str, attempt: int = 1) -> None:
        self._listeners = listeners.calls
        self._given_up = listeners.calls + listeners.given_up
        self._tallies = tuple(tally(upstream) for tally in listeners.tallies)
        self._endpoint = endpoint
        self._part = part
        self._upstream = upstream
        self._attempt = attempt

    def around(self, inner: Part) -> Part:
        """Return *inner*, whose end is told; where nobody hears of each call, it is only counted."""
        if self._listeners or len(self._tallies) > 1:
            return Told(inner, self)
        return Counted(inner, self, self._tallies[0] if self._tallies else None)

    def ended(self, request: str, result: Result, size: int | None = None) -> None:
        """Tell the listeners of a call that ended with *result*; *size* is that of a streamed body."""
        for tally in self._tallies:
            tally.add(result.state, result.cause, result.status, result.ended - result.started)
        if self._listeners:
            reply = result.reply
            sent, first_byte = (0.0, 0.0) if reply is None or not reply.finished else (reply.sent, reply.first_byte)
            tell(self._listeners, CallEnded(
                self._endpoint, self._part, self._upstream, request, self._attempt, result.state, result.cause,
                result.status, len(result.raw) if size is None else size, result.started, result.ended, sent,
                first_byte,
            ))  # fmt: skip

    def broken(self, request: str, cause: Cause, status: int, size: int, started: float, ended: float) -> None:
        """Tell the listeners of a stream that broke off after *size* bytes."""
        self._tell(self._listeners, request, State.FAILED, cause, status, size, started, ended)

    def cancelled(self, request: str, started: float, ended: float, status: int = 0, size: int = 0) -> None:
        """Tell the listeners of a cancelled call."""
        self._tell(self._given_up, request, State.CANCELLED, None, status, size, started, ended)

    def _tell(
        self, listeners: tuple[CallListener, ...], request: str, state: State, cause: Cause | None, status: int,
        size: int, started: float, ended: float,
    ) -> None:  # fmt: skip
        for tally in self._tallies:
            tally.add(state, cause, status, ended - started)
        if listeners:
            event = CallEnded(self._endpoint, self._part, self._upstream, request, self._attempt, state, cause, status,
                              size, started, ended)  # fmt: skip
            tell(listeners, event)


class Told:
    """The call *inner*, whose end is told."""

    __slots__ = ("_inner", "_teller", "name")

    def __init__(self, inner: Part, teller: CallTeller) -> None:
        self.name = inner.name
        self._inner = inner
        self._teller = teller

    def start(self, frame: Frame, done: Done) -> Cancelable | None:
        """Start the call."""
        telling = _Telling(self._teller, frame, done, frame.loop.time())
        telling.ticket = self._inner.start(frame, telling.ended)
        return None if telling.ticket is None else telling


class _Telling(Struct):
    """A call that was *started* then (loop time); *ticket* cancels it while it is under way."""

    teller: CallTeller
    frame: Frame
    done: Done
    started: float
    is_told: bool = False
    ticket: Cancelable | None = None

    def ended(self, result: Result) -> None:
        """Tell the listeners of *result* as the call left it, then pass it on: what receives it may change it."""
        self.is_told = True
        self.ticket = None
        self.teller.ended(self.frame.exchange.id, result)
        self.done(result)

    def cancel(self) -> None:
        """Cancel the call."""
        _give_up(self)


class Counted:
    """The call *inner*, which *tally* counts if there is one; *teller* tells of it if it is given up."""

    __slots__ = ("_durations", "inner", "name", "tally", "teller")

    def __init__(self, inner: Part, teller: CallTeller, tally: CallTally | None) -> None:
        self.name = inner.name
        self.inner = inner
        self.teller = teller
        self.tally = tally
        self._durations = Histogram(()) if tally is None else tally.durations

    def start(self, frame: Frame, done: Done) -> Cancelable | None:
        """Start the call."""
        counting = Counting(self.tally, self._durations, self.teller, frame, done, frame.loop.time())
        ticket = self.inner.start(frame, counting)
        if ticket is None:
            return None
        counting.ticket = ticket
        return counting

    def taken_up(self, frame: Frame, done: Done, started: float) -> Counting:
        """Return what is told of the end of a call that *started* then."""
        return Counting(self.tally, self._durations, self.teller, frame, done, started)


class Counting(Struct):
    """As ``_Telling``; it is called with the result itself, since that happens for every call."""

    tally: CallTally | None
    durations: Histogram
    teller: CallTeller
    frame: Frame
    done: Done
    started: float
    is_told: bool = False
    ticket: Cancelable | None = None

    def __call__(self, result: Result) -> None:
        """Count *result*, as the call left it, and hand it on."""
        self.is_told = True
        self.ticket = None
        if result.state is _OK and result.status in WELL:
            durations = self.durations
            waiting = durations.waiting
            waiting.append(result.ended - result.started)
            if len(waiting) >= MOST_WAITING:
                durations.fold()
        elif self.tally is not None:
            self.tally.add(result.state, result.cause, result.status, result.ended - result.started)
        self.done(result)

    def cancel(self) -> None:
        """Cancel the call."""
        _give_up(self)


def _give_up(call: _Telling | Counting) -> None:
    if call.ticket is not None:
        call.ticket.cancel()
    if not call.is_told:
        call.is_told = True
        call.teller.cancelled(call.frame.exchange.id, call.started, call.frame.loop.time())
