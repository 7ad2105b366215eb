"""How long a client may take: to send a head, to send the rest of a body nobody wanted, to take an answer.

uvicorn's httptools path limits none of it (Kludex/uvicorn#157), and resets connections that it closes too early.
"""

from __future__ import annotations

import asyncio
import math
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

SEND_TIMEOUT = 30.0
"""Seconds in which a client has to take at least one byte of what is there for it."""
LINGER = 0.2
"""Seconds that a stopping server leaves idle connections open: a request may be on its way."""
LAST_WORDS = 1.0
"""Seconds in which a client that is still sending may read why nobody listens any more."""


_OF_UVICORN = (
    "access_log", "access_logger", "app", "app_state", "asgi_version", "client", "config", "connections", "cycle",
    "expect_100_continue", "flow", "headers", "limit_concurrency", "logger", "loop", "parser", "pipeline", "root_path",
    "scheme", "scope", "server", "server_state", "tasks", "timeout_keep_alive", "timeout_keep_alive_task", "transport",
    "url", "ws_protocol_class",
)  # fmt: skip
"""What uvicorn's protocol keeps. As slots they are a third of a dictionary of so many names, and next to each other."""


class TimedProtocol(HttpToolsProtocol):
    """uvicorn's protocol, whose clients cannot hold a connection for ever.

    ``header_timeout`` is what a head may take in seconds, from its first byte or the connection on, and what
    is left of a request after its answer. *in_head* and *whole* tell how far the last request has come; *leaving*
    that the server stops, *deaf* that nothing more is heard.
    """

    __slots__ = (
        *_OF_UVICORN, "_feeding", "_idle_since", "_idle_timer", "_stall_timer", "address", "deaf", "in_head", "leaving",
        "timer", "whole",
    )  # fmt: skip
    header_timeout = 10.0
    cycle: Any  # uvicorn's, or one that needs no ASGI

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.address = ""
        self.leaving = False
        self.in_head = False
        self.whole = True
        self._feeding = False
        self.deaf = False
        self.timer: asyncio.TimerHandle | None = None
        self._stall_timer: asyncio.TimerHandle | None = None
        self._idle_timer: asyncio.TimerHandle | None = None
        self._idle_since = math.inf

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Give the client its time for the first head."""
        super().connection_made(transport)
        self.address = self.client[0] if self.client else ""
        self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the timers with the connection."""
        self.stop_timer()
        if self._idle_timer is not None:
            self._idle_timer.cancel()
        self.resume_writing()
        super().connection_lost(exc)

    def _start_timer(self) -> None:
        self.timer = self.loop.call_later(self.header_timeout, self._too_slow)

    def stop_timer(self) -> None:
        """Let the client take its time."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

    def _too_slow(self) -> None:
        self.timer = None
        if self.in_head:
            self.head_took_too_long()
        else:  # nothing was asked, or the answer is there: who still sends a body has had its time
            self.transport.close()

    def pause_writing(self) -> None:
        """Give the client its time to take what has been written."""
        super().pause_writing()
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
            self.transport.abort()

    def resume_writing(self) -> None:
        """Hear that the client took it."""
        super().resume_writing()
        if self._stall_timer is not None:
            self._stall_timer.cancel()
            self._stall_timer = None

    def shutdown(self) -> None:
        """Close after what is being answered; an idle connection after a moment, in which it may ask once more."""
        self.leaving = True
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.keep_alive = False
            return
        self._unset_keepalive_if_required()
        self.timeout_keep_alive_task = self.loop.call_later(LINGER, self.timeout_keep_alive_handler)

    def data_received(self, data: bytes) -> None:
        """Parse what came; a head that is not whole by then has its time limited."""
        if self.deaf:
            return
        self._idle_since = math.inf
        self._feeding = True
        super().data_received(data)
        self._feeding = False
        if not self.whole and self.timer is None:
            self._limit_rest()

    def on_response_complete(self) -> None:
        """Go on with the next request; one that was answered before it was whole has its time limited from now.

        uvicorn would make a timer here and stop it at the next request, which is a fiftieth of a busy server's time.
        """
        if self.deaf:
            return
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        else:
            self._wait_for_request()
        if not self.whole and not self._feeding and self.timer is None:
            self._limit_rest()

    def _wait_for_request(self) -> None:
        self._idle_since = self.loop.time()
        if self._idle_timer is None:
            self._idle_timer = self.loop.call_later(self.timeout_keep_alive, self._look_whether_idle)

    def _look_whether_idle(self) -> None:
        """Close a connection that has been idle for long enough; look again when it could have been."""
        self._idle_timer = None
        left = self._idle_since + self.timeout_keep_alive - self.loop.time()
        if left <= 0:
            self.timeout_keep_alive_handler()
        elif left < math.inf:
            self._idle_timer = self.loop.call_later(left, self._look_whether_idle)

    def _limit_rest(self) -> None:
        if not self.transport.is_closing() and (self.in_head or self.cycle.response_complete):
            self._start_timer()

    def close_gently(self) -> None:
        """Close so that the client can read what was written, although it is still sending (RFC 9112 §9.6).

        To close with bytes unread would reset the connection, and the answer with it.
        """
        if self.deaf or self.transport.is_closing():
            return
        if self.whole:
            self.transport.close()
            return
        self.deaf = True
        self.stop_timer()
        self.flow.resume_reading()
        self.transport.write_eof()
        self.timer = self.loop.call_later(LAST_WORDS, self.transport.close)

    def head_took_too_long(self) -> None:
        """Refuse the request."""
        raise NotImplementedError
