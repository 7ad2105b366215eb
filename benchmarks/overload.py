"""Goodput under four times the load that an upstream takes: ``python benchmarks/overload.py``.

The upstream is slow by design (two places, a tenth of a second each), so that neither the machine nor the clients
are what saturates. Shown is the share of the possible answers that arrived in time, and how long after the end of that
load a request still got no answer, of those that come at half of what the upstream takes. It exits with 1 when a share
is below nine tenths, or a recovery longer than two seconds.
"""

from __future__ import annotations

import asyncio
import random
import shutil
import socket
import statistics
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import httpx

PLACES, SECONDS, LOAD, LENGTH, WANTED = 2, 0.1, 4, 10.0, 0.9
CALM, AFTERWARDS, RECOVERED = 0.5, 6.0, 2.0
ROUTES = """\
version: 1
upstreams: {{up: {{url: "http://127.0.0.1:{port}", limits: {{max_connections: {places}}}}}}}
endpoints:
  GET /call: {{timeout: 1s, call: up:/a}}
  GET /fan-out: {{timeout: 1s, fan_out: {{a: up:/a, b: up:/b, c: up:/c}}}}
  GET /chain: {{timeout: 1s, fan_out: {{a: up:/a, b: "up:/b/{{a.id}}", c: "up:/c/{{b.id}}"}}}}
"""
ANSWER = b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 8\r\n\r\n{"id":1}'


async def main() -> int:
    """Measure a single call, a fan-out of three and a chain of three."""
    command = shutil.which("aggregator", path=str(Path(sys.executable).parent)) or "aggregator"
    upstream = await asyncio.start_server(_answer, "127.0.0.1", 0)
    with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
        probe.close()
        text = ROUTES.format(port=upstream.sockets[0].getsockname()[1], places=PLACES)
        (Path(folder) / "routes.yaml").write_text(text, encoding="utf-8")
        quiet = asyncio.subprocess.DEVNULL
        server = await asyncio.create_subprocess_exec(
            command, "run", "routes.yaml", "--port", str(port), cwd=folder, stdout=quiet, stderr=quiet
        )
        try:
            scenes = [await _scene(port, path, calls) for path, calls in (("/call", 1), ("/fan-out", 3), ("/chain", 3))]
        finally:
            server.terminate()
            await server.wait()
            upstream.close()
    return int(any(share < WANTED or recovery > RECOVERED for share, recovery in scenes))


taken: list[float] = []
"""Seconds that each call took the upstream: on a busy machine more than it means to."""


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(asyncio.IncompleteReadError, ConnectionError):
        while True:
            await reader.readuntil(b"\r\n\r\n")
            begun = time.monotonic()
            await asyncio.sleep(SECONDS)
            writer.write(ANSWER)
            await writer.drain()
            taken.append(time.monotonic() - begun)
    writer.close()


async def _scene(port: int, path: str, calls: int) -> tuple[float, float]:
    """Return the share of the possible answers to *path* that came, each of which takes so many *calls*.

    Beside it, the seconds after the end of the load from which on every request is answered.
    """
    possible = PLACES / SECONDS / calls
    answered: list[float] = []
    limits = httpx.Limits(max_connections=1000)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", limits=limits, timeout=5) as client:
        while True:
            with suppress(httpx.HTTPError):
                await client.get("/livez")
                break
            await asyncio.sleep(0.1)

        async def ask() -> None:
            answer = await client.get(path)
            if answer.status_code == 200:
                answered.append(time.monotonic())

        taken.clear()
        begun = time.monotonic()
        async with asyncio.TaskGroup() as group:
            while (now := time.monotonic()) < begun + LENGTH:
                group.create_task(ask())
                await asyncio.sleep(random.expovariate(LOAD * possible))
            recovery = await _recovery(client, path, CALM * possible)
    possible = PLACES / statistics.mean(taken) / calls
    share = sum(begun + 1 < when <= now for when in answered) / (possible * (now - begun - 1))
    print(f"{path}: {share:.2f} of the possible answers at {LOAD} times the load, {recovery:.1f} s to recover")
    return share, recovery


async def _recovery(client: httpx.AsyncClient, path: str, rate: float) -> float:
    """Return the seconds from now on after which every request to *path* is answered, of which *rate* come a second."""
    begun, failed = time.monotonic(), [0.0]

    async def ask(after: float) -> None:
        if (await client.get(path)).status_code != 200:
            failed.append(after + 1 / rate)

    async with asyncio.TaskGroup() as group:
        while (after := time.monotonic() - begun) < AFTERWARDS:
            group.create_task(ask(after))
            await asyncio.sleep(1 / rate)
    return max(failed)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
