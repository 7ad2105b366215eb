"""uvicorn's HTTP protocol with limits on the request head, and a shorter way to endpoints that need no ASGI.

uvicorn's httptools path limits neither the size nor the fields of a head nor the time that it may take
(Kludex/uvicorn#157, #1684), which a slow or endless head exploits.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from aggregator.runtime.answer import problem
from aggregator.server.direct import DirectCycle, DirectDoor
from aggregator.server.status_lines import STATUS_LINES

MAX_TARGET = 8 * 1024
MAX_HEAD = 32 * 1024
MAX_FIELDS = 100


class Refused(Exception):  # noqa: N818 - it ends the parsing of a head, nothing else
    """The head of a request is not acceptable; holds the status that says so."""

    def __init__(self, status: int, detail: str) -> None:
        self.status = status
        self.detail = detail
        super().__init__(detail)


class GuardedProtocol(HttpToolsProtocol):
    """One client connection; ``header_timeout`` is in seconds from the connection or the first byte of a head."""

    header_timeout = 10.0
    door: DirectDoor

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._head_size = 0
        self._hosts = 0
        self._in_head = False
        self._head_timer: asyncio.TimerHandle | None = None
        self._refusal: Refused | None = None
        self._address = ""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Give the client its time for the first head."""
        super().connection_made(transport)
        self._address = self.client[0] if self.client else ""
        self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the timer with the connection."""
        self._stop_timer()
        super().connection_lost(exc)

    def _start_timer(self) -> None:
        self._head_timer = self.loop.call_later(self.header_timeout, self._too_slow)

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _too_slow(self) -> None:
        self._head_timer = None
        self._refuse(408, "The request head took too long to arrive.")

    def data_received(self, data: bytes) -> None:
        """Parse what came; a head that is not whole by then has its time limited."""
        super().data_received(data)
        if self._in_head and self._head_timer is None and not self.transport.is_closing():
            self._start_timer()

    def send_400_response(self, msg: str) -> None:
        """Refuse a request that cannot be parsed, or whose head is not acceptable."""
        refusal, self._refusal = self._refusal, None
        if refusal is None:
            self._refuse(400, "The request is not well-formed HTTP.")
        else:
            self._refuse(refusal.status, refusal.detail)

    def _refuse(self, status: int, detail: str) -> None:
        self._stop_timer()
        self._in_head = False
        if self.transport.is_closing():
            return
        answer = problem(status, detail, headers=[(b"connection", b"close")])
        lines = [name + b": " + value + b"\r\n" for name, value in answer.headers]
        length = b"content-length: %d\r\n\r\n" % len(answer.body)
        self.transport.write(b"".join([STATUS_LINES[status], *lines, length, answer.body]))
        self.transport.close()

    def on_message_begin(self) -> None:
        """Begin to count a new head."""
        self._head_size = self._hosts = 0
        self._in_head = True
        self.url = b""
        self.headers = []
        self.expect_100_continue = False

    def on_url(self, url: bytes) -> None:
        """Take a piece of the request target, within its limit (RFC 9110 §15.5.15)."""
        self.url += url
        if len(self.url) > MAX_TARGET:
            self._stop(414, f"The request target is longer than {MAX_TARGET} bytes.")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header field, within the limits (RFC 6585 §5)."""
        name = name.lower()
        self._head_size += len(name) + len(value)
        if self._head_size > MAX_HEAD or len(self.headers) >= MAX_FIELDS:
            self._stop(431, f"The request head is larger than {MAX_HEAD} bytes or {MAX_FIELDS} fields.")
        if name == b"host":
            self._hosts += 1
        elif name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True
        self.headers.append((name, value))

    def _stop(self, status: int, detail: str) -> None:
        self._refusal = Refused(status, detail)
        raise self._refusal

    def on_headers_complete(self) -> None:
        """Let the request go to its endpoint, directly or by ASGI."""
        self._in_head = False
        if self._head_timer is not None:
            self._stop_timer()
        version = self.parser.get_http_version()
        if self._hosts != 1 and (self._hosts or version == "1.1"):
            self._stop(400, "A request names its host exactly once (RFC 9112, section 3.2).")
        if not self._begin_directly(version):
            self._begin_asgi()

    def _begin_directly(self, version: str) -> bool:
        cycle = self.cycle
        if (
            (cycle is not None and not cycle.response_complete)
            or self.flow.write_paused
            or self.parser.should_upgrade()
        ):
            return False
        method = self.parser.get_method().decode("ascii")
        found = self.door.find(method, self.url)
        if found is None:
            return False
        direct = DirectCycle(self, found, version != "1.0" and self.parser.should_keep_alive())
        self.cycle = direct  # type: ignore[assignment]
        direct.begin(method, self.headers, self._address)
        return True

    def _begin_asgi(self) -> None:
        url, headers, expect = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expect
        self.headers.extend(headers)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a piece of the request body; an endpoint that was reached directly reads none."""
        if self.cycle.__class__ is not DirectCycle:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Hear that the request is whole."""
        if self.cycle.__class__ is not DirectCycle:
            super().on_message_complete()


def guarded_protocol(header_timeout: float, door: DirectDoor) -> type[GuardedProtocol]:
    """Give the protocol class with *header_timeout* seconds for a request head, and *door* to the endpoints."""
    return type("GuardedProtocol", (GuardedProtocol,), {"header_timeout": header_timeout, "door": door})
