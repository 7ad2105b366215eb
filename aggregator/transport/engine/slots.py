"""The places of a pool: which connections are open, which are free, who waits, and who has waited too long.

A place is taken from the moment a connection is being opened until it is closed, and every way out of that
passes `_vacate`. Connections are reused last in, first out; calls wait first in, first out.
"""

from __future__ import annotations

import asyncio
import math
import socket
from collections import OrderedDict
from functools import partial
from time import monotonic

from aggregator.errors import CallError, Cause
from aggregator.transport.engine.call import Ticket
from aggregator.transport.engine.connecting import Connector, Resolve
from aggregator.transport.engine.connection import Connection
from aggregator.transport.engine.expiry import Expiry
from aggregator.transport.engine.watch import Watch
from aggregator.transport.failures import closing, crowded, late
from aggregator.transport.settings import PoolSettings
from aggregator.transport.tls.connection import TlsConnection
from aggregator.transport.tls.rounds import Round

_Dial = asyncio.Task[tuple[socket.socket, Connection]]

_GOODBYE = 2.0
_RESTED = 0.5  # seconds after which an upstream may have given up an idle connection, perhaps with a 408


class Places:
    """At most ``max_connections`` of them, all to the origin of *settings*."""

    __slots__ = (
        "_closed", "_connections", "_connector", "_dials", "_empty", "_expiry", "_gaps", "_max_idle", "_watch",
        "idle", "loop", "parsing", "settings", "taken", "waiting",
    )  # fmt: skip

    def __init__(self, settings: PoolSettings, loop: asyncio.AbstractEventLoop, resolve: Resolve | None) -> None:
        limits = settings.limits
        self.settings = settings
        self.loop = loop
        self.taken = 0
        self.parsing = Round(loop, TlsConnection.parse)
        self.idle: OrderedDict[Connection, None] = OrderedDict()
        self.waiting: OrderedDict[Ticket, None] = OrderedDict()
        self._max_idle = limits.max_connections if limits.max_keepalive is None else limits.max_keepalive
        self._gaps = settings.timeouts.read is not None or settings.timeouts.write is not None
        self._connector = Connector(settings, loop, resolve)
        self._watch = Watch(loop, self._inspect)
        self._connections: set[Connection] = set()
        self._dials: set[_Dial] = set()
        self._expiry = Expiry(loop, self.idle, self._max_idle, limits.keepalive_expiry, partial(self.drop, gently=True))
        self._empty: asyncio.Event | None = None
        self._closed = False

    # Into a place.

    def admit(self, ticket: Ticket) -> None:
        """Send *ticket* on a free connection, or open one, or let it wait, or refuse it: the first that goes."""
        if ticket.deadline <= ticket.started:
            self.refuse(ticket, late(Cause.DEADLINE))
            return
        idle = self.idle
        while idle:
            connection, _ = idle.popitem()
            has_rested = ticket.started - connection.idle_since > _RESTED
            if connection.is_usable(careful=has_rested or not ticket.repeatable):  # the others may be replayed
                connection.send(ticket)
                break
            self.drop(connection)
        else:
            self._queue(ticket)
        if ticket.deadline < self._watch.due:
            self._watch.by(ticket.deadline)
        if self._gaps or ticket.streaming:
            self.watch_gap(ticket)

    def refuse(self, ticket: Ticket, error: CallError) -> None:
        """Fail *ticket* before anything was sent, once its caller has it in hand."""
        self.loop.call_soon(ticket.settle, error)

    def _queue(self, ticket: Ticket) -> None:
        limits = self.settings.limits
        if self._closed:
            self.refuse(ticket, closing())
        elif self.taken < limits.max_connections:
            self._dial(ticket)
        elif len(self.waiting) < limits.max_waiting:
            limit = ticket.timeouts.pool
            ticket.waits_until = math.inf if limit is None else self.loop.time() + limit
            self.waiting[ticket] = None
            self._watch.by(ticket.waits_until)
        else:
            self.refuse(ticket, crowded(limits.retry_after))

    def _dial(self, ticket: Ticket) -> None:
        self.taken += 1
        kind = TlsConnection if self.settings.origin.secure else Connection
        connect = self._connector.connect(partial(kind, self), ticket.deadline, ticket.timeouts.connect)
        ticket.dial = dial = self.loop.create_task(connect)
        self._dials.add(dial)
        dial.add_done_callback(partial(self._dialled, ticket))  # runs also when the task never did

    def _dialled(self, ticket: Ticket, dial: _Dial) -> None:
        self._dials.discard(dial)
        ticket.dial = None
        error = closing() if dial.cancelled() else dial.exception()
        if error is None:
            connection = dial.result()[1]
            connection.socket, connection.open = dial.result()[0], True
            self._opened(connection, ticket)
        else:
            self._vacate()
            if not isinstance(error, CallError):
                self.loop.call_exception_handler({"message": "connecting failed", "exception": error})
                error = CallError(Cause.UNREACHABLE, "The upstream cannot be reached.")
            ticket.settle(error.with_traceback(None))
        self._tell_empty()

    def _opened(self, connection: Connection, ticket: Ticket) -> None:
        if connection.transport.is_closing():
            self.drop(connection)
            ticket.settle(connection.early_failure())
            return
        self._connections.add(connection)
        if ticket.done is None:
            self.release(connection, monotonic())
        else:
            self._hand(connection, ticket)

    def _hand(self, connection: Connection, ticket: Ticket) -> None:
        """Send *ticket*, which had to wait, on *connection*."""
        ticket.sent = monotonic()
        connection.send(ticket)
        self._watch.by(ticket.deadline)
        self.watch_gap(ticket)

    # Out of a place.

    def release(self, connection: Connection, now: float) -> None:
        """Take *connection* back from a call that has ended well, for the call that has waited longest."""
        connection.served = True
        if self.waiting:
            self._hand(connection, self.waiting.popitem(last=False)[0])
        elif self._max_idle and not self._closed:
            connection.idle_since = now
            self.idle[connection] = None
            if self._expiry.timer is None or len(self.idle) > self._max_idle:
                self._expiry.watch()
        else:
            self.drop(connection, gently=True)

    def drop(self, connection: Connection, *, gently: bool = False) -> None:
        """Close *connection* and give its place away; *gently* lets what was written go out."""
        if connection.open:
            connection.open = False
            self.idle.pop(connection, None)
            connection.close(gently=gently)
            self._vacate()

    def replay(self, connection: Connection, ticket: Ticket) -> None:
        """Send *ticket* once more, on a fresh connection in the place of *connection*, which had died."""
        connection.open = False
        connection.close(gently=False)
        ticket.connection = None
        ticket.replayed = True
        self.taken -= 1
        self._dial(ticket)

    def forsake(self, ticket: Ticket) -> None:
        """Stop whatever is done for *ticket*."""
        if ticket.connection is not None:
            connection, ticket.connection = ticket.connection, None
            connection.ticket = None
            self.drop(connection)
        elif ticket.dial is not None:
            ticket.dial.cancel()
        else:
            self.waiting.pop(ticket, None)

    def _vacate(self) -> None:
        self.taken -= 1
        while self.waiting and self.taken < self.settings.limits.max_connections:
            self._dial(self.waiting.popitem(last=False)[0])

    # Time.

    def watch_gap(self, ticket: Ticket | None) -> None:
        """See to it that *ticket* is looked at when its read or write limit may have been reached."""
        if ticket is not None:
            for limit in (ticket.timeouts.read, ticket.timeouts.write):
                if limit is not None:
                    self._watch.by(self.loop.time() + limit)

    def _inspect(self, now: float) -> float:
        """Fail what is due at *now* and give the next due time."""
        next_due = math.inf
        for connection in tuple(self._connections):
            if connection.ticket is not None:
                due, cause = connection.due(now)
                if due > now:
                    next_due = min(next_due, due)
                else:
                    connection.fail(late(cause))
        for ticket in tuple(self.waiting):
            due, cause = min((ticket.deadline, Cause.DEADLINE), (ticket.waits_until, Cause.QUEUE_TIMEOUT))
            if due > now:
                next_due = min(next_due, due)
            elif ticket in self.waiting:
                del self.waiting[ticket]
                ticket.settle(late(cause, self.settings.limits.retry_after))
        return next_due

    # Connections come and go.

    def leave(self, connection: Connection) -> None:
        """Note that the socket of *connection* is closed."""
        self._connections.discard(connection)
        self._tell_empty()

    def close_idle(self) -> None:
        """Close the connections that nobody uses."""
        for connection in tuple(self.idle):
            self.drop(connection, gently=True)

    async def aclose(self) -> None:
        """Fail what still runs or waits, close every connection and wait until they are gone."""
        self._closed = True
        self._stop()
        self._empty = self._empty or asyncio.Event()
        self._tell_empty()
        try:
            async with asyncio.timeout(_GOODBYE):
                await self._empty.wait()
        except TimeoutError:
            for connection in tuple(self._connections):
                connection.close(gently=False)

    def _stop(self) -> None:
        self._connector.close()
        while self.waiting:
            self.waiting.popitem(last=False)[0].settle(closing())
        for dial in self._dials:
            dial.cancel()
        self.close_idle()
        for connection in tuple(self._connections):
            connection.fail(closing())
        self._watch.close()
        self._expiry.stop()

    def _tell_empty(self) -> None:
        if self._empty is not None and not self._connections and not self._dials:
            self._empty.set()
