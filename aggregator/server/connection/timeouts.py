"""Timeouts of a client: to send a head, to send the rest of an unread body, to take an answer."""

from __future__ import annotations

import asyncio
import math
import socket
import struct
from typing import Any

from uvicorn import Config
from uvicorn.server import ServerState

from aggregator.edge.networks import plain_address
from aggregator.server.connection.flow import Flow
from aggregator.server.listeners.certificates import client_certificate

SEND_TIMEOUT = 30.0
"""Seconds in which a client has to take at least one byte of what is there for it."""
LINGER = 0.2
"""Seconds that a stopping server leaves idle connections open: a request may be on its way."""
LAST_WORDS = 1.0
"""Seconds in which a client that is still sending may read why nobody listens any more."""


_AT_ONCE = struct.pack("ii", 1, 0)


class TimedProtocol(asyncio.Protocol):
    """A connection whose client cannot hold it for ever.

    ``header_timeout`` is what a head may take in seconds, from its first byte or the connection on, and what
    is left of a request after its answer. *in_head* and *whole* tell how far the last request has come; *leaving*
    that the server stops, *deaf* that nothing more is heard. *cycle* is the request that is being answered, or the last
    that was. *client* is the peer unless a proxy has named another one before.
    """

    __slots__ = (
        "_idle_since", "_idle_timer", "_stall_timer", "address", "client", "cycle", "deaf", "flow", "in_head",
        "leaving", "loop", "scheme", "server", "server_state", "timeout_keep_alive", "timer", "tls_client", "transport",
        "whole",
    )  # fmt: skip
    header_timeout = 10.0

    def __init__(self, config: Config, server_state: ServerState, loop: asyncio.AbstractEventLoop) -> None:
        self.server_state = server_state
        self.timeout_keep_alive: float = config.timeout_keep_alive
        self.loop = loop
        self.cycle: Any = None  # uvicorn's, or one that needs no ASGI
        self.address = ""
        self.client: tuple[str, int] | None = None
        self.server: tuple[str, int] | None = None
        self.scheme = "http"
        self.tls_client: dict[str, Any] | None = None
        self.leaving = False
        self.in_head = False
        self.whole = True
        self.deaf = False
        self.timer: asyncio.TimerHandle | None = None
        self._stall_timer: asyncio.TimerHandle | None = None
        self._idle_timer: asyncio.TimerHandle | None = None
        self._idle_since = math.inf

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the timeout of the first head."""
        self.server_state.connections.add(self)  # type: ignore[arg-type]
        self.transport = transport
        self.flow = Flow(transport)
        peer, self.server = (_address(transport.get_extra_info(name)) for name in ("peername", "sockname"))
        self.client = self.client or peer
        self.address = self.client[0] if self.client else ""
        if (sock := transport.get_extra_info("ssl_object")) is not None:
            self.scheme = "https"
            self.tls_client = client_certificate(sock)
        self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - it does not matter why
        """Cancel the timers of the connection."""
        self.server_state.connections.discard(self)
        self.stop_timer()
        if self._idle_timer is not None:
            self._idle_timer.cancel()
        self._stop_stall()
        self.flow.resume_writing()

    def _start_timer(self) -> None:
        self.timer = self.loop.call_later(self.header_timeout, self._too_slow)

    def stop_timer(self) -> None:
        """Cancel the timer of the request."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

    def _too_slow(self) -> None:
        self.timer = None
        if self.in_head:
            self.head_took_too_long()
        else:  # nothing was asked, or the answer is there: who still sends a body has had its time
            self.close()

    def pause_writing(self) -> None:
        """Start the timer within which the client must read what has been written."""
        self.flow.pause_writing()
        if self._stall_timer is None:
            self._watch_stall(self.transport.get_write_buffer_size())

    def _watch_stall(self, left: int) -> None:
        self._stall_timer = self.loop.call_later(SEND_TIMEOUT, self._look_for_stall, left)

    def _look_for_stall(self, before: int) -> None:
        left = self.transport.get_write_buffer_size()
        if left < before:
            self._watch_stall(left)
        else:
            self._stall_timer = None
            self.answer_was_not_taken()
            self.transport.abort()

    def resume_writing(self) -> None:
        """Called when the client has taken what was written."""
        self.flow.resume_writing()
        if not self.transport.is_closing():
            self._stop_stall()

    def _stop_stall(self) -> None:
        if self._stall_timer is not None:
            self._stall_timer.cancel()
            self._stall_timer = None

    def shutdown(self) -> None:
        """Close after what is being answered; an idle connection after a moment, in which it may ask once more."""
        self.leaving = True
        if self.is_answering:
            self.cycle.keep_alive = False
            return
        if self._idle_timer is not None:
            self._idle_timer.cancel()
            self._idle_timer = None
        self.timeout_keep_alive = LINGER
        self._wait_for_request()

    @property
    def is_answering(self) -> bool:
        """Whether a request waits for its answer."""
        return self.cycle is not None and not self.cycle.response_complete

    def _wait_for_request(self) -> None:
        """Count the time from now on as idle.

        A timer for each request, stopped by the next, would be a fiftieth of a busy server's time.
        """
        self._idle_since = self.loop.time()
        if self._idle_timer is None:
            self._idle_timer = self.loop.call_later(self.timeout_keep_alive, self._look_whether_idle)

    def _look_whether_idle(self) -> None:
        """Close a connection that has been idle for long enough; look again when it could have been."""
        self._idle_timer = None
        left = self._idle_since + self.timeout_keep_alive - self.loop.time()
        if left <= 0:
            self.close()
        elif left < math.inf:
            self._idle_timer = self.loop.call_later(left, self._look_whether_idle)

    def limit_rest(self) -> None:
        """Limit the time of a request of which a part is still to come, unless its answer is."""
        if self.whole or self.timer is not None or self.transport.is_closing():
            return
        if self.in_head or not self.is_answering:
            self._start_timer()

    def close(self) -> None:
        """Close when what was written has left; a client that does not take it has its time."""
        if self.transport.is_closing():
            return
        left = self.transport.get_write_buffer_size()
        self.transport.close()
        if left and self._stall_timer is None:
            self._watch_stall(left)

    def close_gently(self) -> None:
        """Close so that the client can read what was written, although it is still sending (RFC 9112 §9.6).

        To close with bytes unread would reset the connection, and the answer with it.
        """
        if self.deaf or self.transport.is_closing():
            return
        if self.whole and not self.flow.read_paused:
            self.close()
            return
        self.deaf = True
        self.stop_timer()
        self.flow.is_full = False
        self.flow.resume_reading()
        if self.transport.can_write_eof():  # TLS ends in both directions at once
            self.transport.write_eof()
        self.timer = self.loop.call_later(LAST_WORDS, self.close)

    def reset(self) -> None:
        """Reset the connection, so that the client sees that the answer is incomplete."""
        if not self.transport.is_closing():
            self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
            self.transport.abort()

    def head_took_too_long(self) -> None:
        """Refuse the request."""
        raise NotImplementedError

    def answer_was_not_taken(self) -> None:
        """Report that the connection is cut because the client did not take its answer."""
        raise NotImplementedError


def _address(found: Any) -> tuple[str, int] | None:
    """Return host and port of a socket address; None of one that has none."""
    return (
        (plain_address(str(found[0])), int(found[1])) if isinstance(found, tuple | list) and len(found) >= 2 else None
    )
