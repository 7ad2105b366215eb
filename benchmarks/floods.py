"""A normal client beside floods: ``python benchmarks/floods.py [SCENE …]`` shows its worst answer in each.

The client has a process and a connection of its own, asks for a small answer every 10 ms and notes how long each takes.
The upstream has a process, too: one that shared that of the flood answered late, and the server was taken to do so.
It exits with 1 when one took longer than the scene allows, and twice as long as before the flood, or when an answer
was none. Everything is on loopback.
"""

from __future__ import annotations

import asyncio
import json
import math
import multiprocessing
import resource
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

from harness.costs import until_there

QUIET, SECONDS, PAUSE = 2.0, 6.0, 0.01
DESCRIPTORS = 400
"""Open files that the server may have in the scene about them."""
ROUTES = """\
version: 1
server: {{max_body: 1MiB}}
upstreams: {{up: {{url: "http://127.0.0.1:{port}"}}}}
endpoints:
  GET /ok: {{call: up:/ok}}
  GET /own: {{respond: {{body: {{id: 1}}}}}}
  POST /body: {{body: {{type: object}}, respond: {{body: {{ok: true}}}}}}
  GET /stream: {{stream: true, call: up:/endless}}
  GET /xml: {{fan_out: {{a: up:/xml}}}}
  POST /forms:
    body: {{type: array, items: {{oneOf: [{{type: object, required: [a]}}, {{type: array}}, {{type: integer}}]}}}}
    respond: {{body: {{ok: true}}}}
"""
Flood = Callable[[int], Awaitable[None]]


class Scene(NamedTuple):
    """One flood, and how long an answer to the normal client, who asks for *path*, may take in it, in seconds."""

    flood: Flood
    most: float
    descriptors: int | None = None
    path: str = "/ok"


async def main(wanted: list[str]) -> int:
    """Run the scenes, each against a server of its own."""
    late = []
    for name in wanted or list(SCENES):
        quiet, worst = await _run(SCENES[name])
        print(f"{name}: worst answer {worst * 1000:.0f} ms, {quiet * 1000:.0f} ms before", flush=True)
        late += [name] if worst > SCENES[name].most + 2 * quiet else []
    return int(bool(late))


async def _run(scene: Scene) -> tuple[float, float]:
    async with _server(scene.descriptors) as port:
        ours, theirs = multiprocessing.Pipe()
        client = multiprocessing.get_context("spawn").Process(
            target=_normal_client, args=(port, scene.path, SECONDS, theirs)
        )
        client.start()
        await asyncio.to_thread(ours.recv)
        flood = asyncio.create_task(scene.flood(port))  # type: ignore[arg-type]
        quiet, worst = await asyncio.to_thread(ours.recv)
        flood.cancel()
        await asyncio.gather(flood, return_exceptions=True)
        client.join()
        return quiet, worst


def _normal_client(port: int, path: str, seconds: float, told: Connection) -> None:
    """Ask in peace, tell that the flood may begin, ask until *seconds* are over, and tell the worst times of both."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        _ask(connection, path)
        quiet = _worst(connection, path, QUIET)
        told.send(None)
        told.send((quiet, _worst(connection, path, seconds)))


def _worst(connection: socket.socket, path: str, seconds: float) -> float:
    """Return the longest time that an answer took, of those until *seconds* are over; infinity when one was none."""
    worst, end = 0.0, time.monotonic() + seconds
    try:
        while time.monotonic() < end:
            worst = max(worst, _ask(connection, path))
            time.sleep(PAUSE)
    except OSError as error:
        print(f"  {error!r}", flush=True)
        return math.inf
    return worst


def _ask(connection: socket.socket, path: str) -> float:
    """Return how long the answer took. Raises OSError for one that is none."""
    begun = time.monotonic()
    connection.sendall(b"GET %s HTTP/1.1\r\nhost: x\r\n\r\n" % path.encode())
    received = b""
    while b"}" not in received:
        piece = connection.recv(4096)
        if not piece:
            raise OSError("the connection was closed")
        received += piece
    if b" 200 " not in received[:20]:
        raise OSError(f"the answer was {received[:40]!r}")
    return time.monotonic() - begun


@asynccontextmanager
async def _server(descriptors: int | None) -> AsyncIterator[int]:
    command = shutil.which("aggregator", path=str(Path(sys.executable).parent)) or "aggregator"
    ours, theirs = multiprocessing.Pipe()
    upstream = multiprocessing.get_context("spawn").Process(target=_serve_upstream, args=(theirs,), daemon=True)
    upstream.start()
    called = await asyncio.to_thread(ours.recv)
    with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        probe.close()
        text = ROUTES.format(port=called)
        (Path(folder) / "routes.yaml").write_text(text, encoding="utf-8")
        limit = None if descriptors is None else (descriptors, descriptors)
        server = await asyncio.create_subprocess_exec(
            command, "run", "routes.yaml", "--port", str(port), cwd=folder,
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
            preexec_fn=limit and partial(resource.setrlimit, resource.RLIMIT_NOFILE, limit),
        )  # fmt: skip
        try:
            await until_there(port)
            yield port
        finally:
            server.kill()
            await server.wait()
            upstream.terminate()
            upstream.join()


def _serve_upstream(theirs: Connection) -> None:
    """Answer calls in a process of its own, which no flood keeps busy, and tell the port to *theirs*."""

    async def listen() -> None:
        server = await asyncio.start_server(_upstream, "127.0.0.1", 0)
        theirs.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(listen())


async def _upstream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(asyncio.IncompleteReadError, ConnectionError):
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            path = head.split(b" ", 2)[1]
            if path == b"/endless":
                writer.write(
                    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
                )
                while True:
                    writer.write(b"400\r\n" + b"x" * 1024 + b"\r\n")
                    await writer.drain()
                    await asyncio.sleep(0.05)
            kind, body = (b"application/xml", XML) if path == b"/xml" else (b"application/json", b'{"id":1}')
            head = b"HTTP/1.1 200 OK\r\ncontent-type: %s\r\ncontent-length: %d\r\n\r\n" % (kind, len(body))
            writer.write(head + body)
            await writer.drain()
    writer.close()


XML = b"<a>" + b"<b>1</b>" * 48_000 + b"</a>"
INTEGERS = json.dumps([1] * 300_000).encode()


async def _many(count: int, one: Flood, port: int) -> None:
    await asyncio.gather(*(one(port) for _ in range(count)), return_exceptions=True)


async def _slow_body(port: int) -> None:
    """Send a body a byte at a time."""
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"POST /body HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100000\r\n\r\n")
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.1)


async def _endless_head(port: int) -> None:
    """Send a field of a head that never ends, and begin anew when the server has had enough."""
    while True:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        with suppress(ConnectionError):
            writer.write(b"GET /ok HTTP/1.1\r\nhost: x\r\nx: ")
            for _ in range(1000):
                writer.write(b"a" * 512)
                await writer.drain()
                await asyncio.sleep(0.001)
        writer.close()


async def _pipelining(port: int) -> None:
    """Send ten megabytes of requests, and read nothing."""
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(10):
        writer.write(b"GET /ok HTTP/1.1\r\nhost: x\r\n\r\n" * 33_000)
        await writer.drain()
    await asyncio.sleep(60)


async def _idle(port: int) -> None:
    """Hold a connection."""
    await asyncio.open_connection("127.0.0.1", port)
    await asyncio.sleep(60)


async def _slow_stream(port: int) -> None:
    """Ask for a stream, and read a little of it now and then."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /stream HTTP/1.1\r\nhost: x\r\n\r\n")
    async for _ in _pieces(reader):
        await asyncio.sleep(0.5)


async def _pieces(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while piece := await reader.read(64):
        yield piece


async def _asking(request: bytes, port: int) -> None:
    """Send *request* again and again, each after the answer to the last one."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while True:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]))


async def _newcomers(port: int) -> None:
    """Keep 200 connections busy, and open 500 at once every second."""
    ask = b"GET /own HTTP/1.1\r\nhost: x\r\n\r\n"

    async def new(port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(ask)
        await reader.readuntil(b'{"id":1}')
        writer.close()

    async with asyncio.TaskGroup() as group:
        group.create_task(_many(200, partial(_asking, ask), port))
        while True:
            begun = time.monotonic()
            await _many(500, new, port)
            print(f"  500 new connections beside 200 busy ones: all answered after {time.monotonic() - begun:.2f} s")
            await asyncio.sleep(1)


def _post(path: bytes, body: bytes) -> bytes:
    head = b"POST %s HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    return head % (path, len(body)) + body


SCENES = {
    "nothing": Scene(partial(_many, 0, _idle), 0.1),
    "slow_bodies": Scene(partial(_many, 300, _slow_body), 0.3),
    "endless_heads": Scene(partial(_many, 50, _endless_head), 0.3),
    "pipelining": Scene(partial(_many, 40, _pipelining), 1.0),
    "descriptors": Scene(partial(_many, 2 * DESCRIPTORS, _idle), 0.3, DESCRIPTORS),
    "slow_streams": Scene(partial(_many, 200, _slow_stream), 0.3),
    "long_xml": Scene(partial(_many, 2, partial(_asking, b"GET /xml HTTP/1.1\r\nhost: x\r\n\r\n")), 0.3),
    "large_bodies": Scene(partial(_many, 2, partial(_asking, _post(b"/forms", INTEGERS))), 0.3),
    "newcomers": Scene(_newcomers, 1.0, path="/own"),
}

if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:])))
