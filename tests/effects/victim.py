"""What a process does that stores and delivers effects until it is killed: it says what it has stored and what it sends."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from multiprocessing.connection import Connection
from pathlib import Path

from aggregator.parts.frame import Done, Frame
from aggregator.parts.result import Result
from aggregator.plan.serving import BackgroundPlan
from aggregator.policies.durable.plan import BACKOFF, DurablePlan
from aggregator.policies.retry.plan import RetryPlan
from aggregator.runtime.background.durable.delivering.targets import Target, Targets
from aggregator.runtime.background.durable.outbox import Outbox
from aggregator.stores.effects.contract import EffectStore
from aggregator.stores.effects.file import EffectsInFile
from aggregator.stores.effects.records import LIVE, EffectRecord, FixedRequest
from aggregator.stores.redis.effects.store import EffectsInRedis
from aggregator.stores.shared.address import store_address
from aggregator.stores.shared.plan import StorePlan
from aggregator.transport.door import Cancelable


def say(word: str, record: EffectRecord) -> None:
    """Write one line; it is out when this returns."""
    sys.stdout.write(f"{word} {record.id} {(record.request.body or b'').decode()}\n")
    sys.stdout.flush()


class Told:
    """A call that says what it sends, and succeeds a moment later."""

    name = "told"

    def start(self, frame: Frame, done: Done) -> Cancelable | None:
        """Say it."""
        assert frame.written is not None
        now = frame.loop.time()
        say("sent", frame.written.request)
        frame.loop.call_soon(done, Result("told", now, now, status=200))
        return None


async def store(outbox: Outbox, begin: str, worker: int) -> None:
    """Store effects one after another, and say of each when it is stored."""
    for number in range(1_000_000):
        name = f"{begin}-{worker}-{number}"
        request = FixedRequest(b"POST", b"/x", b"", f"body-of-{name}".encode())
        now = time.time()
        record = EffectRecord(name, "told", "POST /x", "sink", "r", request, now, now, f"order-{number % 7}")
        assert await outbox.put([record])
        say("stored", record)
        outbox.wake()


async def opened(place: str) -> EffectStore:
    """Return the effects at *place*."""
    if "://" not in place:
        return EffectsInFile(Path(place), "full")
    store = EffectsInRedis(StorePlan(store_address(place), prefix="t:"))
    await store.open()
    return store


async def main(place: str, begin: str) -> None:
    """Open what is at *place*, a folder or the URL of a store, and begin ids with *begin*.

    With ``-`` only what is left is delivered; that is the end.
    """
    outbox, plan = Outbox(), BackgroundPlan(durable=DurablePlan())
    target = Target(Told(), 5.0, RetryPlan(3, frozenset(), frozenset(), BACKOFF, None, "always"))
    outbox.open(await opened(place), plan)
    outbox.configure(plan, Targets({}, {"sink": target}))
    if begin != "-":
        await asyncio.gather(*(store(outbox, begin, worker) for worker in range(4)))
    while any(outbox.kept.counts[state] for state in LIVE):
        outbox.wake()
        await asyncio.sleep(0.01)
    await outbox.close(5.0)


def run(said: Connection, place: str, begin: str) -> None:
    """Do it in a process of its own, whose stdout is *said*."""
    os.dup2(said.fileno(), 1)
    said.close()
    asyncio.run(main(place, begin))
