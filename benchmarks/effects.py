"""What keeping effects costs: ``python benchmarks/effects.py``; fails beyond a target.

`loop` is the processor time of the loop's own thread for each effect that is put to the writer and told kept, without
what makes a record of a call; `stored` is how many a second are on the disk, in groups, over all; `opens` is how long a
file with a million that wait takes to open. Run it on a machine that does nothing else.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from aggregator.stores.effects.contract import Bounds
from aggregator.stores.effects.records import EffectRecord, FixedRequest
from aggregator.stores.effects.table import EffectTable
from aggregator.stores.effects.writer import EffectWriter

STORED, AT_ONCE, WAITING = 20_000, 500, 1_000_000
NO_BOUNDS = Bounds(10**9, 10**12)
LOOP_US, PER_SECOND, OPENS = 30.0, 5000.0, 2.0


def main() -> int:
    """Print the figures; 0 when all are within their targets."""
    with tempfile.TemporaryDirectory() as name:
        loop, stored = asyncio.run(storing(Path(name) / "few.db"))
        opens = opening(Path(name) / "many.db")
    print(f"loop    {loop:8.1f} us      target {LOOP_US:g}")
    print(f"stored  {stored:8.0f} /s      target {PER_SECOND:g}")
    print(f"opens   {opens:8.2f} s       target {OPENS:g}, with {WAITING} waiting")
    return int(loop > LOOP_US or stored < PER_SECOND or opens > OPENS)


def records(number: int) -> Iterator[EffectRecord]:
    """Yield so many effects, each with a body of 200 bytes."""
    request = FixedRequest(b"POST", b"/send", b"content-type: application/json\r\n", b"x" * 200)
    for index in range(number):
        yield EffectRecord(id=f"{index:032x}", name="welcome", endpoint="POST /x", upstream="mail", request_id="r",
                           request=request, created=1.8e9, due=1.8e9)  # fmt: skip


async def storing(path: Path) -> tuple[float, float]:
    """Return the microseconds of the loop for each effect, and how many are stored a second, with ``sync: full``."""
    writer = EffectWriter(path, "full")
    several = list(records(STORED))
    began, worked = time.perf_counter(), time.thread_time()
    for first in range(0, STORED, AT_ONCE):
        await asyncio.gather(*(put(writer, one) for one in several[first : first + AT_ONCE]))
    worked, took = time.thread_time() - worked, time.perf_counter() - began
    await asyncio.to_thread(writer.close)
    return worked / STORED * 1e6, STORED / took


async def put(writer: EffectWriter, record: EffectRecord) -> None:
    """Store *record*, as an endpoint with a call that is `stored` waits for it."""
    assert await writer.submit(lambda table: table.put([record], NO_BOUNDS))


def opening(path: Path) -> float:
    """Return the seconds in which a file with many effects is opened."""
    table = EffectTable(path, "normal")
    table.db.execute("BEGIN")
    table.put(records(WAITING), NO_BOUNDS)
    table.db.execute("COMMIT")
    table.close()
    began = time.perf_counter()
    EffectTable(path, "normal").close()
    return time.perf_counter() - began


if __name__ == "__main__":
    sys.exit(main())
