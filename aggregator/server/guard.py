"""uvicorn's HTTP protocol with limits on the request head: its size, its fields, and the time that it may take.

uvicorn's httptools path has none of these (Kludex/uvicorn#157, #1684), which a slow or endless head exploits.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from aggregator.runtime.answer import problem

MAX_TARGET = 8 * 1024
MAX_HEAD = 32 * 1024
MAX_FIELDS = 100


class TooLarge(Exception):
    """The head of a request is over a limit; holds the status that says so."""

    def __init__(self, status: int, detail: str) -> None:
        self.status = status
        self.detail = detail
        super().__init__(detail)


class GuardedProtocol(HttpToolsProtocol):
    """One client connection; ``header_timeout`` is in seconds from the connection or the first byte of a head."""

    header_timeout = 10.0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._head_size = 0
        self._head_timer: asyncio.TimerHandle | None = None
        self._over: TooLarge | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Give the client its time for the first head."""
        super().connection_made(transport)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the timer with the connection."""
        self._forget_timer()
        super().connection_lost(exc)

    def _expect_head(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(self.header_timeout, self._too_slow)

    def _forget_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _too_slow(self) -> None:
        self._head_timer = None
        if not self.transport.is_closing():
            self._refuse(408, "The request head took too long to arrive.")

    def data_received(self, data: bytes) -> None:
        """Parse what came, unless the head is over a limit."""
        super().data_received(data)
        if self._over is not None:
            over, self._over = self._over, None
            self._refuse(over.status, over.detail)

    def send_400_response(self, msg: str) -> None:
        """Refuse a request that cannot be parsed, or whose head is too large."""
        if self._over is not None:
            over, self._over = self._over, None
            self._refuse(over.status, over.detail)
        else:
            self._refuse(400, "The request is not well-formed HTTP.")

    def _refuse(self, status: int, detail: str) -> None:
        self._forget_timer()
        if self.transport.is_closing():
            return
        answer = problem(status, detail, headers=[(b"connection", b"close")])
        lines = [name + b": " + value + b"\r\n" for name, value in answer.headers]
        length = b"content-length: %d\r\n\r\n" % len(answer.body)
        self.transport.write(b"".join([STATUS_LINE[status], *lines, length, answer.body]))
        self.transport.close()

    def on_message_begin(self) -> None:
        """Begin to count a new head."""
        self._head_size = 0
        self._expect_head()
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Take a piece of the request target, within its limit (RFC 9110 §15.5.15)."""
        super().on_url(url)
        if len(self.url) > MAX_TARGET:
            self._stop(414, f"The request target is longer than {MAX_TARGET} bytes.")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header field, within the limits (RFC 6585 §5)."""
        self._head_size += len(name) + len(value)
        if self._head_size > MAX_HEAD or len(self.headers) >= MAX_FIELDS:
            self._stop(431, f"The request head is larger than {MAX_HEAD} bytes or {MAX_FIELDS} fields.")
        super().on_header(name, value)

    def _stop(self, status: int, detail: str) -> None:
        self._over = TooLarge(status, detail)
        raise self._over

    def on_headers_complete(self) -> None:
        """Let the request go to the application."""
        self._forget_timer()
        super().on_headers_complete()


def guarded_protocol(header_timeout: float) -> type[GuardedProtocol]:
    """Give the protocol class with *header_timeout* seconds for a request head."""
    return type("GuardedProtocol", (GuardedProtocol,), {"header_timeout": header_timeout})
