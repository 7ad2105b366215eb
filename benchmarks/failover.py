"""What requests feel when the primary of a shared store is killed: ``python benchmarks/failover.py``, half a minute.

A server counts a limit in a Valkey with a replica and a sentinel, which it waits 20 ms for. The primary is ended by
SIGKILL under load. Each client has at most one answer that waited for the lost primary, so what the slowest took more
than usual is shown for each client, with the answers by their status, and the time until counts are shared again. It
exits with 1 when an answer is not 200 or 429, or when the median client has waited more than 20 ms.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
from soak.workers import SECRET, Client, Server
from valkey import Valkey

CLIENTS, CALM, AFTER, MOST = 16, 2.0, 6.0, 0.020


@contextlib.contextmanager
def store() -> Iterator[tuple[str, Valkey, Valkey]]:
    """Yield the URL of a sentinel, a primary, and the replica that takes its place half a second after its end."""
    first, second, port = _free_ports(3)
    with contextlib.ExitStack() as stack:
        primary = Valkey("--port", str(first), "--bind", "127.0.0.1")
        replica = Valkey("--port", str(second), "--bind", "127.0.0.1", "--replicaof", "127.0.0.1", str(first))
        sentinel = Valkey("--port", str(port), "--bind", "127.0.0.1")
        for node in (primary, replica, sentinel):
            stack.callback(node.close)
        primary.start()
        replica.start()
        lines = (f"monitor limits 127.0.0.1 {first} 1", "down-after-milliseconds limits 500")
        (sentinel.folder / "sentinel.conf").write_text("".join(f"sentinel {line}\n" for line in lines))
        sentinel.start(str(sentinel.folder / "sentinel.conf"), "--sentinel")
        while not (b"slaves=1" in sentinel.whole("INFO", "sentinel") and replica.is_in_step()):
            time.sleep(0.01)
        yield f"redis+sentinel://127.0.0.1:{port}/limits", primary, replica


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        return [stack.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1] for _ in range(count)]


class Asking:
    """A client that asks until ``is_over``; ``slowest`` are its answers that took longest, calm and after the kill."""

    def __init__(self, port: int) -> None:
        self._client = Client(port)
        self.is_over = self.is_after = False
        self.slowest = {False: 0.0, True: 0.0}
        self.found: Counter[int] = Counter()

    async def run(self) -> None:
        """Ask, a hundred times a second."""
        while not self.is_over:
            is_after, began = self.is_after, time.perf_counter()
            status, _ = await self._client.ask("GET", "/n")
            self.slowest[is_after] = max(self.slowest[is_after], time.perf_counter() - began)
            self.found[status] += 1
            await asyncio.sleep(0.01)
        self._client.close()


async def main() -> int:
    """Run it; return 1 beyond a target."""
    with store() as (url, primary, replica), tempfile.TemporaryDirectory() as folder:

        def made(number: int, workers: int) -> str:
            return (
                f"version: 1\nstore: {{url: '{url}', timeout: 20ms}}\n"
                f"server: {{workers: {workers}, admin: {{address: 127.0.0.1:0, secret: {SECRET}}}}}\n"
                f"endpoints:\n  GET /n: {{rate_limit: 1000000/s, respond: {{body: {number}}}}}\n"
            )

        async with Server(Path(folder), 2, made) as server:
            clients = [Asking(server.port) for _ in range(CLIENTS)]
            tasks = [asyncio.create_task(client.run()) for client in clients]
            await asyncio.sleep(CALM / 4)  # the first answers come over new connections
            for client in clients:
                client.slowest[False] = 0.0
            await asyncio.sleep(CALM)
            for client in clients:
                client.is_after = True
            primary.kill()
            began = time.perf_counter()
            shared_after = await _shared_again(replica, began)
            await asyncio.sleep(max(0.0, AFTER - shared_after))
            for client in clients:
                client.is_over = True
            await asyncio.gather(*tasks)
    more = sorted(client.slowest[True] - client.slowest[False] for client in clients)
    found = sum((client.found for client in clients), Counter[int]())
    print(f"answers: {json.dumps(found)}; slowest before: {_ms(max(client.slowest[False] for client in clients))}")
    print(f"the slowest after the kill took longer: median {_ms(statistics.median(more))}, most {_ms(more[-1])}")
    print(f"counts are shared again after {shared_after:.1f} s")
    return int(set(found) - {200, 429} != set() or statistics.median(more) > MOST)


async def _shared_again(replica: Valkey, began: float) -> float:
    """Return the seconds since *began* until the new primary is asked to count."""
    replica.ask("CONFIG", "RESETSTAT")
    while time.perf_counter() - began < 60:
        told = replica.whole("INFO", "commandstats")
        if b"role:master" in replica.whole("INFO", "replication") and b"cmdstat_eval" in told:
            break
        await asyncio.sleep(0.05)
    return time.perf_counter() - began


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
