"""The deliveries of durable effects that a store keeps:

    resting ── begin() ──▶ delivering: one task claims what is due, deliveries report by callback ── stop() ──▶ resting

What ended is kept by the step that claims what comes next. One upstream takes at most half of the places.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final

from aggregator.causes import Cause
from aggregator.errors import StoreError, place_of
from aggregator.exchange import Exchange
from aggregator.parts.frame import Frame, Written
from aggregator.parts.names import Names
from aggregator.parts.result import Result
from aggregator.plan.serving import BackgroundPlan
from aggregator.runtime.background.durable.delivering.judging import (
    asked_by,
    end_of,
    has_failed,
    is_crowded,
    outcome_of,
    turn_in,
)
from aggregator.runtime.background.durable.delivering.pacing import Pace
from aggregator.runtime.background.durable.delivering.targets import NOWHERE, Target, Targets
from aggregator.runtime.background.durable.delivering.under_way import UnderWay
from aggregator.runtime.background.durable.telling import tell_arrived, tell_dead, tell_parked, tell_slow, tell_turned
from aggregator.runtime.background.tally import Tally
from aggregator.stores.effects.contract import Ages, EffectStore, Turn, Turned
from aggregator.stores.effects.records import DEAD, WAITING, EffectRecord, Outcome
from aggregator.telemetry.logging import log

_AGAIN: Final = 1.0
"""Seconds between two tries at a disk that cannot be written."""
_LONGEST: Final = 60.0
"""Seconds until one is looked at again that met a fault of ours."""
_TIDYING: Final = 60.0
LOOK: Final = 5.0
"""Seconds between two looks at what is due (clocks may jump), and at what other processes of the file have left."""
_log = logging.getLogger("aggregator.effects")


class Pump:
    """Delivers what a store keeps; *clock* is Unix time.

    How deliveries end is counted in *ends* and told by *tally*; of what upstreams answer is kept what *mask* leaves.
    """

    def __init__(
        self, clock: Callable[[], float], ends: Counter[str], tally: Tally, mask: Callable[[str], str]
    ) -> None:  # fmt: skip
        self._clock = clock
        self._ends, self._tally, self._mask = ends, tally, mask
        self._plan = BackgroundPlan()
        self._targets = NOWHERE
        self._under_way = UnderWay()
        self._store: EffectStore | None = None
        self._ended: list[Outcome] = []
        self._awake = asyncio.Event()
        self._news, self._known = 1, 0
        """The number of the last news of which upstreams are known, and of the last that the store has heard of."""
        self._parking: asyncio.Task[None] | None = None
        self._strays = set[str]()
        """The ids of those whose delivery has ended since the file lost their upstream: they wait, and are to park."""
        self._tidied = self._looked = 0.0
        self._stops = False

    def begin(self, store: EffectStore, plan: BackgroundPlan) -> asyncio.Task[None]:
        """Deliver what *store* keeps; return the task that ends once that is stopped."""
        self._plan, self._store, self._stops = plan, store, False
        self._awake, self._under_way = asyncio.Event(), UnderWay()
        return asyncio.get_running_loop().create_task(self._deliver(store))

    def configure(self, plan: BackgroundPlan, targets: Targets) -> None:
        """Deliver by *targets* from now on, within the limits of *plan*."""
        self._plan, self._targets = plan, targets
        self._news += 1
        self.try_all()

    def take_over(self) -> None:
        """Look now for what a process has left that died."""
        self._looked = 0.0
        self.wake()

    def try_all(self) -> None:
        """Hold no upstream because of its breaker, end all pauses, and look for what is due now."""
        self._under_way.let_go()
        self.wake()

    def wake(self) -> None:
        """Look for what is due now."""
        self._awake.set()

    def pace(self, upstream: str) -> Pace | None:
        """Return the pace of *upstream* where it is tried slowly, since deliveries to it fail."""
        return self._under_way.paces.of(upstream)

    @property
    def _has_news(self) -> bool:
        """Whether the store is to be told which upstreams are known, and is not told now."""
        return self._known < self._news and self._parking is None and self._targets is not NOWHERE

    def _begin_parking(self, store: EffectStore) -> None:
        """Have *store* park what waits for unknown upstreams, while all else is delivered: a million take long."""
        self._parking = asyncio.get_running_loop().create_task(self._park(store))

    async def _park(self, store: EffectStore) -> None:
        news = self._news
        try:
            tell_parked(await store.park(self._targets.known, self._clock()))
            self._known = news
            self.wake()
        except StoreError:
            pass  # it is begun again once the store can be written
        except Exception as error:  # a fault of ours must not end deliveries
            log(_log, logging.ERROR, "Deliveries failed by a fault of the program.", error=place_of(error))
        finally:
            self._parking = None

    async def _deliver(self, store: EffectStore) -> None:
        while not self._stops:
            self._awake.clear()
            try:
                pause = await self._turn(store)
            except StoreError:
                pause = _AGAIN
            except Exception as error:  # a fault of ours must not end deliveries
                log(_log, logging.ERROR, "Deliveries failed by a fault of the program.", error=place_of(error))
                pause = _AGAIN
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._awake.wait()
        if (parking := self._parking) is not None:
            parking.cancel()
            await asyncio.gather(parking, return_exceptions=True)

    async def _turn(self, store: EffectStore) -> float:
        """Keep what ended, start what is due; returns after how many seconds to look again."""
        if self._has_news and store.trouble is None:
            self._begin_parking(store)
        now = self._clock()
        waited_for = self._targets.open_among([*store.upstreams])
        room, free = self._under_way.room(waited_for, self._plan.workers, now)
        tried_at = self._under_way.paces.next_at(waited_for, now)
        ended, self._ended = self._ended, []
        looks = abs(now - self._looked) >= LOOK
        turn = Turn(
            now, tuple(ended), room, free, self._ages(now), looks, self._targets.off, self._under_way.paces.newest(room)
        )
        if store.trouble is None and not (ended or room or turn.ages or turn.looks):
            return self._until(tried_at)
        try:
            turned = await store.turn(turn)
        except StoreError:
            self._ended = [*ended, *self._ended]
            raise
        if strays := self._strays.intersection(outcome.id for outcome in ended):
            self._strays -= strays
            self._news += 1
            self.wake()
        self._tell(turn, turned)
        for record in turned.claimed:
            self._start(record)
        if self._has_news:
            return _AGAIN
        if turned.next_due is None or free <= len(turned.claimed):
            return self._until(tried_at)
        return self._until(tried_at, turned.next_due)

    def _until(self, *moments: float | None) -> float:
        """Return the seconds until the first of *moments* (Unix time) that are known, at most until the next look."""
        now = self._clock()
        return min((max(0.0, at - now) for at in moments if at is not None and at - now < LOOK), default=LOOK)

    def _ages(self, now: float) -> Ages | None:
        """Return what is too old, None while it was looked for lately."""
        plan = self._plan.durable
        if abs(now - self._tidied) < _TIDYING:
            return None
        return Ages(now - plan.age, now - plan.keep_sent, now - plan.keep_dead)

    def _tell(self, turn: Turn, turned: Turned) -> None:
        if turn.looks:
            self._looked = turn.now
        tell_turned(turned)
        self._ends["dead"] += turned.given_up
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
        waiting = 0 if self._store is None or target.breakers is not None else self._store.kept.counts[WAITING]
        outcome = outcome_of(record, target.retry, result, self._clock(), self._mask, waiting=waiting)
        if result.cause is Cause.BREAKER_OPEN and outcome.due is not None and target.breakers is not None:
            self._under_way.hold(record.upstream, outcome.due, target.breakers)
        is_sole = len(record.upstreams) == 1
        if outcome.counts or (is_sole and result.cause is Cause.CREDENTIALS):  # somebody has to mend it, and is told
            self._heard(record.upstream, target, result)
        elif is_sole and is_crowded(result):
            self._under_way.untried(record, self._clock(), turn_in(result))
        self._ends[end_of(outcome, result)] += 1
        if outcome.state == DEAD:
            tell_dead(self._tally, record, outcome)
        self._end(record, outcome)

    def _heard(self, upstream: str, target: Target, result: Result) -> None:
        """Take note of whether *upstream* takes what it is sent, and tell where that has changed."""
        paces = self._under_way.paces
        if not has_failed(target.retry, result):
            if paces.arrived(upstream):
                tell_arrived(upstream)
        elif paces.failed(upstream, self._clock(), asked_by(result)):
            tell_slow(upstream, str(result.cause))

    def _end(self, record: EffectRecord, outcome: Outcome) -> None:
        self._under_way.end(record)
        if record.upstream not in self._targets.upstreams:
            self._strays.add(record.id)
        self._ended.append(outcome)
        self.wake()

    def stop(self) -> None:
        """Claim nothing more: the task ends."""
        self._stops = True
        self.wake()

    async def settle(self, store: EffectStore, grace: float) -> None:
        """Let deliveries that run have *grace* seconds, and keep in *store* what ended; the rest waits in it."""
        await self._under_way.settle(grace)
        now = self._clock()
        for record in self._under_way.cancel():
            self._end(record, Outcome(record.id, WAITING, None, now))
        ended, self._ended = self._ended, []
        with suppress(StoreError):
            await store.turn(Turn(now, tuple(ended)))
