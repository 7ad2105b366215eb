"""What it costs that an upstream has two hosts: ``python benchmarks/hosts.py``.

One server answers the same call to an upstream with a URL, to one with two hosts, and to one whose hosts are ejected,
have breakers and start slowly besides, all idle. Shown is the processor time of the server for an answer, the median
of many short turns, and the ratio of one host to two in the same turn; it exits with 1 when that is less than 0.95.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
from contextlib import suppress

from harness.costs import costs_of, serving

ROUNDS, REQUESTS, LEAST = 60, 400, 0.95
ROUTES = """\
version: 1
upstreams:
  one: {{url: "{a}"}}
  two: {{hosts: ["{a}", "{b}"]}}
  watched:
    hosts: ["{a}", "{b}"]
    eject: {{failures: 5}}
    slow_start: 30s
    breaker: {{failures: 5, per: host}}
endpoints:
  GET /one: {{call: one:/x}}
  GET /two: {{call: two:/x}}
  GET /watched: {{call: watched:/x}}
"""
ANSWER = b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 8\r\n\r\n{"id":1}'
PATHS = {"/one": b"200", "/two": b"200", "/watched": b"200"}


async def main() -> int:
    """Measure each in turns."""
    hosts = [await asyncio.start_server(_host, "127.0.0.1", 0) for _ in "ab"]
    a, b = (f"http://127.0.0.1:{host.sockets[0].getsockname()[1]}" for host in hosts)
    async with hosts[0], hosts[1], serving(ROUTES.format(a=a, b=b)) as (port, process):
        costs = await costs_of(PATHS, port, process, rounds=ROUNDS, requests=REQUESTS)
    ratios = {
        path: statistics.median(one / two for one, two in zip(costs["/one"], costs[path], strict=True))
        for path in PATHS
    }
    for path in PATHS:
        print(f"{path}: {statistics.median(costs[path]) * 1e6:.0f} µs an answer, {ratios[path]:.3f} of one host")
    return int(ratios["/two"] < LEAST)


async def _host(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(asyncio.IncompleteReadError, ConnectionError):
        while True:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(ANSWER)
            await writer.drain()
    writer.close()


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
