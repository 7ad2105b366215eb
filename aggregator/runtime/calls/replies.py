"""Calls whose replies lead on: to a thread that reads or changes a long body, or to where they redirect."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from aggregator.errors import CallError
from aggregator.parts.frame import Done, Frame
from aggregator.runtime.calls.redirects import next_target
from aggregator.runtime.calls.rereading import read_for_all
from aggregator.runtime.calls.writing.rendering import Rendered
from aggregator.runtime.coding import given, read_aside
from aggregator.runtime.jobs import Outcome
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
        if made[1] is None and isinstance(outcome, Reply):
            value, outcome.read = made[0]
            made = value, None
        done(sender.judge(frame, outcome, started, partial(given, made)))

    def judged(made: Outcome) -> None:
        try:
            result = given(made)
        except CallError as error:
            result = sender.judge(frame, error, started)
            result.reply = outcome if isinstance(outcome, Reply) else None  # of which others make what they need
        done(result)

    judge = sender.routine.judge
    if isinstance(outcome, CallError) or len(outcome.body) <= judge.at_once:
        done(sender.judge(frame, outcome, started))
        return None
    if (reading := judge.long_reading(outcome)) is not None:
        return read_aside(frame.loop, partial(read_for_all, reading), taken, deadline)
    if judge.takes_long(outcome, frame.names):
        return read_aside(frame.loop, partial(sender.judge_and_read, frame, outcome, started), judged, deadline)
    done(sender.judge(frame, outcome, started))
    return None


class Reading(Struct, eq=False):
    """A call whose reply may take long to read, or to judge; it is told of the reply itself.

    States: *sent* (the ticket is that of the door), *reading* or *judging* (it is that of a thread), *over*.
    """

    sender: Sender
    frame: Frame
    deadline: float
    done: Done
    started: float
    ticket: Cancelable | None = None

    def sent(self, ticket: Cancelable) -> Cancelable:
        """Keep the *ticket* of the door, and return what cancels the call."""
        if self.ticket is None:  # else the reply was there at once, and is being read
            self.ticket = ticket
        return self

    def __call__(self, outcome: Reply | CallError) -> None:
        """Judge *outcome*: at once when it is short, as nearly all are."""
        sender = self.sender
        if isinstance(outcome, CallError) or len(outcome.body) <= sender.routine.judge.at_once:
            self.done(sender.judge(self.frame, outcome, self.started))
        else:
            ticket = judge_soon(sender, self.frame, outcome, self.started, self.deadline, self.done)
            self.ticket = ticket or self.ticket

    def cancel(self) -> None:
        """Cancel what is under way."""
        if self.ticket is not None:
            self.ticket.cancel()


class Following(Reading, eq=False, kw_only=True):
    """A call that follows redirects within its origin, *left* more of them at most (RFC 9110 §15.4)."""

    rendered: Rendered
    left: int

    def __call__(self, outcome: Reply | CallError) -> None:
        """Send the call to where *outcome* leads, or judge it."""
        if self.left and not isinstance(outcome, CallError):
            target = next_target(outcome, self.rendered.target, self.sender.plan)
            if target is not None:
                self.left -= 1
                self.rendered = replace(self.rendered, target=target)
                self.ticket = None
                self.sent(self.sender.send(self.frame, self.rendered, self.deadline, self))
                return
        Reading.__call__(self, outcome)
