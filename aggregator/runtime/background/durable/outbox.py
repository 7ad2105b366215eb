"""The outbox: durable effects that are kept, and their delivery; lives as long as the application.

    closed ── open() ──▶ open: one task claims what is due, deliveries report by callback ── close() ──▶ closed

What ended is kept by the step that claims what comes next. One upstream takes at most half of the places.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from contextlib import suppress
from functools import partial
from typing import Any, Final, TypeVar

from aggregator.causes import Cause
from aggregator.errors import StoreError, place_of
from aggregator.exchange import Exchange
from aggregator.parts.frame import Frame, Written
from aggregator.parts.names import Names
from aggregator.parts.result import Result
from aggregator.plan.serving import BackgroundPlan
from aggregator.policies.durable.plan import DurablePlan
from aggregator.runtime.background.durable.intake import Intake
from aggregator.runtime.background.durable.judging import end_of, has_failed, outcome_of
from aggregator.runtime.background.durable.targets import NOWHERE, Target, Targets
from aggregator.runtime.background.durable.telling import ONE, Size, refusal, tell_dead, tell_parked, tell_turned
from aggregator.runtime.background.durable.under_way import UnderWay
from aggregator.runtime.background.tally import Tally
from aggregator.stores.effects.contract import Ages, Bounds, EffectStore, Kept, Turn, Turned
from aggregator.stores.effects.records import DEAD, WAITING, EffectRecord, Outcome
from aggregator.telemetry.logging import log
from aggregator.telemetry.redaction import Masker

ENDS: Final = ("sent", "again", "dead", "dropped", "skipped", "unwritten", "dry_run")
"""What deliveries, and effects that were not kept, come to."""
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
        self.ends, self.orders = Counter[str](), Counter[str]()
        """How many ended so, by ``ENDS``; and to how many operators had something done, by their orders."""
        self.masker = Masker()
        """Knows the secrets of the files that were served: none of them is kept of what an upstream answers."""
        self._store: EffectStore | None = None
        self._plan = BackgroundPlan()
        self._targets = NOWHERE
        self._under_way = UnderWay()
        self._ended: list[Outcome] = []
        self._intake: Intake | None = None
        self._awake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._followed: set[asyncio.Task[Any]] = set()
        self._closing = False
        self._is_parked = False
        """Whether the store knows which upstreams are known."""
        self._strays = set[str]()
        """The ids of those whose delivery has ended since the file lost their upstream: they wait, and are to park."""
        self._tidied = self._looked = 0.0

    @property
    def is_open(self) -> bool:
        """Whether effects can be kept here."""
        return self._store is not None and not self._closing

    @property
    def kept(self) -> Kept:
        """What is kept, by state."""
        return Kept() if self._store is None else self._store.kept

    @property
    def trouble(self) -> str | None:
        """Why nothing can be written at the moment; None while it can."""
        return None if self._store is None else self._store.trouble

    def refusal(self, group: Size = ONE) -> str | None:
        """Return why effects of the size of *group* could not be kept now, as far as is known; None if they could."""
        store, intake = self._store, self._intake
        return None if store is None or intake is None else refusal(store, intake.pending, self._durable, group)

    @property
    def _durable(self) -> DurablePlan:
        return self._plan.durable

    def open(self, store: EffectStore, plan: BackgroundPlan) -> None:
        """Deliver what waits in *store*, which is closed with this."""
        self._plan, self._closing = plan, False
        self._awake, self._under_way = asyncio.Event(), UnderWay()
        self._store, self._intake = store, Intake(store, self._bounds, self.wake)
        waiting = self.kept.counts[WAITING]
        if waiting:
            log(_log, logging.INFO, "Durable effects of before wait to be delivered.", count=waiting)
        self._task = asyncio.get_running_loop().create_task(self._deliver())

    def configure(self, plan: BackgroundPlan, targets: Targets, secrets: Iterable[str] = ()) -> None:
        """Deliver by *targets* from now on, within the limits of *plan*; nothing of *secrets* is kept of answers."""
        self.masker.learn(secrets)
        self._plan, self._targets, self._is_parked = plan, targets, False
        self.try_all()

    @property
    def _has_news(self) -> bool:
        """Whether the store is to be told which upstreams are known."""
        return not self._is_parked and self._targets is not NOWHERE

    async def _park(self, store: EffectStore) -> None:
        targets = self._targets
        tell_parked(await store.park(targets.known, self._clock()))
        self._is_parked = targets is self._targets

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

    def take_over(self) -> None:
        """Look now for what a process has left that died."""
        self._looked = 0.0
        self.wake()

    def try_all(self) -> None:
        """Look now, also for what waits for an upstream that is left alone because of its breaker."""
        self._under_way.let_go()
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
        store = self._store
        assert store is not None
        if self._has_news and store.trouble is None:
            await self._park(store)
        now = self._clock()
        waited_for = self._targets.open_among([*store.upstreams])
        room, free = self._under_way.room(waited_for, self._plan.workers, now)
        ended, self._ended = self._ended, []
        looks = abs(now - self._looked) >= _LOOK
        turn = Turn(now, tuple(ended), room, free, self._ages(now), looks, self._targets.off)
        if store.trouble is None and not (ended or room or turn.ages or turn.looks):
            return _LOOK
        try:
            turned = await store.turn(turn)
        except StoreError:
            self._ended = [*ended, *self._ended]
            raise
        if strays := self._strays.intersection(outcome.id for outcome in ended):
            self._strays -= strays
            self._is_parked = False
        self._tell(turn, turned)
        for record in turned.claimed:
            self._start(record)
        if self._has_news:
            return 0.0
        if turned.next_due is None or free <= len(turned.claimed):
            return _LOOK
        return min(_LOOK, max(0.0, turned.next_due - self._clock()))

    def _ages(self, now: float) -> Ages | None:
        """Return what is too old, None while it was looked for lately."""
        plan = self._durable
        if abs(now - self._tidied) < _TIDYING:
            return None
        return Ages(now - plan.age, now - plan.keep_sent, now - plan.keep_dead)

    def _tell(self, turn: Turn, turned: Turned) -> None:
        if turn.looks:
            self._looked = turn.now
        tell_turned(turned)
        if turn.ages is not None and not turned.given_up and not turned.forgotten:
            self._tidied = turn.now

    def _start(self, record: EffectRecord) -> None:
        target = self._targets.of(record)
        if target is None:  # a reload took it away a moment ago
            self._strays.add(record.id)
            self._ended.append(Outcome(record.id, WAITING, None, self._clock(), counts=False))
            self.wake()
            return
        loop = asyncio.get_running_loop()
        exchange = Exchange("", "", b"", [])
        exchange.id = record.request_id
        deadline = loop.time() + target.timeout
        frame = Frame(exchange, Names(exchange), deadline, loop, written=Written(record))
        self._under_way.begin(record)
        try:
            ticket = target.part.start(frame, partial(self._done, record, target))
        except Exception as error:  # a fault of ours must not take the others along
            log(_log, logging.ERROR, "A delivery failed by a fault of the program.", error=place_of(error))
            self._end(record, Outcome(record.id, WAITING, {"reason": "fault"}, self._clock() + _LONGEST))
            return
        self._under_way.can_be_cancelled(record, ticket)

    def _done(self, record: EffectRecord, target: Target, result: Result) -> None:
        if record not in self._under_way:
            return
        outcome = outcome_of(record, target.retry, result, self._clock(), self.masker)
        if result.cause is Cause.BREAKER_OPEN and outcome.due is not None and target.breakers is not None:
            self._under_way.hold(record.upstream, outcome.due, target.breakers)
        if outcome.counts:
            self._under_way.heard(record.upstream, failed=has_failed(target.retry, result))
        self.ends[end_of(outcome, result)] += 1
        if outcome.state == DEAD:
            tell_dead(self.tally, record, outcome)
        self._end(record, outcome)

    def _end(self, record: EffectRecord, outcome: Outcome) -> None:
        self._under_way.end(record)
        if record.upstream not in self._targets.upstreams:
            self._strays.add(record.id)
        self._ended.append(outcome)
        self.wake()

    async def close(self, grace: float) -> None:
        """Let deliveries that run have *grace* seconds, keep what ended, close the store; the rest waits in it."""
        store, intake = self._store, self._intake
        if store is None or intake is None:
            return
        assert self._task is not None
        self._closing = True
        self.wake()
        await asyncio.gather(self._task, *self._followed, return_exceptions=True)
        await intake.drain()
        await self._under_way.settle(grace)
        now = self._clock()
        for record in self._under_way.cancel():
            self._end(record, Outcome(record.id, WAITING, None, now))
        ended, self._ended = self._ended, []
        with suppress(StoreError):
            await store.turn(Turn(now, tuple(ended)))
        self._store = None
        await store.aclose()
