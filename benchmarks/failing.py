"""What a failure costs beside a good answer: ``python benchmarks/failing.py``.

One server with the defaults (``access: errors``) answers the same call well, with an upstream that fails, with a body
that is none, and with an upstream that is gone (502 each). Where nobody listens each call has to try a connection of
its own, so that it is held against good answers for which a connection is opened too. Shown is the processor time of
the server for one answer, the median of many short turns, and its ratio to that of a good answer in the same turn;
it exits with 1 when one costs more than a quarter as much again.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
from collections.abc import Mapping
from contextlib import suppress

from harness.costs import costs_of, free_port, serving

ROUNDS, REQUESTS, MOST = 40, 240, 1.25
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
    upstream = await asyncio.start_server(_upstream, "127.0.0.1", 0)
    text = ROUTES.format(port=upstream.sockets[0].getsockname()[1], gone=free_port())
    async with upstream, serving(text) as (port, process):
        return _compared(await costs_of(PATHS, port, process, rounds=ROUNDS, requests=REQUESTS))


def _compared(costs: Mapping[str, list[float]]) -> int:
    ratios = {
        path: statistics.median(bad / good for bad, good in zip(costs[path], costs[like], strict=True))
        for path, like in LIKE.items()
    }
    for path in PATHS:
        note = f", {ratios[path]:.2f} of {LIKE[path]}" if path in LIKE else ""
        print(f"{path}: {statistics.median(costs[path]) * 1e6:.0f} µs an answer{note}")
    return int(max(ratios.values()) > MOST)


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


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
