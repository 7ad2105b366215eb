"""Upstreams that play exact bytes, and the doors that call them, on both event loops."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme
import uvloop
from complaints import kept_in
from msgspec.structs import replace
from tiers import other_cell

from aggregator.transport import (
    ClientPool,
    Door,
    EngineTransport,
    Limits,
    Origin,
    Pool,
    PoolSettings,
    StockTransport,
    no_cookies,
)

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
CLOSE, RESET, HANG = "close", "reset", "hang"


class Upstream:
    """Answers each request with the next of *answers*, the last one for ever.

    An answer is bytes or a list of steps: bytes to write, CLOSE, RESET, HANG (until the other side closes),
    or an awaitable factory. *requests* holds what was received, *carried_by* the number of the connection on which
    each came, *accepted* counts connections, *open* those still there.
    """

    def __init__(self, *answers: Any) -> None:
        self.answers = answers
        self.requests: list[bytes] = []
        self.carried_by: list[int] = []
        self.accepted = self.open = 0
        self.port = 0
        self.path = ""
        self.gone = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        self.open += 1
        number = self.accepted
        closed = writer.transport.get_protocol()._get_close_waiter(writer)  # type: ignore[union-attr]
        closed.add_done_callback(_seen)  # a reset that nobody looks at is reported when the collector meets it
        try:
            while request := await self.request(reader):
                answer = self.answers[min(len(self.requests), len(self.answers) - 1)]
                self.requests.append(request)
                self.carried_by.append(number)
                for step in answer if isinstance(answer, list) else [answer]:
                    await self.play(step, reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError, EOFError, ssl.SSLError, RuntimeError):
            pass
        finally:
            self.open -= 1
            writer.transport.abort()
            self.gone.set()

    async def request(self, reader: asyncio.StreamReader) -> bytes:
        head = await reader.readuntil(b"\r\n\r\n")
        lines = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:-2])
        body = await reader.readexactly(int(lines.get(b"content-length", 0)))
        if b"transfer-encoding" in lines:
            while not body.endswith(b"0\r\n\r\n"):
                body += await reader.readuntil(b"\r\n")
        return head + body

    async def play(self, step: Any, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if isinstance(step, bytes):
            writer.write(step)
            await writer.drain()
        elif step == RESET:
            sock = writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
            raise EOFError
        elif step == CLOSE:
            raise EOFError
        elif step == HANG:
            await reader.read()
            raise EOFError
        else:
            await step()


def _seen(closed: asyncio.Future[None]) -> None:
    if not closed.cancelled():
        closed.exception()


@asynccontextmanager
async def playing(
    *answers: Any, tls: ssl.SSLContext | None = None, path: str = "", host: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[Upstream]:
    """Serve *answers* on *port* of *host* (one of their own, unless said), or on the Unix socket *path*."""
    upstream = Upstream(*answers)
    if path:
        upstream.path = path
        server = await asyncio.start_unix_server(upstream.serve, path, ssl=tls)
    else:
        server = await asyncio.start_server(upstream.serve, host, port, ssl=tls)
        upstream.port = server.sockets[0].getsockname()[1]
    try:
        yield upstream
    finally:
        server.close()
        await server.wait_closed()
        await Stage.until(lambda: upstream.open == 0)


def settings_for(upstream: Any, **parts: Any) -> PoolSettings:
    """Return settings for *upstream* (or a port), *parts* in place of the defaults."""
    port = upstream if isinstance(upstream, int) else upstream.port
    return replace(PoolSettings(Origin("http", "127.0.0.1", port)), **parts)


@asynccontextmanager
async def engine_door(upstream: Any, **parts: Any) -> AsyncIterator[Door]:
    """Open the engine's own door to *upstream*."""
    pool = Pool(settings_for(upstream, **parts))
    try:
        yield pool
    finally:
        await pool.aclose()
        assert (pool.active, pool.idle, pool.waiting) == (0, 0, 0)


@asynccontextmanager
async def stock_door(upstream: Any, **parts: Any) -> AsyncIterator[Door]:
    """Open the door over stock httpx, as the running application does: connections apart for each upstream.

    A bare `httpx.AsyncHTTPTransport` leaves a connection open when a call is cancelled between the dial and its
    first byte (https://github.com/encode/httpcore/issues/1023); `StockTransport` closes it.
    """
    transport = StockTransport()
    async with httpx.AsyncClient(transport=transport, cookies=no_cookies(), trust_env=False) as client:
        settings = settings_for(upstream, **parts)
        pool = ClientPool(settings, client, transport.open(settings))
        try:
            yield pool
        finally:
            await pool.aclose()
            assert (pool.active, pool.waiting) == (0, 0)


@asynccontextmanager
async def engine_client_door(upstream: Any, **parts: Any) -> AsyncIterator[Door]:
    """Open the door over httpx over the engine, which knows no streams from calls: it has places for both."""
    limits = parts.get("limits", Limits())
    both = {**parts, "limits": replace(limits, max_connections=limits.max_connections + limits.max_streams)}
    transport = EngineTransport(lambda origin: replace(settings_for(upstream, **both), origin=origin))
    async with client_door(upstream, transport, **parts) as door:
        yield door


@asynccontextmanager
async def client_door(upstream: Any, transport: Any, **parts: Any) -> AsyncIterator[Door]:
    """Open the door over httpx with *transport*."""
    async with httpx.AsyncClient(transport=transport, cookies=no_cookies(), trust_env=False) as client:
        pool = ClientPool(settings_for(upstream, **parts), client)
        try:
            yield pool
        finally:
            await pool.aclose()
            assert (pool.active, pool.waiting) == (0, 0)


DOORS = {"engine": engine_door, "httpx": stock_door, "httpx-on-engine": engine_client_door}


class Stage:
    """What a test needs to play: upstreams, doors, instants."""

    OK, CLOSE, RESET, HANG = OK, CLOSE, RESET, HANG
    playing = staticmethod(playing)
    pool = staticmethod(engine_door)
    client = staticmethod(client_door)
    settings = staticmethod(settings_for)

    def __init__(self, door: Any = engine_door) -> None:
        self.door = door

    @staticmethod
    def due(seconds: float = 30.0) -> float:
        return asyncio.get_running_loop().time() + seconds

    @staticmethod
    def sockets() -> int:
        """Count the sockets of this process."""
        count = 0
        for name in os.listdir("/proc/self/fd"):
            try:
                count += os.readlink(f"/proc/self/fd/{name}").startswith("socket:")
            except OSError:
                continue
        return count

    @staticmethod
    async def until(condition: Callable[[], bool]) -> None:
        """Let the loop run until *condition* holds."""
        async with asyncio.timeout(30):
            while not condition():  # noqa: ASYNC110
                await asyncio.sleep(0.001)


Run = Callable[[Coroutine[Any, Any, Any]], Any]


@pytest.fixture(params=[other_cell("asyncio"), "uvloop"])
def run(request: pytest.FixtureRequest) -> Iterator[Run]:
    """Runs a coroutine on each kind of event loop; what the loop reports as an error fails the test."""
    reports: list[dict[str, Any]] = []

    def run(main: Coroutine[Any, Any, Any]) -> Any:
        factory = uvloop.new_event_loop if request.param == "uvloop" else asyncio.new_event_loop
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.get_loop().set_exception_handler(kept_in(reports))
            return runner.run(main)

    yield run
    assert reports == []


@pytest.fixture
def stage() -> Stage:
    """The engine's lean door and the upstreams that it calls."""
    return Stage()


@pytest.fixture(params=[name if name == "engine" else other_cell(name) for name in DOORS])
def any_stage(request: pytest.FixtureRequest) -> Stage:
    """As `stage`, once for each implementation of the lean door."""
    return Stage(DOORS[request.param])


class Authority:
    """A certificate authority: *file* to trust it, contexts and files of what it signs."""

    def __init__(self, folder: Path) -> None:
        self.ca = trustme.CA()
        self.folder = folder
        self.file = str(folder / "ca.pem")
        self.ca.cert_pem.write_to_path(self.file)
        self.server = self.context("127.0.0.1", "shop.test")

    def context(self, *names: str, clients: bool = False, **options: Any) -> ssl.SSLContext:
        """Return a server's context; with *clients* it wants certificates from them."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.ca.issue_cert(*names, **options).configure_cert(context)
        if clients:
            self.ca.configure_trust(context)
            context.verify_mode = ssl.CERT_REQUIRED
        return context

    def certificate(self, name: str) -> tuple[str, str]:
        """Return the files of a client's certificate and of its key."""
        leaf = self.ca.issue_cert(name)
        cert, key = self.folder / f"{name}.crt", self.folder / f"{name}.key"
        leaf.cert_chain_pems[0].write_to_path(cert)
        leaf.private_key_pem.write_to_path(key)
        return str(cert), str(key)


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """An authority that the upstreams of a test may have certificates from."""
    return Authority(tmp_path_factory.mktemp("authority"))
