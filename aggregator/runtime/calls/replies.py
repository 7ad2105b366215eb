"""Calls whose replies lead on: to a thread that reads or changes a long body, or to where they redirect."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from msgspec.structs import replace

from aggregator.errors import CallError
from aggregator.parts.frame import Done, Frame
from aggregator.runtime.calls.redirects import next_target
from aggregator.runtime.calls.writing.rendering import Rendered
from aggregator.runtime.coding import given, read_aside
from aggregator.runtime.threads import Outcome
from aggregator.transport import Reply
from aggregator.transport.door import Cancelable

if TYPE_CHECKING:
    from aggregator.runtime.calls.sending import Sender


def judge_soon(
    sender: Sender, frame: Frame, outcome: Reply | CallError, started: float, deadline: float, done: Done
) -> Cancelable | None:
    """Pass the result that *outcome* means for the call of *sender*, which *started* then, to *done*.

    That is at once, or when a thread has read or judged what takes long to, by *deadline* (loop time).
    """

    def taken(made: Outcome) -> None:
        done(sender.judge(frame, outcome, started, partial(given, made)))

    def judged(made: Outcome) -> None:
        try:
            result = given(made)
        except CallError as error:
            result = sender.judge(frame, error, started)
        done(result)

    if (read := sender.long_reading(outcome)) is not None:
        return read_aside(frame.loop, read, taken, deadline)
    if not isinstance(outcome, CallError) and sender.takes_long(outcome, frame):
        return read_aside(frame.loop, partial(sender.judge_and_read, frame, outcome, started), judged, deadline)
    done(sender.judge(frame, outcome, started))
    return None


class Reading:
    """A call whose reply may take long to read, or to judge.

    States: *sent* (the ticket is that of the door), *reading* or *judging* (it is that of a thread), *over*.
    """

    __slots__ = ("_deadline", "_done", "_frame", "_rendered", "_sender", "_started", "_ticket")

    def __init__(
        self, sender: Sender, frame: Frame, rendered: Rendered, deadline: float, done: Done, started: float
    ) -> None:
        self._sender = sender
        self._frame = frame
        self._rendered = rendered
        self._deadline = deadline
        self._done = done
        self._started = started
        self._ticket: Cancelable | None = None
        self._send()

    def _send(self) -> None:
        ticket = self._sender.send(self._frame, self._rendered, self._deadline, self._answered)
        if self._ticket is None:  # else the reply was there at once, and is being read
            self._ticket = ticket

    def _answered(self, outcome: Reply | CallError) -> None:
        ticket = judge_soon(self._sender, self._frame, outcome, self._started, self._deadline, self._done)
        self._ticket = ticket or self._ticket

    def cancel(self) -> None:
        """Give up what is under way."""
        if self._ticket is not None:
            self._ticket.cancel()


class Following(Reading):
    """A call that follows redirects within its origin, as far as declared (RFC 9110 §15.4)."""

    __slots__ = ("_left",)

    def __init__(
        self, sender: Sender, frame: Frame, rendered: Rendered, deadline: float, done: Done, started: float
    ) -> None:
        self._left = sender.plan.redirects
        super().__init__(sender, frame, rendered, deadline, done, started)

    def _answered(self, outcome: Reply | CallError) -> None:
        if self._left and not isinstance(outcome, CallError):
            target = next_target(outcome, self._rendered.target, self._sender.plan)
            if target is not None:
                self._left -= 1
                self._rendered = replace(self._rendered, target=target)
                self._ticket = None
                self._send()
                return
        super()._answered(outcome)
