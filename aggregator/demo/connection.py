"""One connection of the demo server: bytes in, requests out, responses back in order (RFC 9112)."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from email.utils import formatdate
from http import HTTPStatus
from typing import cast
from urllib.parse import parse_qsl

import httptools

from aggregator.demo.messages import DemoError, Request, Response, error_response

Answer = Callable[[Request], Awaitable[Response]]

MOST_HEADERS = 64 * 1024
MOST_BODY = 16 * 1024 * 1024
MOST_WAITING = 16
_BODILESS = frozenset({204, 304})


class Connection(asyncio.Protocol):
    """Parses requests, has each answered in turn, and stops the answer when its client goes away.

    An answer that raises ``ConnectionResetError`` resets it. *name* is what the header ``server`` says.
    """

    def __init__(self, answer: Answer, open_connections: set[Connection], name: str) -> None:
        self._name = name
        self._answer = answer
        self._open = open_connections
        self._parser = httptools.HttpRequestParser(self)
        self._waiting: deque[tuple[Request, bool] | DemoError] = deque()
        self.transport: asyncio.Transport | None = None
        self.writable = asyncio.Event()
        self.writable.set()
        self._done = False
        self.worker: asyncio.Task[None] | None = None
        self.on_message_begin()

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the transport."""
        # uvloop's transports are transports, but not by inheritance
        self.transport = cast("asyncio.Transport", transport)
        self._open.add(self)

    def connection_lost(self, _exc: Exception | None) -> None:
        """Stop the running answer: nobody will read it."""
        self._open.discard(self)
        self.transport = None
        if self.worker is not None:
            self.worker.cancel()

    def pause_writing(self) -> None:
        """Hold the answer back: the client reads more slowly than it is served."""
        self.writable.clear()

    def resume_writing(self) -> None:
        """Resume writing the answer."""
        self.writable.set()

    def data_received(self, data: bytes) -> None:
        """Feed the parser; what it does not understand is refused and ends the connection."""
        if self._done:
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._done = True  # answered as if it had not been asked for
        except httptools.HttpParserError as error:
            cause = error.__context__
            self._put(
                cause if isinstance(cause, DemoError) else DemoError(400, "bad_request", "This is not an HTTP request.")
            )
            self._done = True

    def close(self) -> None:
        """End the connection at once."""
        if self.transport is not None:
            self.transport.abort()

    # What the parser calls.

    def on_message_begin(self) -> None:
        """Begin a request."""
        self._url = b""
        self._headers: dict[str, str] = {}
        self._body = bytearray()
        self._header_size = 0

    def on_url(self, url: bytes) -> None:
        """Collect the target, which may come in pieces."""
        self._url += url
        self._limit_headers(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        """Collect a header field; repeated ones are joined (RFC 9110 §5.3)."""
        self._limit_headers(len(name) + len(value))
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        self._headers[key] = f"{self._headers[key]}, {text}" if key in self._headers else text

    def on_headers_complete(self) -> None:
        """Invite the body of a client that asks first (RFC 9110 §10.1.1)."""
        if self._headers.get("expect", "").lower() == "100-continue" and self.transport is not None:
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        """Collect the body."""
        if len(self._body) + len(body) > MOST_BODY:
            raise DemoError(413, "too_large", f"A body may have {MOST_BODY} bytes at most.")
        self._body += body

    def on_message_complete(self) -> None:
        """Hand the request over to be answered."""
        url = httptools.parse_url(self._url)
        request = Request(
            self._parser.get_method().decode("ascii"),
            (url.path or b"/").decode("latin-1"),
            dict(parse_qsl((url.query or b"").decode("latin-1"), keep_blank_values=True)),
            self._headers,
            bytes(self._body),
            target=self._url.decode("latin-1"),
        )
        self._put((request, self._parser.should_keep_alive()))

    def _limit_headers(self, size: int) -> None:
        self._header_size += size
        if self._header_size > MOST_HEADERS:
            raise DemoError(431, "headers_too_large", f"Headers may have {MOST_HEADERS} bytes at most.")

    # Answering, one request after another.

    def _put(self, item: tuple[Request, bool] | DemoError) -> None:
        self._waiting.append(item)
        if len(self._waiting) >= MOST_WAITING and self.transport is not None:
            self.transport.pause_reading()
        if self.worker is None or self.worker.done():
            self.worker = asyncio.get_running_loop().create_task(self._work())

    async def _work(self) -> None:
        while self._waiting and self.transport is not None:
            item = self._waiting.popleft()
            if isinstance(item, DemoError):
                keep = await self._write("GET", error_response(item), keep=False)
            else:
                request, keep = item
                try:
                    response = await self._answer(request)
                except ConnectionResetError:
                    self.close()
                    return
                keep = await self._write(request.method, response, keep=keep)
            if not keep or (self._done and not self._waiting):
                self.transport.close()
                return
            self.transport.resume_reading()

    async def _write(self, method: str, response: Response, *, keep: bool) -> bool:
        """Write *response*; return whether the connection can be used again."""
        transport, body = self.transport, response.body
        assert transport is not None  # an answer is cancelled when its connection is lost
        bodiless = method == "HEAD" or response.status in _BODILESS
        if isinstance(body, bytes):
            length = len(body) if response.length is None else response.length
            transport.write(head_of(response, length, keep, self._name) + (b"" if bodiless else body))
            return keep
        transport.write(head_of(response, response.length, keep, self._name))
        async with aclosing(body):
            return keep if bodiless else await self._stream(transport, body, response.length) and keep

    async def _stream(
        self, transport: asyncio.Transport, body: AsyncGenerator[bytes, None], length: int | None
    ) -> bool:
        """Write *body* at the client's pace; return whether it came to its announced end."""
        sent = 0
        try:
            async for piece in body:
                sent += len(piece)
                transport.write(b"%x\r\n%b\r\n" % (len(piece), piece) if length is None else piece)
                await self.writable.wait()
        except ConnectionResetError:
            transport.abort()
            return False
        if length is None:
            transport.write(b"0\r\n\r\n")
        return length is None or sent == length


def head_of(response: Response, length: int | None, keep: bool, name: str) -> bytes:
    """Return status line and header fields; *length* of none means a chunked body."""
    fields = [
        ("date", formatdate(time.time(), usegmt=True)),
        ("server", name),
        *response.headers,
    ]
    if response.content_type:
        fields.append(("content-type", response.content_type))
    if response.status not in _BODILESS:
        fields.append(("transfer-encoding", "chunked") if length is None else ("content-length", str(length)))
    if not keep:
        fields.append(("connection", "close"))
    try:
        phrase = HTTPStatus(response.status).phrase
    except ValueError:
        phrase = ""
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields)
    return f"HTTP/1.1 {response.status} {phrase}\r\n{lines}\r\n".encode("latin-1")
