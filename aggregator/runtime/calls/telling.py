"""The one place where ends of calls are told: a part around each call, made only when somebody listens.

    started ── done(result) ──▶ told: ok or failed
       │
       └── cancel() ──▶ told: cancelled (the client hung up, another part failed, a race was lost)

A call is told once.
"""

from __future__ import annotations

from aggregator.causes import Cause, State
from aggregator.parts.events import CallEnded, CallListener, tell
from aggregator.parts.frame import Done, Frame, Part
from aggregator.parts.result import Result
from aggregator.transport.door import Cancelable


class CallTeller:
    """Tells *listeners* of one call of an endpoint."""

    __slots__ = ("_attempt", "_endpoint", "_listeners", "_part", "_upstream")

    def __init__(
        self, listeners: tuple[CallListener, ...], endpoint: str, part: str, upstream: str, attempt: int = 1
    ) -> None:
        self._listeners = listeners
        self._endpoint = endpoint
        self._part = part
        self._upstream = upstream
        self._attempt = attempt

    def ended(self, request: str, result: Result, size: int | None = None) -> None:
        """Tell of a call that came to *result*; *size* is that of a body that was streamed."""
        reply = result.reply
        sent, first_byte = (0.0, 0.0) if reply is None or not reply.finished else (reply.sent, reply.first_byte)
        tell(self._listeners, CallEnded(
            self._endpoint, self._part, self._upstream, request, self._attempt, result.state, result.cause,
            result.status, len(result.raw) if size is None else size, result.started, result.ended, sent, first_byte,
        ))  # fmt: skip

    def broken(self, request: str, cause: Cause, status: int, size: int, started: float, ended: float) -> None:
        """Tell of a stream that broke off after *size* bytes."""
        self._tell(request, State.FAILED, cause, status, size, started, ended)

    def cancelled(self, request: str, started: float, ended: float, status: int = 0, size: int = 0) -> None:
        """Tell of a call that was given up."""
        self._tell(request, State.CANCELLED, None, status, size, started, ended)

    def _tell(
        self, request: str, state: State, cause: Cause | None, status: int, size: int, started: float, ended: float
    ) -> None:
        event = CallEnded(self._endpoint, self._part, self._upstream, request, self._attempt, state, cause, status,
                          size, started, ended)  # fmt: skip
        tell(self._listeners, event)


class Told:
    """The call *inner*, whose end is told."""

    __slots__ = ("_inner", "_teller", "name")

    def __init__(self, inner: Part, teller: CallTeller) -> None:
        self.name = inner.name
        self._inner = inner
        self._teller = teller

    def start(self, frame: Frame, done: Done) -> Cancelable | None:
        """Start the call."""
        telling = _Telling(self._teller, frame, done)
        telling.ticket = self._inner.start(frame, telling.ended)
        return None if telling.ticket is None else telling


class _Telling:
    __slots__ = ("_done", "_frame", "_is_told", "_started", "_teller", "ticket")

    def __init__(self, teller: CallTeller, frame: Frame, done: Done) -> None:
        self._teller = teller
        self._frame = frame
        self._done = done
        self._started = frame.loop.time()
        self._is_told = False
        self.ticket: Cancelable | None = None

    def ended(self, result: Result) -> None:
        """Tell of *result* as the call left it: whoever takes it may make something else of it."""
        self._is_told = True
        self.ticket = None
        self._teller.ended(self._frame.exchange.id, result)
        self._done(result)

    def cancel(self) -> None:
        """Give up the call."""
        if self.ticket is not None:
            self.ticket.cancel()
        if not self._is_told:
            self._is_told = True
            self._teller.cancelled(self._frame.exchange.id, self._started, self._frame.loop.time())
