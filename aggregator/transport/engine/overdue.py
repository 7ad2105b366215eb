"""Calls of a pool that have waited too long: for an answer, or for a place."""

from __future__ import annotations

import math

from aggregator.errors import Cause
from aggregator.transport.engine.call import Ticket
from aggregator.transport.engine.connection import Connection
from aggregator.transport.failures import late
from aggregator.transport.waiting import WaitingLine


class Overdue:
    """Looks through *connections*, and the lines of *calls* and of *streams*, for what is due; fails that."""

    __slots__ = ("_calls", "_connections", "_retry_after", "_streams")

    def __init__(
        self, connections: set[Connection], calls: WaitingLine[Ticket], streams: WaitingLine[Ticket],
        retry_after: float,
    ) -> None:  # fmt: skip
        self._connections = connections
        self._calls = calls
        self._streams = streams
        self._retry_after = retry_after

    def inspect(self, now: float) -> float:
        """Fail what is due at *now*; return the next due time."""
        next_due = math.inf
        for connection in tuple(self._connections):
            if connection.ticket is not None:
                due, cause = connection.due(now)
                if due > now:
                    next_due = min(next_due, due)
                else:
                    self._note_overrun(connection.ticket, now)
                    connection.fail(late(cause))
        return min(next_due, self._inspect_line(self._calls, now), self._inspect_line(self._streams, now))

    def _inspect_line(self, line: WaitingLine[Ticket], now: float) -> float:
        next_due = math.inf
        for ticket in tuple(line):
            due, cause = min((ticket.deadline, Cause.DEADLINE), (ticket.waits_until, Cause.QUEUE_TIMEOUT))
            if due > now:
                next_due = min(next_due, due)
            elif line.leave(ticket):
                ticket.settle(late(cause, self._retry_after))
        return next_due

    def _note_overrun(self, ticket: Ticket, now: float) -> None:
        if not ticket.streaming:
            self._calls.observe_at_least(now - ticket.sent)
