"""An upstream that speaks HTTP/2 over TLS, stream by stream, as a test says."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

h2 = pytest.importorskip("h2", reason="HTTP/2 needs the package h2")

from h2.config import H2Configuration  # noqa: E402
from h2.connection import H2Connection  # noqa: E402
from h2.events import (  # noqa: E402
    ConnectionTerminated,
    DataReceived,
    Event,
    RequestReceived,
    StreamEnded,
    StreamReset,
    WindowUpdated,
)
from h2.exceptions import ProtocolError  # noqa: E402


class Stream:
    """One request on *wire*, and the words to answer it; *reset* once the other side wants it no more."""

    def __init__(self, wire: Wire, number: int, headers: list[tuple[bytes, bytes]]) -> None:
        self.wire = wire
        self.number = number
        self.headers = dict(headers)
        self.body = b""
        self.reset = asyncio.Event()

    @property
    def path(self) -> str:
        return self.headers[b":path"].decode()

    async def head(self, status: int, *fields: tuple[str, str], last: bool = False) -> None:
        self.wire.h2.send_headers(self.number, [(":status", str(status)), *fields], end_stream=last)
        await self.wire.flush()

    async def say(self, data: bytes, *, last: bool = False) -> None:
        """Send *data* as the windows allow."""
        while data:
            room = min(self.wire.h2.local_flow_control_window(self.number), self.wire.h2.max_outbound_frame_size)
            if room <= 0:
                self.wire.widened.clear()
                await self.wire.widened.wait()
                continue
            self.wire.h2.send_data(self.number, data[:room], end_stream=last and room >= len(data))
            data = data[room:]
            await self.wire.flush()

    async def answer(self, body: bytes = b"ok", status: int = 200, *fields: tuple[str, str]) -> None:
        await self.head(status, ("content-length", str(len(body))), *fields, last=not body)
        await self.say(body, last=True)

    async def refuse(self, code: int = 2) -> None:
        self.wire.h2.reset_stream(self.number, code)
        await self.wire.flush()


class Wire:
    """One connection, served until either side ends it."""

    def __init__(self, upstream: Http2Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.upstream, self.reader, self.writer = upstream, reader, writer
        self.h2 = H2Connection(H2Configuration(client_side=False, header_encoding=None))
        self.streams: dict[int, Stream] = {}
        self.widened = asyncio.Event()
        self.tasks: set[asyncio.Task[None]] = set()

    async def serve(self) -> None:
        self.h2.initiate_connection()
        await self.flush()
        try:
            while data := await self.reader.read(1 << 16):
                for event in self.h2.receive_data(data):
                    self.take(event)
                await self.flush()
        finally:
            for task in self.tasks:
                task.cancel()
            self.writer.transport.abort()

    async def flush(self) -> None:
        self.writer.write(self.h2.data_to_send())
        await self.writer.drain()

    async def go_away(self) -> None:
        self.h2.close_connection(last_stream_id=0)
        await self.flush()

    def take(self, event: Event) -> None:
        if isinstance(event, RequestReceived):
            stream = self.streams[event.stream_id] = Stream(self, event.stream_id, event.headers)
            self.upstream.requests.append(stream)
        elif isinstance(event, DataReceived):
            self.streams[event.stream_id].body += event.data
            self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, StreamEnded):
            task = asyncio.get_running_loop().create_task(self.play(self.streams[event.stream_id]))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)
        elif isinstance(event, StreamReset):
            self.streams[event.stream_id].reset.set()
        elif isinstance(event, WindowUpdated):
            self.widened.set()
        elif isinstance(event, ConnectionTerminated):
            raise EOFError

    async def play(self, stream: Stream) -> None:
        with suppress(OSError, ProtocolError):
            await self.upstream.answer(stream)


class Http2Upstream:
    """Answers each request as *answer* does; *wires* are the connections, *protocols* what was agreed on."""

    def __init__(self, answer: Callable[[Stream], Awaitable[None]]) -> None:
        self.answer = answer
        self.requests: list[Stream] = []
        self.wires: list[Wire] = []
        self.protocols: list[str | None] = []
        self.open = self.port = 0
        self.closed = asyncio.Event()
        self.closed.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.protocols.append(writer.get_extra_info("ssl_object").selected_alpn_protocol())
        wire = Wire(self, reader, writer)
        self.wires.append(wire)
        self.open += 1
        self.closed.clear()
        try:
            await wire.serve()
        except (OSError, EOFError, ProtocolError):
            pass
        finally:
            self.open -= 1
            if not self.open:
                self.closed.set()


@asynccontextmanager
async def http2_upstream(
    authority: Any, answer: Callable[[Stream], Awaitable[None]], **options: Any
) -> AsyncIterator[Http2Upstream]:
    """Serve *answer* over HTTP/2 on a port of its own; *options* are those of the server's certificate."""
    context: ssl.SSLContext = authority.context("127.0.0.1", "shop.test", **options)
    context.set_alpn_protocols(["h2"])
    upstream = Http2Upstream(answer)
    server = await asyncio.start_server(upstream.serve, "127.0.0.1", 0, ssl=context)
    upstream.port = server.sockets[0].getsockname()[1]
    try:
        yield upstream
    finally:
        server.close()
        for wire in upstream.wires:
            wire.writer.transport.abort()
        await server.wait_closed()
        await upstream.closed.wait()


@pytest.fixture
def serving(authority: Any) -> Callable[..., Any]:
    """Return `http2_upstream` with the certificates of *authority*."""
    return lambda answer, **options: http2_upstream(authority, answer, **options)
