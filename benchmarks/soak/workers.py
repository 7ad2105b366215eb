"""Several workers under load: reloads, rolling replacements and kills, and what of it clients notice.

Run as ``python benchmarks/soak/workers.py``, with ``--reloads``, ``--replacements`` and ``--kills`` for fewer of them.
It fails when a request is lost by a reload or a replacement, when an answer holds two generations, when a kill costs
more than the requests that were under way, or when connections are spread unevenly over the workers.

A request on a connection that was kept, and closed before a byte of the answer came, is sent once more over a new one,
as clients do (RFC 9110, 9.2.2): it is counted as repeated, and not as lost.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

SECRET = "a-secret-of-some-length"
CLIENTS = 32
PATIENCE = 120.0


def routes(number: int, workers: int) -> str:
    """Return a file whose every answer holds *number* at two places."""
    return (
        f"version: 1\nserver: {{workers: {workers}, admin: {{address: 127.0.0.1:0, secret: {SECRET}}}}}\n"
        f"endpoints:\n  GET /n: {{respond: {{body: {{a: {number}, b: {number}}}}}}}\n"
    )


class Client:
    """One connection at a time, kept for as long as the server keeps it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self.repeated = 0

    async def ask(self, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
        """Return status and body of an answer. Raises ``OSError`` and ``EOFError`` for one that was lost."""
        is_fresh = self._streams is None
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        head = f"{method} {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {SECRET}\r\n"
        try:
            writer.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
            found = await reader.readuntil(b"\r\n\r\n")
        except (OSError, asyncio.IncompleteReadError) as error:
            self.close()
            if is_fresh or getattr(error, "partial", b""):
                raise
            self.repeated += 1
            return await self.ask(method, path, body)
        try:
            length = int(re.findall(rb"(?i)content-length: (\d+)", found)[0])
            answer = await reader.readexactly(length)
        except BaseException:
            self.close()
            raise
        if b"connection: close" in found.lower():
            self.close()
        return int(found[9:12]), answer

    def close(self) -> None:
        """Give up the connection."""
        if self._streams is not None:
            self._streams[1].close()
        self._streams = None


class Load:
    """Clients that ask one after another until ``stop``."""

    def __init__(self, port: int) -> None:
        self.found: Counter[str] = Counter()
        self._clients = [Client(port) for _ in range(CLIENTS)]
        self._is_over = False
        self._tasks = [asyncio.create_task(self._ask(one)) for one in self._clients]

    async def _ask(self, client: Client) -> None:
        while not self._is_over:
            try:
                status, body = await client.ask("GET", "/n")
            except (OSError, EOFError) as error:
                self.found[f"lost: {error!r}"[:60]] += 1
                continue
            told = json.loads(body) if status == 200 else {}
            self.found["answered" if status == 200 and told["a"] == told["b"] else f"wrong: {status} {body!r}"] += 1

    async def stop(self) -> dict[str, int]:
        """Return what became of all requests."""
        self._is_over = True
        await asyncio.gather(*self._tasks)
        for one in self._clients:
            one.close()
        return {**self.found, "repeated": sum(one.repeated for one in self._clients)}


class Server:
    """`aggregator run` with *count* workers in *folder*, by the file that *made* makes of a number and that count."""

    def __init__(self, folder: Path, count: int, made: Callable[[int, int], str] = routes) -> None:
        self._folder, self._count, self._made = folder, count, made
        self._number = 0

    async def __aenter__(self) -> Server:
        self.write()
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "aggregator", "run", "--port", "0", "--no-watch", cwd=self._folder,
            stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert self.process.stderr is not None
        ports = []
        while len(ports) < 2:
            line = await self.process.stderr.readline()
            assert line, "it has not started"
            ports += [int(port) for port in re.findall(rb"  http://127.0.0.1:(\d+)", line)]
        self._reader = asyncio.create_task(self._read(self.process.stderr))
        self.port, self._admin = ports[0], Client(ports[1])
        return self

    async def _read(self, stream: asyncio.StreamReader) -> None:
        while await stream.readline():
            pass

    async def __aexit__(self, *_: object) -> None:
        self._admin.close()
        with suppress(ProcessLookupError):
            self.process.terminate()
        await self.process.wait()
        await self._reader

    def write(self) -> None:
        """Save a file with another number."""
        self._number += 1
        (self._folder / "new").write_text(self._made(self._number, self._count))
        (self._folder / "new").rename(self._folder / "routes.yaml")

    async def reload(self) -> None:
        """Reload another file."""
        self.write()
        status, body = await self._admin.ask("POST", "/-/reload")
        assert (status, json.loads(body)["verdict"]) == (200, "swapped"), body

    async def workers(self) -> list[dict[str, Any]]:
        """Return what is told of the workers that serve."""
        _, body = await self._admin.ask("GET", "/-/config")
        return [one for one in json.loads(body)["workers"] if one["state"] == "serving"]

    async def others(self, *before: int) -> None:
        """Wait until all workers serve, and none of those *before* does."""
        ends = time.monotonic() + PATIENCE
        while True:
            pids = {one["pid"] for one in await self.workers()}
            if len(pids) == self._count and pids.isdisjoint(before):
                return
            assert time.monotonic() < ends, pids
            await asyncio.sleep(0.05)


async def spread_of(server: Server, number: int) -> list[int]:
    """Return how many connections each worker has, once they have told that they have *number* together."""
    ends = time.monotonic() + PATIENCE
    while sum(found := [one["connections"] for one in await server.workers()]) != number:
        assert time.monotonic() < ends, found
        await asyncio.sleep(0.2)
    return found


async def spread(count: int, folder: Path) -> bool:
    """Return whether *count* workers have as many connections each, give or take one, whatever there are in all."""
    even = True
    async with Server(folder, count) as server:
        for number in (8, 32, 256):
            clients = [Client(server.port) for _ in range(number)]
            await asyncio.gather(*(one.ask("GET", "/n") for one in clients))
            found = await spread_of(server, number)
            print(f"{count} workers, {number} connections: {sorted(found)}")
            even = even and max(found) - min(found) <= 2
            for one in clients:
                one.close()
    return even


async def main(asked: argparse.Namespace) -> int:
    """Run all of it; return 1 when something is wrong."""
    failed = False
    with tempfile.TemporaryDirectory() as name:
        async with Server(Path(name), 4) as server:
            load = Load(server.port)
            for _ in range(asked.reloads):
                await server.reload()
            failed |= told(f"{asked.reloads} reloads", await load.stop(), 0)

            load = Load(server.port)
            for _ in range(asked.replacements):
                before = [one["pid"] for one in await server.workers()]
                os.kill(server.process.pid, signal.SIGUSR2)
                await server.others(*before)
            failed |= told(f"{asked.replacements} rolling replacements", await load.stop(), 0)

            load = Load(server.port)
            for _ in range(asked.kills):
                pid = (await server.workers())[0]["pid"]
                os.kill(pid, signal.SIGKILL)
                await server.others(pid)
            failed |= told(f"{asked.kills} kills", await load.stop(), CLIENTS * asked.kills)
        for count in (2, 4):
            failed |= not await spread(count, Path(name))
    return int(failed)


def told(what: str, found: dict[str, int], most: int) -> bool:
    """Print what was *found*; return whether more than *most* requests were lost, or any answer was wrong."""
    print(f"{what}: {found}", flush=True)
    lost = sum(number for how, number in found.items() if how.startswith("lost"))
    return lost > most or any(how.startswith("wrong") for how in found)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    for word, number in (("reloads", 500), ("replacements", 50), ("kills", 20)):
        parser.add_argument(f"--{word}", type=int, default=number)
    sys.exit(asyncio.run(main(parser.parse_args())))
