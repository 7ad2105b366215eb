"""One connection to an upstream: an asyncio protocol that carries one call at a time.

The pool makes it, hands it calls (`send`) and takes it back; the reader judges what arrives.

    made       by the connector; `connection_made` gives it a transport, the pool sets `open`
    carrying   `send`: a ticket is in hand. Its request is written, at the pace of the upstream (`writable` while it
               takes no more); its answer is read, at the pace of who takes it (`_paused`)
    free       `_complete`: the ticket is told, and the pool has the connection again, to be idle or to carry the next
    closed     `drop` of the pool, by `fail`, `_complete` or `_gone`; `connection_lost` comes last, in every case

Whatever happens to a call in hand happens in one of three ways: it is complete, it has failed (by a limit of time, or
by what arrived), or the connection is gone, where it may be sent once more (`replayable`).
"""

from __future__ import annotations

import asyncio
import math
import socket
from contextlib import suppress
from time import monotonic
from typing import Protocol, cast

from aggregator.errors import CallError, Cause
from aggregator.transport.engine.call import Ticket
from aggregator.transport.engine.lane import Lane
from aggregator.transport.engine.opening.sockets import Place
from aggregator.transport.failures import lost_failure
from aggregator.transport.replies import Reply
from aggregator.transport.settings import PoolSettings
from aggregator.transport.wire.flow_control import FlowControl
from aggregator.transport.wire.framing import ResponseReader

_READ = 64 * 1024  # bytes
_LAST_WORDS = 16  # reads, so that nobody who goes on sending holds up the others


class Home(Protocol):
    """The part of ``Places`` that a connection uses."""

    @property
    def settings(self) -> PoolSettings:
        """The settings of the pool."""

    def release(self, connection: Connection, now: float) -> None:
        """Take *connection* back after a call that ended well."""

    def drop(self, connection: Connection, *, gently: bool = False) -> None:
        """Close *connection* and give its place away."""

    def replay(self, connection: Connection, ticket: Ticket) -> None:
        """Send *ticket* once more, on a fresh connection."""

    def leave(self, connection: Connection) -> None:
        """Note that the socket of *connection* is closed."""

    def watch_gap(self, ticket: Ticket | None) -> None:
        """Watch *ticket*: its read or write timeout may be over soon."""


class Connection(asyncio.Protocol):
    """*open* while it holds one of the pool's places; *served* once it has carried a call.

    It is to *peer*, and takes no new call once it *retires* (`Aging`).
    """

    __slots__ = (
        "_paused", "heard", "idle_since", "lane", "open", "peer", "places", "reader", "retires", "served", "socket",
        "spoke_first", "stalled_since", "ticket", "transport", "writable",
    )  # fmt: skip

    transport: asyncio.Transport

    def __init__(self, places: Home, lane: Lane[Ticket]) -> None:
        self.places = places
        self.lane = lane
        self.reader = ResponseReader(places.settings.caps)
        self.socket: socket.socket | None = None
        self.ticket: Ticket | None = None
        self.writable: asyncio.Future[None] | None = None
        self.open = self.served = self.spoke_first = self._paused = False
        self.heard = self.idle_since = self.stalled_since = 0.0
        self.peer: Place | None = None
        self.retires = math.inf

    def send(self, ticket: Ticket) -> None:
        """Write the request of *ticket* and answer it from now on."""
        self.ticket = ticket
        ticket.connection = self
        ticket.reused = self.served
        self.reader.expect(ticket.method == b"HEAD", ticket.limit)
        try:  # as ``write``, without a call
            self.transport.write(ticket.request)
        except RuntimeError:
            self.transport.abort()
        if ticket.streaming:
            ticket.sending(self)

    def write(self, data: bytes) -> None:
        """Write *data*, unless the connection is lost, which `connection_lost` tells."""
        try:
            self.transport.write(data)
        except RuntimeError:  # uvloop: the handle is closed already, and the loss is yet to be told
            self.transport.abort()

    def finish_upload(self) -> None:
        """Wait for the answer from now on: the whole request has been written."""
        self.heard = monotonic()
        self.places.watch_gap(self.ticket)

    def fail(self, error: CallError) -> None:
        """Close, and fail the call that is being carried."""
        ticket, self.ticket = self.ticket, None
        self.places.drop(self)
        if ticket is not None:
            ticket.settle(error)

    def close(self, *, gently: bool) -> None:
        """Close the transport: *gently* with a TLS goodbye, unless there is something left to be written."""
        if gently and not self.transport.get_write_buffer_size():
            self.transport.close()
        else:
            self.transport.abort()

    def is_quiet(self) -> bool:
        """Return whether nothing has arrived that the event loop does not know of yet, as the socket tells.

        What was not asked for, and an end of stream, both forbid to send a request.
        """
        if self.socket is None:
            return True
        try:
            self.socket.recv(1, socket.MSG_PEEK)  # never blocks: the socket is the loop's
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    def early_failure(self) -> CallError:
        """Return why a connection is lost that has not been used yet."""
        if self.spoke_first:
            return CallError(Cause.PROTOCOL, "The upstream spoke before it was asked.")
        return lost_failure(None, answering=False)

    def due(self, now: float) -> tuple[float, Cause]:
        """Return when (loop time) the call in hand has failed, and of what, if nothing happens until then."""
        ticket = cast("Ticket", self.ticket)
        limit, since, cause = self._awaited(ticket)
        if limit is not None:
            gap = now + limit - (monotonic() - since)
            if gap < ticket.deadline:
                return gap, cause
        return ticket.deadline, Cause.DEADLINE

    def _awaited(self, ticket: Ticket) -> tuple[float | None, float, Cause]:
        """Return for how many seconds the upstream is waited for, None without end, since when, and what it is then."""
        if self.writable is not None:
            return ticket.timeouts.write, self.stalled_since, Cause.WRITE_TIMEOUT
        since = max(self.heard, ticket.sent)
        if self._paused or not ticket.uploaded:
            return None, since, Cause.READ_TIMEOUT
        if not ticket.first_byte and ticket.answer_timeout is not None:
            return ticket.answer_timeout, since, Cause.DEADLINE
        return ticket.timeouts.read, since, Cause.READ_TIMEOUT

    def pause_reading(self) -> None:
        """Hold the upstream back."""
        if not self._paused and not self.transport.is_closing():
            self._paused = True
            self.transport.pause_reading()

    def resume_reading(self) -> None:
        """Resume reading from the upstream."""
        if self._paused:
            self._paused = False
            self.heard = monotonic()
            if not self.transport.is_closing():
                self.transport.resume_reading()
                self.places.watch_gap(self.ticket)

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Read on; what nobody asked for closes the connection."""
        ticket = self.ticket
        if ticket is None:
            self.spoke_first = True
            self.places.drop(self)
            self.transport.abort()
            return
        self.heard = now = monotonic()
        if not ticket.first_byte:
            ticket.first_byte = now
        try:
            complete = self.reader.feed(data)
            if ticket.streaming:
                ticket.absorb(self.reader)
        except CallError as error:
            self.fail(error.with_traceback(None))
            return
        if complete:
            self._complete(ticket, now)

    def eof_received(self) -> None:
        """Handle the end of the stream as that of the connection, and of a body that has no other end."""
        self._gone(None, ended=True)

    def connection_lost(self, exc: Exception | None) -> None:
        """Release the ticket and all references."""
        try:
            if isinstance(exc, OSError) and self.ticket is not None and not self.ticket.replayable:
                self._hear_out(self.ticket)
        finally:
            self._gone(exc, ended=False)
            self._wake_writer()
            self.reader.close()
            self.places.leave(self)

    def pause_writing(self) -> None:
        """Note that the upstream does not keep up with the request."""
        self.writable = asyncio.get_running_loop().create_future()
        self.stalled_since = monotonic()
        self.places.watch_gap(self.ticket)

    def resume_writing(self) -> None:
        """Resume writing the request."""
        self._wake_writer()

    def _wake_writer(self) -> None:
        writable, self.writable = self.writable, None
        if writable is not None and not writable.done():
            writable.set_result(None)

    def _hear_out(self, ticket: Ticket) -> None:
        """Take the answer that came before the upstream closed on a request still being sent (RFC 9112 §9.6).

        A write that fails leaves it in the socket, which every loop closes after this. A loop's own TLS keeps to
        itself what is encrypted there.
        """
        sock, secure = self.socket, self.places.settings.origin.secure
        if sock is None or (secure and not isinstance(self.transport, FlowControl)):
            return
        self.reader.spoil()
        with suppress(OSError):
            for _ in range(_LAST_WORDS):
                data = sock.recv(_READ)
                if not data or self.ticket is not ticket:
                    return
                self.data_received(data)

    def _complete(self, ticket: Ticket, now: float) -> None:
        outcome: Reply | CallError
        try:  # as ``_outcome``, without a call
            outcome = ticket.conclude(self.reader, now)
        except CallError as error:
            outcome = error.with_traceback(None)
        self.ticket = None
        is_sent = True
        if ticket.streaming:
            is_sent = ticket.uploaded
        else:
            self.lane.line.observe(now - ticket.sent)
        if self.reader.reusable and is_sent and not self.transport.get_write_buffer_size():
            if self._paused:
                self.resume_reading()
            self.places.release(self, now)
        else:  # the answer may have come before the whole request had gone out
            self.places.drop(self, gently=True)
        ticket.settle(outcome)

    def _outcome(self, ticket: Ticket, now: float) -> Reply | CallError:
        try:
            return ticket.conclude(self.reader, now)
        except CallError as error:
            return error.with_traceback(None)

    def _gone(self, error: Exception | None, *, ended: bool) -> None:
        ticket, self.ticket = self.ticket, None
        if ticket is None:
            self.places.drop(self)
        elif ended and self.reader.end():
            outcome = self._outcome(ticket, monotonic())
            self.places.drop(self)
            ticket.settle(outcome)
        elif ticket.replayable:
            self.places.replay(self, ticket)
        else:
            self.places.drop(self)
            ticket.settle(lost_failure(error, answering=ticket.first_byte > 0))
