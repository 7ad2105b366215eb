"""What retries, hedges, breakers and places keep to, and cost: ``python benchmarks/resilience.py [SCENE …]``.

One server with the defaults (``access: errors``), one upstream in this process, six scenes of less than a minute each:

- ``hangs``: 500 callers wait for an upstream that never answers; the p99 of another route is at most 1.5 times what it
  is without them, in turns, and nobody there gets an error.
- ``fails``: everything fails; an upstream with retries gets 1.2 times the calls of the endpoint and the floor, at most.
- ``tail``: three answers of a hundred take a fifth of a second; a hedge halves the p99 for at most 5 % more calls.
- ``idle``: retry, breaker and concurrency are declared and have nothing to do; a call without them costs at least 0.92
  of the processor time of one with them, in turns.
- ``sink``: a thousand durable effects wait for a sink that is dead, and are tried again; the p99 of another route is at
  most 1.1 times what it is when nothing waits, in turns, and all are delivered once the sink is back.
- ``bare``: the same of a sink without a breaker.

It exits with 1 when one is missed.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import sys
import time
from collections import Counter
from contextlib import suppress

from harness.costs import costs_of, processor_time, serving

ROUNDS, REQUESTS = 40, 240
CLIENTS, HANGING, TURNS = 4, 500, 4
SECONDS = 2.0
SHARE, FLOOR, WINDOW = 1.2, 10, 10
SINK_TURNS = 5
ROUTES = """\
version: 1
state: ./state
upstreams:
  plain: {{url: "{url}"}}
  many: {{url: "{url}", timeout: 60s, limits: {{max_connections: 600}}}}
  retried: {{url: "{url}", retry: {{attempts: 3, on: [503], backoff: 1ms..5ms}}}}
  hedged: {{url: "{url}", hedge: p95}}
  sink: {{url: "{url}", idempotent: true, breaker: {{failures: 5, pause: 1s..1s}}}}
  bare: {{url: "{url}", idempotent: true}}
  guarded: {{url: "{url}", retry: 2, breaker: {{failures: 5, rate: 50%}}, concurrency: 64}}
endpoints:
  GET /plain: {{call: plain:/good}}
  GET /guarded: {{call: guarded:/good}}
  GET /signup:
    call: plain:/good
    background:
      - name: told
        durable: accepted
        url: POST sink:/sink
        json: {{id: 1}}
        retry: {{attempts: 100, backoff: 1s..2s}}
  GET /signup_bare:
    call: plain:/good
    background:
      - name: told
        durable: accepted
        url: POST bare:/sink
        json: {{id: 1}}
        retry: {{attempts: 100, backoff: 1s..2s}}
  GET /hangs: {{timeout: 60s, call: many:/hangs}}
  GET /fails: {{call: retried:/fails}}
  GET /tail: {{call: plain:/tail}}
  GET /hedged: {{call: hedged:/hedged}}
"""
ANSWER = b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 8\r\n\r\n{"id":1}'
FAILURE = ANSWER.replace(b"200 OK", b"503 No")
QUICK, SLOW, SLOW_SHARE = 0.002, 0.2, 0.03
calls: Counter[bytes] = Counter()
"""The calls that the upstream got, by path."""
tries: Counter[str] = Counter()
"""How often the sink was tried while it was dead."""
is_dead = asyncio.Event()
"""Whether the sink takes nothing."""
arrived: asyncio.Queue[bytes] = asyncio.Queue()
"""The calls that hang, as they come."""


async def main(names: list[str]) -> int:
    """Run the scenes *names*, or all."""
    upstream = await asyncio.start_server(_upstream, "127.0.0.1", 0, backlog=1000)
    url = f"http://127.0.0.1:{upstream.sockets[0].getsockname()[1]}"
    async with serving(ROUTES.format(url=url)) as (port, process):
        kept = [await SCENES[name](port, process) for name in names or SCENES]
    upstream.close()
    return int(not all(kept))


async def hangs(port: int, _process: int) -> bool:
    """Return whether 500 who wait for nothing leave the others alone."""
    ratios, errors = [], 0
    for _ in range(TURNS):
        alone, _ = await _asked(port, "/plain", 300)
        waiting = [await asyncio.open_connection("127.0.0.1", port) for _ in range(HANGING)]
        for _, writer in waiting:
            writer.write(_request("/hangs"))
        for _ in waiting:
            await arrived.get()
        beside, statuses = await _asked(port, "/plain", 300)
        errors += sum(times for status, times in statuses.items() if status != b"200")
        ratios.append(_p99(beside) / _p99(alone))
        for _, writer in waiting:
            writer.close()
        await asyncio.sleep(0.5)
    ratio = statistics.median(ratios)
    print(f"hangs: p99 beside {HANGING} who wait is {ratio:.2f} of that without, {errors} errors")
    return ratio <= 1.5 and not errors


async def fails(port: int, _process: int) -> bool:
    """Return whether the upstream gets no more than its budget of retries."""
    begun, asked = time.monotonic(), 0
    while time.monotonic() < begun + SECONDS:
        times, _ = await _asked(port, "/fails", 50)
        asked += len(times)
    floor = FLOOR * max(WINDOW, time.monotonic() - begun)
    print(
        f"fails: {calls[b'/fails'] / asked:.3f} calls a request; {SHARE} and {floor / asked:.3f} of the floor allowed"
    )
    return calls[b"/fails"] <= SHARE * asked + floor


async def tail(port: int, _process: int) -> bool:
    """Return whether hedges halve the p99, and what they cost in calls."""
    await _asked(port, "/hedged", 100)  # a percentile needs answers
    calls.clear()
    plain: list[float] = []
    hedged: list[float] = []
    for _ in range(TURNS):
        plain += (await _asked(port, "/tail", 100))[0]
        hedged += (await _asked(port, "/hedged", 100))[0]
    ratio, more = _p99(hedged) / _p99(plain), calls[b"/hedged"] / len(hedged)
    print(f"tail: p99 {_p99(hedged) * 1e3:.0f} ms of {_p99(plain) * 1e3:.0f} ms ({ratio:.2f}), {more:.3f} of the calls")
    return ratio <= 0.5 and more <= 1.05


async def idle(port: int, process: int) -> bool:
    """Return whether what is declared and has nothing to do costs little."""
    paths = {"/plain": b"200", "/guarded": b"200"}
    costs = await costs_of(paths, port, process, rounds=ROUNDS, requests=REQUESTS)
    ratio = statistics.median(one / two for one, two in zip(costs["/plain"], costs["/guarded"], strict=True))
    shown = ", ".join(f"{path} {statistics.median(costs[path]) * 1e6:.0f} µs" for path in paths)
    print(f"idle: {shown}: {ratio:.3f}")
    return ratio >= 0.92


async def sink(port: int, process: int) -> bool:
    """Return whether a thousand effects that a dead sink does not take leave the others alone."""
    return await _beside_sink(port, process, "sink", "/signup")


async def bare(port: int, process: int) -> bool:
    """Return the same of a sink that has no breaker."""
    return await _beside_sink(port, process, "bare", "/signup_bare")


async def _beside_sink(port: int, process: int, scene: str, path: str) -> bool:
    ratios, costs, errors, delivered = [], [], 0, calls[b"/sink"]
    tries.clear()
    for _ in range(SINK_TURNS):
        alone, _, cost_alone = await _charged(port, process)
        is_dead.set()
        signed_up, _ = await _asked(port, path, 250)
        beside, statuses, cost = await _charged(port, process)
        errors += sum(times for status, times in statuses.items() if status != b"200")
        ratios.append(_p99(beside) / _p99(alone))
        costs.append(cost / cost_alone)
        is_dead.clear()
        delivered += len(signed_up)
        async with asyncio.timeout(60):
            await _until_delivered(delivered)
    ratio, cost = statistics.median(ratios), statistics.median(costs)
    print(
        f"{scene}: p99 beside a sink that is dead is {ratio:.2f} of that without, the processor time of a request "
        f"{cost:.2f}, {tries['dead'] / SINK_TURNS:.0f} tries, {errors} errors"
    )
    return ratio <= 1.1 and not errors


async def _charged(port: int, process: int) -> tuple[list[float], Counter[bytes], float]:
    """Return what ``_asked`` does of 300 times the route beside, and the seconds of *process* for that."""
    before = processor_time(process)
    seconds, statuses = await _asked(port, "/plain", 300)
    return seconds, statuses, processor_time(process) - before


async def _until_delivered(number: int) -> None:
    """Wait until the sink got so many, and the server has nothing left to do."""
    while calls[b"/sink"] < number:  # noqa: ASYNC110 - a count, in a tool
        await asyncio.sleep(0.1)
    await asyncio.sleep(0.5)


SCENES = {"hangs": hangs, "fails": fails, "tail": tail, "idle": idle, "sink": sink, "bare": bare}


def _request(path: str) -> bytes:
    return b"GET %s HTTP/1.1\r\nhost: x\r\n\r\n" % path.encode()


def _p99(times: list[float]) -> float:
    return sorted(times)[int(len(times) * 0.99)]


async def _asked(port: int, path: str, times: int) -> tuple[list[float], Counter[bytes]]:
    """Return how long so many answers took each of a few clients, and their statuses."""
    seconds: list[float] = []
    statuses: Counter[bytes] = Counter()

    async def ask() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(times):
            begun = time.monotonic()
            writer.write(_request(path))
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]))
            seconds.append(time.monotonic() - begun)
            statuses[head.split(b" ", 2)[1]] += 1
        writer.close()

    await asyncio.gather(*(ask() for _ in range(CLIENTS)))
    return seconds, statuses


async def _upstream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(asyncio.IncompleteReadError, ConnectionError):
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            path = head.split(b" ", 2)[1]
            if path == b"/sink":
                await reader.readexactly(int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]))
                if is_dead.is_set():
                    tries["dead"] += 1
                    break
            calls[path] += 1
            if path == b"/hangs":
                arrived.put_nowait(path)
                await reader.read()  # until the connection is closed
                break
            if path in (b"/tail", b"/hedged"):
                await asyncio.sleep(SLOW if random.random() < SLOW_SHARE else QUICK)
            writer.write(FAILURE if path == b"/fails" else ANSWER)
            await writer.drain()
    writer.close()


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:])))
