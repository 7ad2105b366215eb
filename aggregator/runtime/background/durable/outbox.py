"""The outbox: durable effects that wait on the disk, and their delivery; lives as long as the application.

    closed ── open() ──▶ open: one task claims what is due, deliveries report by callback ── close() ──▶ closed

What ended is kept by the transaction that claims what comes next. One upstream takes at most half of the places.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

from aggregator.errors import StoreError, place_of
from aggregator.exchange import Exchange
from aggregator.parts.frame import Frame, Written
from aggregator.parts.names import Names
from aggregator.parts.result import Result
from aggregator.plan.serving import BackgroundPlan
from aggregator.policies.durable.plan import DurablePlan
from aggregator.runtime.background.durable.judging import outcome_of
from aggregator.runtime.background.durable.targets import NOWHERE, Target, Targets
from aggregator.runtime.background.tally import Tally
from aggregator.stores.effects.records import DEAD, SENT, WAITING, EffectRecord, Outcome
from aggregator.stores.effects.table import Bounds, EffectTable, Kept
from aggregator.stores.effects.writer import EffectWriter
from aggregator.telemetry.logging import log
from aggregator.transport.door import Cancelable

FILE: Final = "effects.db"
ENDS: Final = ("sent", "again", "dead", "dropped", "skipped", "unwritten", "dry_run")
"""What deliveries, and effects that were not kept, come to."""
MOST_PENDING: Final = 64 * 1024 * 1024
"""Bytes that may wait to be written; beyond it nothing is taken."""
_AGAIN = 1.0
"""Seconds between two tries at a disk that cannot be written."""
_LONGEST = 60.0
"""Seconds between two looks at what is due: clocks may jump."""
_TIDYING = 60.0
_LOOK = 5.0
"""Seconds between two looks at what other processes have left that use the file."""
_log = logging.getLogger("aggregator.effects")
_T = TypeVar("_T")


class Outbox:
    """The durable effects of this process; *clock* is Unix time."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self.tally = Tally()
        self.ends: Counter[str] = Counter()
        """How many ended so, by ``ENDS``."""
        self._writer: EffectWriter | None = None
        self._plan = BackgroundPlan()
        self._targets = NOWHERE
        self._running: dict[str, tuple[EffectRecord, Cancelable | None]] = {}
        self._busy: Counter[str] = Counter()
        self._begun: Counter[str] = Counter()
        """The number of the last delivery to each upstream that has begun."""
        self._number = 0
        self._ended: list[Outcome] = []
        self._pending = 0
        self._awake = self._idle = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._followed: set[asyncio.Task[Any]] = set()
        self._closing = False
        self._tidied = self._looked = 0.0

    @property
    def is_open(self) -> bool:
        """Whether effects can be kept here."""
        return self._writer is not None and not self._closing

    @property
    def kept(self) -> Kept:
        """What is kept, by state."""
        return Kept() if self._writer is None else self._writer.kept

    @property
    def trouble(self) -> str | None:
        """Why nothing can be written at the moment; None while it can."""
        return None if self._writer is None else self._writer.trouble

    @property
    def refusal(self) -> str | None:
        """Why an effect could not be kept now, as far as it is known; None when it could."""
        writer = self._writer
        if writer is None:
            return None
        if writer.trouble is not None:
            return "the disk cannot be written"
        kept, plan = writer.kept, self._durable
        live = kept.number - kept.counts[SENT]
        if live >= plan.count or self._pending > MOST_PENDING:
            return "too many wait already"
        return "those that wait take too much room" if kept.size >= plan.size and live == kept.number else None

    @property
    def _durable(self) -> DurablePlan:
        return self._plan.durable

    async def open(self, folder: Path, plan: BackgroundPlan) -> None:
        """Open the file in *folder*, and deliver what waits in it; raises ``StartupError``."""
        self._plan, self._closing = plan, False
        self._awake, self._idle = asyncio.Event(), asyncio.Event()
        self._writer = await asyncio.to_thread(EffectWriter, folder / FILE, plan.durable.sync)
        waiting = self.kept.counts[WAITING]
        if waiting:
            log(_log, logging.INFO, "Durable effects of before wait to be delivered.", count=waiting)
        self._task = asyncio.get_running_loop().create_task(self._deliver())

    def configure(self, plan: BackgroundPlan, targets: Targets) -> None:
        """Deliver by *targets* from now on, within the limits of *plan*."""
        self._plan, self._targets = plan, targets
        if self._writer is not None:
            self.follow(self._park())

    async def _park(self) -> None:
        known, now = self._targets.known, self._clock()
        assert self._writer is not None
        with suppress(StoreError):
            parked = await self._writer.submit(lambda table: table.park(known, now))
            if parked:
                log(_log, logging.WARNING, "Durable effects are parked: the file does not know their upstream.",
                    count=parked)  # fmt: skip
        self.wake()

    def put(self, records: list[EffectRecord]) -> asyncio.Future[bool]:
        """Return whether *records* are kept, once they are; ``StoreError`` when that fails. Never waits."""
        assert self._writer is not None
        size = sum(record.size for record in records)
        if self._pending + size > MOST_PENDING:
            refused: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
            refused.set_result(False)
            return refused
        self._pending += size
        bounds = Bounds(self._durable.count, self._durable.size)
        future = self._writer.submit(lambda table: table.put(records, bounds))
        future.add_done_callback(lambda _: self._written(size))
        return future

    def _written(self, size: int) -> None:
        self._pending -= size

    async def ask(self, work: Callable[[EffectTable], _T]) -> _T:
        """Return what *work* gives, kept; raises ``StoreError`` when that fails, or nothing is open."""
        if self._writer is None:
            raise StoreError("No durable effects are kept: there is no `state`, or no call is `durable`.")
        found = await self._writer.submit(work)
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
        """Have ``kept`` as the file is now, which other processes change; not if that takes more than *seconds*."""
        if self._writer is not None and not self._closing:
            with suppress(StoreError, TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._writer.submit(lambda _: None)

    def take_over(self) -> None:
        """Look now for what a process has left that died."""
        self._looked = 0.0
        self.wake()

    def wake(self) -> None:
        """Look for what is due now."""
        self._awake.set()

    async def _deliver(self) -> None:
        while not self._closing:
            self._awake.clear()
            try:
                pause = await self._turn()
            except StoreError:
                pause = _AGAIN
            except Exception as error:  # a fault of ours must not end deliveries
                log(_log, logging.ERROR, "Deliveries failed by a fault of the program.", error=place_of(error))
                pause = _AGAIN
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._awake.wait()

    async def _turn(self) -> float:
        """Keep what ended, start what is due; returns after how many seconds to look again."""
        writer, now = self._writer, self._clock()
        assert writer is not None
        room, free = self._room(writer.upstreams)
        ended, self._ended = self._ended, []
        if (
            writer.trouble is None
            and not ended
            and not room
            and not self._is_untidy(now)
            and not self._is_time_to_look(now)
        ):
            return _LOOK
        step = partial(self._step, ended, room, free, now, writer.trouble is not None)
        try:
            claimed, next_due = await writer.submit(step)
        except StoreError:
            self._ended = [*ended, *self._ended]
            raise
        for record in claimed:
            self._start(record)
        if next_due is None:
            return _LOOK
        return min(_LOOK, max(0.0, next_due - self._clock())) if free > len(claimed) else _LOOK

    def _room(self, upstreams: set[str]) -> tuple[dict[str, int], int]:
        """Return how many may be delivered to each upstream to which something waits, and in all."""
        workers = self._plan.workers
        free = workers - len(self._running)
        most = max(1, workers // 2)
        known = [name for name in [*upstreams] if name in self._targets.upstreams]
        known.sort(key=lambda name: (self._busy[name], self._begun[name]))  # who has waited longest is served first
        room = {name: most - self._busy[name] for name in known}
        return ({name: places for name, places in room.items() if places > 0} if free > 0 else {}), free

    def _step(
        self, ended: list[Outcome], room: dict[str, int], free: int, now: float, probes: bool, table: EffectTable
    ) -> tuple[list[EffectRecord], float | None]:
        """Return what is claimed, and when the next one is due; in the thread of the writer."""
        if probes:
            table.probe()
        table.settle(ended, now)
        if self._is_untidy(now):
            self._tidy(table, now)
        if self._is_time_to_look(now):
            self._look(table, now)
        claimed = table.claim(room, free, now) if room else []
        full = Counter(record.upstream for record in claimed)
        return claimed, table.next_due(name for name, places in room.items() if full[name] < places)

    def _is_time_to_look(self, now: float) -> bool:
        return abs(now - self._looked) >= _LOOK

    def _look(self, table: EffectTable, now: float) -> None:
        """Take over what other processes have left, which died."""
        taken = table.take_back()
        self._looked = now
        if taken:
            log(_log, logging.WARNING, "Durable effects of a process that died are taken over.", count=taken)

    def _is_untidy(self, now: float) -> bool:
        return abs(now - self._tidied) >= _TIDYING

    def _tidy(self, table: EffectTable, now: float) -> None:
        plan = self._durable
        given_up = table.expire(now - plan.age, now)
        forgotten = table.forget(SENT, now - plan.keep_sent, now) + table.forget(DEAD, now - plan.keep_dead, now)
        if given_up:
            log(_log, logging.ERROR, "Durable effects are dead: they have waited too long.", count=given_up)
        if not given_up and not forgotten:
            self._tidied = now

    def _start(self, record: EffectRecord) -> None:
        target = self._targets.of(record)
        if target is None:  # a reload took it away a moment ago
            self._ended.append(Outcome(record.id, WAITING, None, self._clock(), counts=False))
            self.wake()
            return
        loop = asyncio.get_running_loop()
        exchange = Exchange("", "", b"", [])
        exchange.id = record.request_id
        deadline = loop.time() + target.timeout
        frame = Frame(exchange, Names(exchange), deadline, loop, written=Written(record))
        self._running[record.id] = (record, None)
        self._busy[record.upstream] += 1
        self._begun[record.upstream] = self._number = self._number + 1
        try:
            ticket = target.part.start(frame, partial(self._done, record, target))
        except Exception as error:  # a fault of ours must not take the others along
            log(_log, logging.ERROR, "A delivery failed by a fault of the program.", error=place_of(error))
            self._end(record, Outcome(record.id, WAITING, {"reason": "fault"}, self._clock() + _LONGEST))
            return
        if record.id in self._running:
            self._running[record.id] = (record, ticket)

    def _done(self, record: EffectRecord, target: Target, result: Result) -> None:
        if record.id not in self._running:
            return
        outcome = outcome_of(record, target.retry, result, self._clock())
        if outcome.state == SENT:
            self.ends["sent" if result.attempts else "dry_run"] += 1
        elif outcome.state == DEAD:
            self.ends["dead"] += 1
            last = {key: value for key, value in (outcome.last or {}).items() if key != "body"}
            known = {"id": record.id, "attempts": record.attempts, **last}
            self.tally.tell(record.name, "A durable effect is dead: it is not sent again.", logging.ERROR, known)
        else:
            self.ends["again"] += 1
        self._end(record, outcome)

    def _end(self, record: EffectRecord, outcome: Outcome) -> None:
        del self._running[record.id]
        self._busy[record.upstream] -= 1
        self._ended.append(outcome)
        self.wake()
        if not self._running:
            self._idle.set()

    async def close(self, grace: float) -> None:
        """Let deliveries that run have *grace* seconds, keep what ended, close the file; the rest waits in it."""
        writer = self._writer
        if writer is None:
            return
        assert self._task is not None
        self._closing = True
        self.wake()
        await asyncio.gather(self._task, *self._followed, return_exceptions=True)
        self._idle.clear()
        if self._running:
            with suppress(TimeoutError):
                async with asyncio.timeout(grace):
                    await self._idle.wait()
        now = self._clock()
        for record, ticket in [*self._running.values()]:
            if ticket is not None:
                ticket.cancel()
            self._end(record, Outcome(record.id, WAITING, None, now))
        ended, self._ended = self._ended, []
        with suppress(StoreError):
            await writer.submit(lambda table: table.settle(ended, now))
        self._writer = None
        await asyncio.to_thread(writer.close)
