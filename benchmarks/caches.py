"""What limits and caches cost and save: ``python benchmarks/caches.py [ROUNDS [REQUESTS]]``.

One server answers a call as it is, behind a limit by caller, and with its reply kept; a fan-out of three as it is, and
its answer kept. Where there is an nginx, its only worker keeps the very same answer by ``proxy_cache``. Shown is the
processor time of a server for an answer, the median of many short turns, and how many times as fast each is as what it
stands beside, in the same turn; it exits with 1 when one is not as fast as it has to be.

With the package ``theine`` installed, the hit rate of a trace by Zipf's law stands beside that of its cache of as many
entries.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import sys
from contextlib import suppress

from harness.costs import costs_of, serving
from harness.proxy_cache import is_installed, keeping

from aggregator.policies.cache.s3fifo import S3Fifo

ROUNDS, REQUESTS = 60, 400
ROUTES = """\
version: 1
upstreams:
  up: {{url: "{url}"}}
endpoints:
  GET /call: {{call: up:/x}}
  GET /limited: {{rate_limit: {{rate: 1000000/s, by: "{{{{ request.client }}}}", fields: none}}, call: up:/x}}
  GET /part: {{call: {{url: up:/x, cache: 1h}}}}
  GET /fan: {{fan_out: {{a: up:/a, b: up:/b, c: up:/c}}}}
  GET /answer: {{cache: 1h, fan_out: {{a: up:/a, b: up:/b, c: up:/c}}}}
"""
ANSWER = b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 8\r\n\r\n{"id":1}'
PATHS = dict.fromkeys(("/call", "/limited", "/part", "/fan", "/answer"), b"200")
LEAST = {("/limited", "/call"): 0.95, ("/part", "/call"): 1.3, ("/answer", "/fan"): 2.0}
"""How many times as fast the first has to be as the second."""
LEAST_BESIDE_NGINX = 0.4
KEYS, ENTRIES, ASKED = 50_000, 2_000, 200_000


async def main(rounds: int, requests: int) -> int:
    """Measure each in turns."""
    upstream = await asyncio.start_server(_upstream, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{upstream.sockets[0].getsockname()[1]}"
    async with upstream, serving(ROUTES.format(url=url)) as (port, process):
        costs = await costs_of(PATHS, port, process, rounds=rounds, requests=requests)
        nginx = await _beside_nginx(port, process, rounds, requests) if is_installed() else None
    for path in PATHS:
        print(f"{path}: {statistics.median(costs[path]) * 1e6:.0f} µs an answer")
    is_slow = False
    for (path, beside), least in LEAST.items():
        ratio = statistics.median(other / own for other, own in zip(costs[beside], costs[path], strict=True))
        is_slow |= ratio < least
        print(f"{path}: {ratio:.2f} × as fast as {beside} ({least} has to be)")
    if nginx is not None:
        is_slow |= nginx < LEAST_BESIDE_NGINX
        print(f"/answer: {nginx:.2f} × as fast as nginx with proxy_cache ({LEAST_BESIDE_NGINX} has to be)")
    _show_hit_rates()
    return int(is_slow)


async def _beside_nginx(port: int, process: int, rounds: int, requests: int) -> float:
    """Return how many times as fast the server at *port* gives a kept answer as an nginx that keeps it, too."""
    ratios, kept = [], {"/answer": b"200"}
    async with keeping(port) as (other_port, worker):
        for _ in range(rounds):
            own = await costs_of(kept, port, process, rounds=1, requests=requests)
            theirs = await costs_of(kept, other_port, worker, rounds=1, requests=requests)
            ratios.append(theirs["/answer"][0] / own["/answer"][0])
    return statistics.median(ratios)


def _show_hit_rates() -> None:
    """Print how much of one trace is found by our cache, and by that of ``theine`` where it is installed."""
    trace = random.Random(7).choices(range(KEYS), [1 / rank for rank in range(1, KEYS + 1)], k=ASKED)
    ours: S3Fifo[int] = S3Fifo(ENTRIES, lambda *_: None)
    hits = 0
    for number in trace:
        key = b"%d" % number
        if ours.get(key) is None:
            ours.put(key, number, 1)
        else:
            hits += 1
    print(f"Zipf, {ENTRIES} of {KEYS} keys: {hits / ASKED:.1%} found")
    with suppress(ImportError):
        from theine import Cache

        theirs, found = Cache(ENTRIES), 0
        for number in trace:
            value, is_found = _theirs(theirs, number)
            found += is_found
            if not is_found:
                theirs.set(str(number), value)
        print(f"theine: {found / ASKED:.1%} found")


def _theirs(cache: object, number: int) -> tuple[int, bool]:
    """Return the value of *number*, and whether *cache* has it, whichever release of the package it is of."""
    found = cache.get(str(number))  # type: ignore[attr-defined]
    is_found = found[1] if isinstance(found, tuple) else found is not None
    return number, is_found


async def _upstream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(asyncio.IncompleteReadError, ConnectionError):
        while True:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(ANSWER)
            await writer.drain()
    writer.close()


if __name__ == "__main__":
    told = [int(text) for text in sys.argv[1:]]
    sys.exit(asyncio.run(main(*(told + [ROUNDS, REQUESTS][len(told) :]))))
