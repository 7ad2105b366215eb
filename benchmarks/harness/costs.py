"""What answers of one running server cost in processor time, held against each other in many short turns."""

from __future__ import annotations

import asyncio
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

CLIENTS = 8


@asynccontextmanager
async def serving(text: str) -> AsyncIterator[tuple[int, int]]:
    """Yield the port and the process of a server of the file *text*."""
    command = shutil.which("aggregator", path=str(Path(sys.executable).parent)) or "aggregator"
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "routes.yaml").write_text(text, encoding="utf-8")
        with (Path(folder) / "log").open("wb") as log:
            server = await asyncio.create_subprocess_exec(
                command, "run", "routes.yaml", "--port", str(port), cwd=folder, stdout=log, stderr=log
            )
        try:
            await until_there(port)
            yield port, server.pid
        finally:
            server.terminate()
            await server.wait()


async def costs_of(
    paths: Mapping[str, bytes], port: int, process: int, *, rounds: int, requests: int
) -> dict[str, list[float]]:
    """Return the seconds of *process* for one answer of each of *paths*, which has that status, in each round."""
    costs: dict[str, list[float]] = {path: [] for path in paths}
    for _ in range(rounds):
        for path, status in paths.items():
            before = processor_time(process)
            await asyncio.gather(*(_ask(port, path, status, requests // CLIENTS) for _ in range(CLIENTS)))
            costs[path].append((processor_time(process) - before) / requests)
    return costs


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


def processor_time(process: int) -> float:
    """Return the seconds that *process* has used of the processors, by the clock that Linux has for each."""
    return time.clock_gettime((~process << 3) | 2)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


async def until_there(port: int, *, within: float = 180.0) -> None:
    """Wait until something listens at *port*; raises ``RuntimeError`` when nothing does *within* seconds."""
    for _ in range(int(within * 10)):
        with suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return
        await asyncio.sleep(0.1)
    raise RuntimeError("the server did not start")
