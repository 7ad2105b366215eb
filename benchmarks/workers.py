"""What several workers cost beside one: ``python benchmarks/workers.py [processor|large|idle …]``, all by default.

    processor   processor time of the whole tree a request, one worker and two in turns
    large       5000 endpoints: the start of four workers beside that of one, and what each worker has of its own after
                three reloads of one changed line
    idle        2000 connections that are kept: how they are spread over four workers, what one costs, and that a reload
                and the end of the server do not mind them

It exits with 1 beyond a target.
"""

from __future__ import annotations

import asyncio
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from harness import usage
from soak.workers import Client, Server, routes, spread_of

CLIENTS, REQUESTS, TURNS = 32, 16_000, 7
LARGE, RELOADS, IDLE = 5000, 3, 2000
SLOWER, LONGER, OWN, SPREAD = 1.04, 1.5, 65 * 1024 * 1024, 2
"""What two workers may cost beside one; four may take to start; one may hold for itself, and have more than another."""


def large(number: int, workers: int) -> str:
    """Return a file of many endpoints, one of which answers *number*."""
    lines = (f"  GET /{one}/{{id}}: {{call: {{url: 'up:/{one}/{{id}}'}}}}\n" for one in range(LARGE - 1))
    return f"{routes(number, workers)}{''.join(lines)}upstreams: {{up: {{url: http://127.0.0.1:9}}}}\n"


async def processor(folder: Path) -> bool:
    """Ask one server and the other in turns; return whether two workers are as cheap as one."""
    spent: dict[int, list[float]] = {1: [], 2: []}
    for count in spent:
        (folder / str(count)).mkdir()
    async with Server(folder / "1", 1) as one, Server(folder / "2", 2) as two:
        servers = {1: one, 2: two}
        for turn in range(TURNS + 1):
            for count, server in servers.items():
                cost = await _turn(server)
                if turn:  # the first warms up
                    spent[count].append(cost)
    shown = {count: statistics.median(found) for count, found in spent.items()}
    ratios = [second / first for first, second in zip(spent[1], spent[2], strict=True)]
    ratio = statistics.median(ratios)
    print(f"processor: {shown[1]:.1f} us a request with one worker, {shown[2]:.1f} with two; {ratio - 1:+.1%} by turns")
    return ratio <= SLOWER


async def _turn(server: Server) -> float:
    """Return the microseconds of processor time that a request took, over connections of its own."""
    clients = [Client(server.port) for _ in range(CLIENTS)]
    await asyncio.gather(*(client.ask("GET", "/n") for client in clients))
    before = usage.cpu_seconds(server.process.pid)
    await asyncio.gather(*(_ask(client, REQUESTS // CLIENTS) for client in clients))
    took = usage.cpu_seconds(server.process.pid) - before
    for client in clients:
        client.close()
    return took / REQUESTS * 1e6


async def _ask(client: Client, times: int) -> None:
    for _ in range(times):
        await client.ask("GET", "/n")


async def started(server: Server) -> float:
    """Start *server*; return how long it took until it said that it serves."""
    began = time.perf_counter()
    await server.__aenter__()
    return time.perf_counter() - began


async def large_files(folder: Path) -> bool:
    """Start both with many endpoints; return whether four workers are soon there, and hold little of their own."""
    times: dict[int, list[float]] = {1: [], 4: []}
    for _ in range(3):
        for count, found in times.items():
            server = Server(folder, count, large)
            found.append(await started(server))
            await server.__aexit__()
    one, four = (min(found) for found in times.values())
    print(f"large: {LARGE} endpoints by one worker after {one:.2f} s, by four after {four:.2f} s: {four / one:.2f}")
    async with Server(folder, 4, large) as server:
        for _ in range(RELOADS):
            await server.reload()
        held = [_own(one["pid"]) for one in await server.workers()]
    print(f"large: of their own after {RELOADS} reloads: {', '.join(_mib(one) for one in sorted(held))}")
    return four <= LONGER * one and max(held) <= OWN


def _own(pid: int) -> int:
    """Return the bytes that the process *pid* shares with no other (proc(5), ``smaps_rollup``)."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) * 1024


def _mib(size: float) -> str:
    return f"{size / 1024 / 1024:.1f} MiB"


async def idle(folder: Path) -> bool:
    """Keep many connections; return whether they are spread evenly, and outlive a reload."""
    async with Server(folder, 4) as server:
        before = sum(_own(one["pid"]) for one in await server.workers())
        clients = [Client(server.port) for _ in range(IDLE)]
        for some in range(0, IDLE, 100):
            await asyncio.gather(*(client.ask("GET", "/n") for client in clients[some : some + 100]))
        found = await spread_of(server, IDLE)
        each = (sum(_own(one["pid"]) for one in await server.workers()) - before) / IDLE
        print(f"idle: {IDLE} connections are {sorted(found)} over four workers, {each / 1024:.1f} KiB each")
        await server.reload()
        answers = [await client.ask("GET", "/n") for client in clients[::10]]
        kept = sum(
            client.repeated == 0 and body.count(b"2") == 2
            for client, (_, body) in zip(clients[::10], answers, strict=True)
        )
        began = time.perf_counter()
        server.process.terminate()
        code = await server.process.wait()
        took = time.perf_counter() - began
        print(f"idle: {kept} of {len(answers)} answer where they did after a reload; ended with {code} in {took:.1f} s")
        for client in clients:
            client.close()
    return max(found) - min(found) <= SPREAD and kept == len(answers) and code == 0


SCENES = {"processor": processor, "large": large_files, "idle": idle}


async def main(names: Sequence[str]) -> int:
    """Run the scenes *names*; return 1 when one is beyond its target."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    missed = []
    for name in names or SCENES:
        with tempfile.TemporaryDirectory() as folder:
            if not await SCENES[name](Path(folder)):
                missed.append(name)
    print(f"beyond the target: {', '.join(missed) or 'none'}")
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:])))
