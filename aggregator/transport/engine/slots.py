"""The places of a pool: which connections are open, which are free, who waits, and who has waited too long.

A place is in one of these states; whole calls and streams have places of their own (`Lane`).

    free        nobody has it
    dialling    `_dial`: a connection is being opened for a call, `_dialled` tells how that ended
    carrying    `_hand`, `admit`: the connection has a call; it is given back by `release`, or lost by `drop`
    idle        `release`, when nobody waits: the last one used is the first to be used again; one that has retired is
                dropped instead (`Aging`)
    free        `drop`: closed, and `_vacate` gives the place to the next who waits

An idle connection is in the lane of the calls. A stream takes it along into its own, and brings it back if there is
room. A call that finds neither an idle connection nor a free place waits (`WaitingLine`) or is refused.
"""

from __future__ import annotations

import asyncio
import socket
from collections import OrderedDict
from functools import partial
from time import monotonic
from typing import cast

from aggregator.errors import CallError, Cause
from aggregator.transport.engine.call import Ticket
from aggregator.transport.engine.connection import Connection
from aggregator.transport.engine.expiry import Expiry
from aggregator.transport.engine.lane import Lane
from aggregator.transport.engine.opening.aging import Aging
from aggregator.transport.engine.opening.connecting import Connector, Resolve
from aggregator.transport.engine.opening.sockets import peer_of
from aggregator.transport.engine.overdue import Overdue
from aggregator.transport.engine.watch import Watch
from aggregator.transport.failures import closing, late, waited_in_vain
from aggregator.transport.settings import PoolSettings
from aggregator.transport.tls.connection import TlsConnection
from aggregator.transport.tls.rounds import Round

_Dial = asyncio.Task[tuple[socket.socket, Connection]]

_GOODBYE = 2.0
_RESTED = 0.5  # seconds after which an upstream may have given up an idle connection, perhaps with a 408


class Places:
    """``max_connections`` and ``max_streams`` of them, all to the origin of *settings*."""

    __slots__ = (
        "_aging", "_closed", "_connections", "_connector", "_dials", "_empty", "_expiry", "_gaps", "_max_idle",
        "_watch", "calls", "dialling", "dials", "idle", "loop", "parsing", "settings", "streams",
    )  # fmt: skip

    def __init__(self, settings: PoolSettings, loop: asyncio.AbstractEventLoop, resolve: Resolve | None) -> None:
        limits = settings.limits
        self.settings = settings
        self.loop = loop
        self.calls = Lane[Ticket](limits.max_connections, limits.max_waiting, self._crowd_out)
        self.streams = Lane[Ticket](limits.max_streams, limits.max_waiting, self._crowd_out)
        self.parsing = Round(loop, TlsConnection.parse)
        self.idle: OrderedDict[Connection, None] = OrderedDict()
        self._max_idle = limits.max_connections if limits.max_keepalive is None else limits.max_keepalive
        self._gaps = settings.timeouts.read is not None or settings.timeouts.write is not None
        self._connector = Connector(settings, loop, resolve)
        self._connections: set[Connection] = set()
        overdue = Overdue(self._connections, self.calls.line, self.streams.line, limits.retry_after)
        self._watch = Watch(loop, overdue.inspect)
        self._dials: set[_Dial] = set()
        self._expiry = Expiry(loop, self.idle, self._max_idle, limits.keepalive_expiry, partial(self.drop, gently=True))
        self._aging = Aging(loop, self._connector, limits.max_age, self._connections, self._retire)
        self._empty: asyncio.Event | None = None
        self._closed = False
        self.dials, self.dialling = 0, 0.0  # connections that were opened, and the seconds that it took

    # Into a place.

    def admit(self, ticket: Ticket) -> None:
        """Send *ticket* on a free connection, or open one, or let it wait, or refuse it: the first that goes."""
        if ticket.deadline <= ticket.started:
            self.refuse(ticket, late(Cause.DEADLINE))
            return
        idle = self.idle
        while idle and (ticket.lane is self.calls or self.streams.has_room):
            connection, _ = idle.popitem()
            may_be_replayed = ticket.repeatable and ticket.started - connection.idle_since <= _RESTED
            if (
                ticket.started < connection.retires and not connection.transport.is_closing()
                and (may_be_replayed or connection.is_quiet())
            ):  # fmt: skip
                if ticket.lane is not connection.lane:
                    self._move(connection, ticket.lane)
                connection.send(ticket)
                break
            self.drop(connection)
        else:
            self._queue(ticket, ticket.lane)
        if ticket.deadline < self._watch.due:
            self._watch.by(ticket.deadline)
        if self._gaps or ticket.streaming:
            self.watch_gap(ticket)

    def refuse(self, ticket: Ticket, error: CallError) -> None:
        """Fail *ticket* before anything was sent, once its caller has it in hand."""
        self.loop.call_soon(ticket.settle, error)

    def _crowd_out(self, ticket: Ticket) -> None:
        self.refuse(ticket, waited_in_vain(ticket.deadline, self.settings.limits.retry_after))

    def _move(self, connection: Connection, lane: Lane[Ticket]) -> None:
        connection.lane.taken -= 1
        connection.lane = lane
        lane.taken += 1

    def _queue(self, ticket: Ticket, lane: Lane[Ticket]) -> None:
        if self._closed:
            self.refuse(ticket, closing())
            return
        if lane.has_room:
            self._dial(ticket, lane)
            return
        waits = [limit for limit in (ticket.timeouts.pool, ticket.answer_timeout) if limit is not None]
        if waits:
            ticket.waits_until = min(ticket.waits_until, self.loop.time() + min(waits))
        if lane.line.join(ticket, ticket.started):
            self._watch.by(ticket.waits_until)
        else:
            self._crowd_out(ticket)

    def _dial(self, ticket: Ticket, lane: Lane[Ticket]) -> None:
        lane.taken += 1
        kind = TlsConnection if self.settings.origin.secure else Connection
        connect = self._connector.connect(partial(kind, self, lane), ticket.deadline, ticket.timeouts.connect)
        ticket.dial = dial = self.loop.create_task(connect)
        self._dials.add(dial)
        dial.add_done_callback(partial(self._dialled, ticket, lane, monotonic()))  # runs also when the task never did

    def _dialled(self, ticket: Ticket, lane: Lane[Ticket], began: float, dial: _Dial) -> None:
        self._dials.discard(dial)
        ticket.dial = None
        error = closing() if dial.cancelled() else dial.exception()
        if error is None:
            self.dials += 1
            self.dialling += monotonic() - began
            connection = dial.result()[1]
            connection.socket, connection.open = dial.result()[0], True
            self._aging.begin(connection, peer_of(connection.socket))
            self._opened(connection, ticket)
        else:
            self._vacate(lane)
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
        """Take *connection* back after a call that ended well, for the next waiter."""
        connection.served = True
        if now >= self._aging.due:
            self._aging.look(now)
        if now >= connection.retires:
            self.drop(connection, gently=True)
            return
        line = connection.lane.line
        waiting = line.take(now) if line.first or line.following else None
        if waiting is not None:
            self._hand(connection, waiting)
        elif self._max_idle and not self._closed and (connection.lane is self.calls or self._comes_home(connection)):
            connection.idle_since = now
            self.idle[connection] = None
            if self._expiry.timer is None or len(self.idle) > self._max_idle:
                self._expiry.watch()
        else:
            self.drop(connection, gently=True)

    def _retire(self, connection: Connection) -> None:
        """Close *connection*, to which no new call goes, unless it still carries one."""
        if connection in self.idle:
            self.drop(connection, gently=True)

    def _comes_home(self, connection: Connection) -> bool:
        """Return whether *connection*, of the streams, fits among those of the calls, where it may be idle."""
        if not self.calls.has_room:
            return False
        self._move(connection, self.calls)
        self._fill(self.streams)
        return True

    def drop(self, connection: Connection, *, gently: bool = False) -> None:
        """Close *connection* and give its place away; *gently* lets what was written go out."""
        if connection.open:
            connection.open = False
            self.idle.pop(connection, None)
            connection.close(gently=gently)
            self._vacate(connection.lane)

    def replay(self, connection: Connection, ticket: Ticket) -> None:
        """Send *ticket* once more, on a fresh connection in the place of *connection*, which had died."""
        connection.open = False
        connection.close(gently=False)
        ticket.connection = None
        ticket.replayed = True
        connection.lane.taken -= 1
        self._dial(ticket, connection.lane)

    def forsake(self, ticket: Ticket) -> None:
        """Stop whatever is done for *ticket*."""
        if ticket.connection is not None:
            connection, ticket.connection = cast("Connection", ticket.connection), None
            connection.ticket = None
            self.drop(connection)
        elif ticket.dial is not None:
            ticket.dial.cancel()
        else:
            ticket.lane.line.leave(ticket)

    def _vacate(self, lane: Lane[Ticket]) -> None:
        lane.taken -= 1
        self._fill(lane)

    def _fill(self, lane: Lane[Ticket]) -> None:
        while lane.line and lane.has_room:
            waiting = lane.line.take(monotonic())
            if waiting is not None:
                self._dial(waiting, lane)

    # Time.

    def watch_gap(self, ticket: Ticket | None) -> None:
        """See to it that *ticket* is looked at when its read or write limit may have been reached."""
        if ticket is not None:
            for limit in (ticket.timeouts.read, ticket.timeouts.write, ticket.answer_timeout):
                if limit is not None:
                    self._watch.by(self.loop.time() + limit)

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
        self._aging.stop()
        self._connector.close()
        for lane in (self.calls, self.streams):
            while lane.line:
                lane.line.pop().settle(closing())
            lane.line.stop()
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
