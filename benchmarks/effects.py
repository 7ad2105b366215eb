"""What keeping effects costs: ``python benchmarks/effects.py``; fails beyond a target.

`accepted` and `stored` are the processor time of the loop's own thread for each effect, of a call for which no answer
waits and of one for which an answer does, without what makes a record of a call, and without turns of the loop that do
nothing; behind them is how many a second are on the disk, in groups, over all. `opens` is how long a file with a
million that wait takes to open. Run it on a machine that does nothing else.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

from aggregator.runtime.background.durable.intake import Intake
from aggregator.stores.effects.contract import Bounds
from aggregator.stores.effects.file import EffectsInFile
from aggregator.stores.effects.keeping import put_all
from aggregator.stores.effects.records import EffectRecord, FixedRequest
from aggregator.stores.effects.table import EffectTable

STORED, AT_ONCE, WAITING = 20_000, 500, 1_000_000
NO_BOUNDS = Bounds(10**9, 10**12)
PER_TURN = 5
ACCEPTED_US, STORED_US, PER_SECOND, OPENS = 3.0, 30.0, 5000.0, 2.0


def main() -> int:
    """Print the figures; 0 when all are within their targets."""
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as name:
        accepted, per_second = asyncio.run(keeping(Path(one), accepting))
        accepted -= asyncio.run(turning())
        stored, per_second_stored = asyncio.run(keeping(Path(name), storing))
        opens = opening(Path(name) / "many.db")
    print(f"accepted {accepted:7.1f} us      target {ACCEPTED_US:g}, {per_second:.0f} /s, target {PER_SECOND:g}")
    print(f"stored   {stored:7.1f} us      target {STORED_US:g}, {per_second_stored:.0f} /s, target {PER_SECOND:g}")
    print(f"opens    {opens:7.2f} s       target {OPENS:g}, with {WAITING} waiting")
    is_slow = min(per_second, per_second_stored) < PER_SECOND or opens > OPENS
    return int(accepted > ACCEPTED_US or stored > STORED_US or is_slow)


def records(number: int) -> Iterator[EffectRecord]:
    """Yield so many effects, each with a body of 200 bytes."""
    request = FixedRequest(b"POST", b"/send", b"content-type: application/json\r\n", b"x" * 200)
    for index in range(number):
        yield EffectRecord(id=f"{index:032x}", name="welcome", endpoint="POST /x", upstream="mail", request_id="r",
                           request=request, created=1.8e9, due=1.8e9)  # fmt: skip


async def keeping(
    folder: Path, kept: Callable[[Intake, list[EffectRecord]], Awaitable[object]]
) -> tuple[float, float]:  # fmt: skip
    """Return the microseconds of the loop for each effect that is *kept*, and how many a second, by ``sync: full``."""
    store = EffectsInFile(folder, "full")
    intake = Intake(store, lambda: NO_BOUNDS, lambda: None)
    several = list(records(STORED))
    began, worked = time.perf_counter(), time.thread_time()
    for first in range(0, STORED, AT_ONCE):
        await kept(intake, several[first : first + AT_ONCE])
    worked, took = time.thread_time() - worked, time.perf_counter() - began
    assert store.kept.number == STORED
    await store.aclose()
    return worked / STORED * 1e6, STORED / took


async def storing(intake: Intake, several: list[EffectRecord]) -> None:
    """Store *several*, as endpoints with a call that is `stored` wait for each of them."""

    async def put(record: EffectRecord) -> None:
        assert await intake.put([record])

    await asyncio.gather(*(put(one) for one in several))


async def accepting(intake: Intake, several: list[EffectRecord]) -> None:
    """Keep *several* for which nobody waits, five in each turn of the loop; return when all are on the disk."""
    for number, one in enumerate(several):
        intake.accept([one], _fail)
        if number % PER_TURN == 0:
            await asyncio.sleep(0)
    await intake.drain()


async def turning() -> float:
    """Return the microseconds that turns of the loop take for each effect of ``accepting``."""
    began = time.thread_time()
    for _ in range(STORED // PER_TURN):
        await asyncio.sleep(0)
    return (time.thread_time() - began) / STORED * 1e6


def _fail() -> None:
    raise AssertionError("An effect was not kept.")


def opening(path: Path) -> float:
    """Return the seconds in which a file with many effects is opened."""
    table = EffectTable(path, "normal")
    table.db.execute("BEGIN")
    put_all(table, [records(WAITING)], NO_BOUNDS)
    table.db.execute("COMMIT")
    table.close()
    began = time.perf_counter()
    EffectTable(path, "normal").close()
    return time.perf_counter() - began


if __name__ == "__main__":
    sys.exit(main())
