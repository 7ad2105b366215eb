"""What a failure costs beside a good answer: ``python benchmarks/failing.py``.

One server with the defaults (``access: errors``) answers the same call well, with an upstream that fails, with a body
that is none, and with an upstream that is gone (502 each). Where nobody listens each call has to try a connection of
its own, so that it is held against good answers for which a connection is opened too. Shown is the processor time of
the server for one answer, the median of many short turns, and its ratio to that of a good answer in the same turn;
it exits with 1 when one costs more than half as much again.
"""

from __future__ import annotations

import asyncio
import shutil
import socket
import statistics
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

ROUNDS, REQUESTS, CLIENTS, MOST = 40, 240, 8, 1.5
ROUTES = """\
version: 1
upstreams: {{up: {{url: "http://127.0.0.1:{port}"}}, gone: {{url: "http://127.0.0.1:{gone}"}}}}
endpoints:
  GET /good: {{call: up:/good}}
  GET /fresh: {{call: up:/fresh}}
  GET /fails: {{call: up:/fails}}
  GET /malformed: {{call: up:/malformed}}
  GET /gone: {{call: gone:/x}}
"""
HEAD = b"HTTP/1.1 %s X\r\ncontent-type: application/json\r\ncontent-length: 8\r\n\r\n%s"
ANSWERS = {
    b"/good": HEAD % (b"200", b'{"id":1}'),
    b"/fresh": (HEAD % (b"200", b'{"id":1}')).replace(b"\r\n", b"\r\nconnection: close\r\n", 1),
    b"/fails": HEAD % (b"500", b'{"id":1}'),
    b"/malformed": HEAD % (b"200", b'{"id":1;'),
}
PATHS = {"/good": b"200", "/fails": b"502", "/malformed": b"502", "/fresh": b"200", "/gone": b"502"}
LIKE = {"/fails": "/good", "/malformed": "/good", "/gone": "/fresh"}
"""Against which good answer each failure is held."""


async def main() -> int:
    """Measure each kind in turns."""
    command = shutil.which("aggregator", path=str(Path(sys.executable).parent)) or "aggregator"
    upstream = await asyncio.start_server(_upstream, "127.0.0.1", 0)
    with tempfile.TemporaryDirectory() as folder:
        port, gone = _free_port(), _free_port()
        text = ROUTES.format(port=upstream.sockets[0].getsockname()[1], gone=gone)
        (Path(folder) / "routes.yaml").write_text(text, encoding="utf-8")
        with (Path(folder) / "log").open("wb") as log:
            server = await asyncio.create_subprocess_exec(
                command, "run", "routes.yaml", "--port", str(port), cwd=folder, stdout=log, stderr=log
            )
        try:
            await _until_there(port)
            return await _compare(port, server.pid)
        finally:
            server.terminate()
            await server.wait()
            upstream.close()


async def _compare(port: int, process: int) -> int:
    costs: dict[str, list[float]] = {path: [] for path in PATHS}
    for _ in range(ROUNDS):
        for path, status in PATHS.items():
            before = _processor_time(process)
            await asyncio.gather(*(_ask(port, path, status, REQUESTS // CLIENTS) for _ in range(CLIENTS)))
            costs[path].append((_processor_time(process) - before) / REQUESTS)
    ratios = {
        path: statistics.median(bad / good for bad, good in zip(costs[path], costs[like], strict=True))
        for path, like in LIKE.items()
    }
    for path in PATHS:
        note = f", {ratios[path]:.2f} of {LIKE[path]}" if path in LIKE else ""
        print(f"{path}: {statistics.median(costs[path]) * 1e6:.0f} µs an answer{note}")
    return int(max(ratios.values()) > MOST)


async def _ask(port: int, path: str, status: bytes, times: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(times):
        writer.write(b"GET %s HTTP/1.1\r\nhost: x\r\n\r\n" % path.encode())
        head = await reader.readuntil(b"\r\n\r\n")
        if head.split(b" ", 2)[1] != status:
            raise RuntimeError(f"{path} was answered with {head!r}")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        await reader.readexactly(length)
    writer.close()


async def _upstream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(asyncio.IncompleteReadError, ConnectionError):
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            path = head.split(b" ", 2)[1]
            writer.write(ANSWERS[path])
            await writer.drain()
            if path == b"/fresh":
                break
    writer.close()


def _processor_time(process: int) -> float:
    """Return the seconds that *process* has used of the processors, by the clock that Linux has for each."""
    return time.clock_gettime((~process << 3) | 2)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


async def _until_there(port: int) -> None:
    for _ in range(200):
        with suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return
        await asyncio.sleep(0.1)
    raise RuntimeError("the server did not start")


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
