"""The other end of a TLS connection, which sends and reads exactly what a test says."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from aggregator.transport import TlsSettings
from aggregator.transport.tls.contexts import tls_context
from aggregator.transport.tls.rounds import Round
from aggregator.transport.tls.sockets import open_tls
from aggregator.transport.tls.transport import TlsTransport


class Peer:
    """A server over *reader* and *writer*; what TLS makes of its words may also be had and sent by the byte."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, context: ssl.SSLContext) -> None:
        self.reader, self.writer = reader, writer
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_side=True)

    async def does(self, act: Callable[..., Any], *args: Any) -> Any:
        while True:
            try:
                return act(*args)
            except ssl.SSLWantReadError:
                await self.flush()
                await self.hear()
            finally:
                await self.flush()

    async def hear(self) -> None:
        data = await self.reader.read(1 << 16)
        self.incoming.write(data) if data else self.incoming.write_eof()

    async def flush(self) -> None:
        if self.outgoing.pending:
            self.writer.write(self.outgoing.read())
            await self.writer.drain()

    async def shake(self) -> None:
        await self.does(self.tls.do_handshake)

    def wrapped(self, data: bytes) -> bytes:
        """Return *data* as records, not sent yet."""
        view = memoryview(data)
        while view:
            view = view[self.tls.write(view) :]
        return self.outgoing.read()

    async def say(self, data: bytes) -> None:
        self.writer.write(self.wrapped(data))
        await self.writer.drain()

    async def read(self, size: int = 1 << 16) -> bytes:
        """Return what comes next, nothing after a goodbye. Raises ssl.SSLEOFError at an end without one."""
        data: bytes = await self.does(self.tls.read, size)
        return data

    async def read_exactly(self, size: int) -> bytes:
        data = bytearray()
        while len(data) < size:
            piece = await self.read(size - len(data))
            assert piece
            data += piece
        return bytes(data)

    async def request(self) -> bytes:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            byte = await self.read(1)
            if not byte:
                raise EOFError
            head += byte
        return head

    async def goodbye(self) -> None:
        with suppress(ssl.SSLWantReadError):
            self.tls.unwrap()
        await self.flush()

    def leave(self) -> None:
        """Close without a word."""
        self.writer.close()


@asynccontextmanager
async def served(context: ssl.SSLContext | None, script: Callable[[Any], Awaitable[None]]) -> AsyncIterator[int]:
    """Yield the port where each connection is served by *script*: it gets a peer, or the streams with no *context*."""
    running: set[Any] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        running.add(asyncio.current_task())
        try:
            await script(Peer(reader, writer, context) if context else (reader, writer))
        except (OSError, EOFError, asyncio.CancelledError):
            pass
        finally:
            running.discard(asyncio.current_task())
            writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tuple(running):
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await server.wait_closed()


class Recorder(asyncio.Protocol):
    """Notes what its transport tells it: what arrived in *data*, the rest in *events*."""

    transport: TlsTransport

    def __init__(self) -> None:
        self.data = bytearray()
        self.events: list[Any] = []

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.data += data

    def eof_received(self) -> None:
        self.events.append("eof")

    def pause_writing(self) -> None:
        self.events.append("pause")

    def resume_writing(self) -> None:
        self.events.append("resume")

    def connection_lost(self, exc: Exception | None) -> None:
        self.events.append(("lost", type(exc)))

    @property
    def lost(self) -> bool:
        return bool(self.events) and self.events[-1][0] == "lost"


class Wire:
    """What a test of the transport needs: pairs of a protocol on it and a peer."""

    Recorder = Recorder
    served = staticmethod(served)

    def __init__(self, authority: Any) -> None:
        self.server = authority.server
        self.client = tls_context(TlsSettings(ca_file=authority.file))

    @asynccontextmanager
    async def pair(
        self, protocol: Recorder | None = None, server: ssl.SSLContext | None = None
    ) -> AsyncIterator[tuple[Any, Peer]]:
        loop = asyncio.get_running_loop()
        near, far = socket.socketpair()
        near.setblocking(False)
        peer = Peer(*await asyncio.open_connection(sock=far), server or self.server)
        sock, _ = await asyncio.gather(open_tls(loop, near, self.client, "127.0.0.1"), peer.shake())
        protocol = protocol or Recorder()
        transport = TlsTransport(loop, sock, protocol, Round(loop, TlsTransport.flush))
        try:
            yield protocol, peer
        finally:
            transport.abort()
            await asyncio.sleep(0)
            assert sock.fileno() < 0
            peer.writer.transport.abort()


@pytest.fixture
def wire(authority: Any) -> Wire:
    """Connections whose other end is played by the byte."""
    return Wire(authority)
