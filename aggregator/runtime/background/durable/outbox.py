"""The outbox: durable effects that are kept, and their delivery; lives as long as the application.

closed ── open() ──▶ open: what comes is kept, what is due is delivered ── close() ──▶ closed
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from contextlib import suppress
from typing import Any, Final, TypeVar

from aggregator.errors import StoreError
from aggregator.plan.serving import BackgroundPlan
from aggregator.policies.durable.plan import DurablePlan
from aggregator.runtime.background.durable.delivering.pacing import Pace
from aggregator.runtime.background.durable.delivering.pump import Pump
from aggregator.runtime.background.durable.delivering.targets import Targets
from aggregator.runtime.background.durable.intake import Intake
from aggregator.runtime.background.durable.telling import refusal
from aggregator.runtime.background.tally import Tally
from aggregator.stores.effects.contract import Bounds, EffectStore, Kept
from aggregator.stores.effects.records import WAITING, EffectRecord
from aggregator.telemetry.logging import log
from aggregator.telemetry.redaction import Masker

ENDS: Final = ("sent", "again", "dead", "dropped", "skipped", "unwritten", "dry_run")
"""What deliveries, and effects that were not kept, come to."""
_log = logging.getLogger("aggregator.effects")
_T = TypeVar("_T")


class Outbox:
    """The durable effects of this process; *clock* is Unix time."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.tally = Tally()
        self.ends, self.orders = Counter[str](), Counter[str]()
        """How many ended so, by ``ENDS``; and to how many operators had something done, by their orders."""
        self.masker = Masker()
        """Knows the secrets of the files that were served: none of them is kept of what an upstream answers."""
        self._store: EffectStore | None = None
        self._plan = BackgroundPlan()
        self._intake: Intake | None = None
        self._pump = Pump(clock, self.ends, self.tally, self.masker)
        self._task: asyncio.Task[None] | None = None
        self._followed: set[asyncio.Task[Any]] = set()
        self._closing = False

    @property
    def is_open(self) -> bool:
        """Whether effects can be kept here."""
        return self._store is not None and not self._closing

    @property
    def kept(self) -> Kept:
        """What is kept, by state."""
        return Kept() if self._store is None else self._store.kept

    @property
    def upstreams(self) -> set[str]:
        """The upstreams to which something waits, or did."""
        return set() if self._store is None else self._store.upstreams

    @property
    def trouble(self) -> str | None:
        """Why nothing can be written at the moment; None while it can."""
        return None if self._store is None else self._store.trouble

    def refusal(self, number: int = 1) -> str | None:
        """Return why a *number* of effects could not be kept now, as far as is known; None if they could."""
        store, intake = self._store, self._intake
        return None if store is None or intake is None else refusal(store, intake.pending, self._durable, number)

    @property
    def _durable(self) -> DurablePlan:
        return self._plan.durable

    def open(self, store: EffectStore, plan: BackgroundPlan) -> None:
        """Deliver what waits in *store*, which is closed with this."""
        self._plan, self._closing = plan, False
        self._store, self._intake = store, Intake(store, self._bounds, self._pump.wake)
        waiting = self.kept.counts[WAITING]
        if waiting:
            log(_log, logging.INFO, "Durable effects of before wait to be delivered.", count=waiting)
        self._task = self._pump.begin(store, plan)

    def configure(self, plan: BackgroundPlan, targets: Targets, secrets: Iterable[str] = ()) -> None:
        """Deliver by *targets* from now on, within the limits of *plan*; nothing of *secrets* is kept of answers."""
        self.masker.learn(secrets)
        self._plan = plan
        self._pump.configure(plan, targets)

    def put(self, records: list[EffectRecord]) -> asyncio.Future[bool]:
        """Return whether *records* are kept, once they are; ``StoreError`` when that fails. Never waits."""
        assert self._intake is not None
        return self._intake.put(records)

    def accept(self, records: list[EffectRecord], unkept: Callable[[], object]) -> None:
        """Keep *records* just after this, all or none; *unkept* is called where they are not. Never waits."""
        assert self._intake is not None
        self._intake.accept(records, unkept)

    def _bounds(self) -> Bounds:
        return Bounds(self._durable.count, self._durable.size)

    async def ask(self, work: Callable[[EffectStore], Awaitable[_T]]) -> _T:
        """Return what *work* gives; raises ``StoreError`` when that fails, or nothing is open."""
        if self._store is None:
            raise StoreError("No durable effects are kept: there is no `state`, or no call is `durable`.")
        found = await work(self._store)
        self.wake()
        return found

    def dropped(self, name: str, number: int) -> None:
        """Take note that *number* effects were not kept."""
        self.ends["dropped"] += number
        self.tally.tell(name, "A durable effect was dropped: it could not be stored.", logging.ERROR, {})

    def follow(self, work: Coroutine[Any, Any, _T]) -> asyncio.Task[_T]:
        """Return *work* as a task that is awaited when this closes."""
        task = asyncio.get_running_loop().create_task(work)
        self._followed.add(task)
        task.add_done_callback(self._followed.discard)
        return task

    async def look(self, seconds: float) -> None:
        """Have ``kept`` as it is now, which other processes change; not if that takes more than *seconds*."""
        if self._store is not None and not self._closing:
            with suppress(StoreError, TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._store.look()

    def pace(self, upstream: str) -> Pace | None:
        """Return the pace of *upstream* where something waits for it that is tried slowly, since deliveries fail."""
        return self._pump.pace(upstream) if upstream in self.upstreams else None

    def take_over(self) -> None:
        """Look now for what a process has left that died."""
        self._pump.take_over()

    def try_all(self) -> None:
        """Hold no upstream because of its breaker, end all pauses, and look for what is due now."""
        self._pump.try_all()

    def wake(self) -> None:
        """Look for what is due now."""
        self._pump.wake()

    async def close(self, grace: float) -> None:
        """Let deliveries that run have *grace* seconds, keep what ended, close the store; the rest waits in it."""
        store, intake = self._store, self._intake
        if store is None or intake is None:
            return
        assert self._task is not None
        self._closing = True
        self._pump.stop()
        await asyncio.gather(self._task, *self._followed, return_exceptions=True)
        await intake.drain()
        await self._pump.settle(store, grace)
        self.tally.tell_rest()
        self._store = None
        await store.aclose()
