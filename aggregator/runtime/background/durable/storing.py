"""Durable calls of an endpoint: kept before its answer leaves, or just after."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from aggregator.errors import AggregatorError, CallError, Cause, StoreError
from aggregator.exchange import Exchange, State
from aggregator.parts.frame import Frame
from aggregator.parts.names import LaterNames, Names
from aggregator.runtime.answers.answer import Answer, problem
from aggregator.runtime.answers.failure import sentence
from aggregator.runtime.answers.viewing import AnswerNames
from aggregator.runtime.background.durable.fixing import DurableEffect
from aggregator.runtime.background.durable.intake import unless_kept
from aggregator.runtime.background.durable.outbox import Outbox
from aggregator.runtime.background.effects import Effect, EffectQueue
from aggregator.runtime.coding import aside
from aggregator.runtime.foresight.reading import LongReads
from aggregator.stores.effects.contract import DoubtError
from aggregator.stores.effects.records import EffectRecord

_RETRY_AFTER = (b"retry-after", b"5")
_FIXING = 1.0
"""Seconds that expressions may take which say what is sent."""


def _were_made(names: Names) -> bool:
    """Return whether calls of the request were made: an endpoint may answer without any, or skip them."""
    return any(one is not None and one.state is not State.SKIPPED for one in names.results)


class Fixed(NamedTuple):
    """The *records* that are kept of durable calls, how many were *skipped*, and by name why others were *lost*."""

    records: list[EffectRecord]
    skipped: int
    lost: list[tuple[str, AggregatorError]]


class Storing:
    """The durable calls *effects* of one endpoint, kept in the *outbox*, or made by the *queue* where there is none.

    *reads* are the long values that they are made of.
    """

    __slots__ = (
        "_clock",
        "_effects",
        "_fewest",
        "_is_awaited",
        "_outbox",
        "_queue",
        "_reads",
        "_refuses",
    )

    def __init__(
        self, effects: tuple[DurableEffect, ...], queue: EffectQueue, outbox: Outbox,
        clock: Callable[[], float] = time.time, reads: LongReads | None = None,
    ) -> None:  # fmt: skip
        self._effects = effects
        self._queue = queue
        self._outbox = outbox
        self._clock = clock
        self._reads = reads
        self._is_awaited = any(effect.delivery.moment == "stored" for effect in effects)
        self._fewest = max(1, sum(one.fewest for one in effects))
        """How many effects a request needs room for, by its plan. More, and their bytes, are known after its calls."""
        self._refuses = any(effect.delivery.full == "503" for effect in effects)

    def check(self, exchange: Exchange) -> Answer | None:
        """Return the answer that refuses a request whose calls could not be kept, before anything is called."""
        reason = self._outbox.refusal(self._fewest) if self._refuses else None
        if reason is None:
            return None
        return problem(503, f"What follows the answer cannot be stored: {reason}.", request_id=exchange.id,
                       headers=(_RETRY_AFTER,), cause=Cause.STATE_UNAVAILABLE.value)  # fmt: skip

    async def store(self, names: Names, answer: Answer) -> Answer:
        """Keep what follows *answer*; returns it, or the one that tells that this failed, and whether it had calls."""
        following = self._following(answer, broken=False)
        if not following:
            return answer
        fixed = await self._fixed_aside(following, AnswerNames(names, answer), answer)
        pending = self._keep(fixed, following, names, answer, broken=False)
        if pending is None:
            return answer
        trouble = await pending
        if trouble is None or not self._refuses:
            return answer
        said, what = ("The calls of this request were made, and ", "them") if _were_made(names) else ("", "the answer")
        return problem(503, sentence(f"{said}{trouble.format(what)}"), request_id=names.exchange.id,
                       cause=Cause.STATE_UNAVAILABLE.value)  # fmt: skip

    def accept(self, names: Names, answer: Answer, *, broken: bool = False) -> None:
        """Keep what follows *answer*, which may have *broken* off; never waits, never raises."""
        following = self._following(answer, broken=broken)
        if following:
            fixed = self._fixed(following, AnswerNames(names, answer), asyncio.get_running_loop())
            self._keep(fixed, following, names, answer, broken=broken)

    def _following(self, answer: Answer, *, broken: bool) -> list[DurableEffect]:
        success = answer.status < 400 and not broken
        return [one for one in self._effects if one.effect.follows(success=success)]

    def _keep(
        self, fixed: Fixed, following: list[DurableEffect], names: Names, answer: Answer, *, broken: bool
    ) -> asyncio.Task[str | None] | None:
        """Return what comes to why not all that is *fixed* is kept, None where it is; None if nothing waits for it."""
        if not self._outbox.is_open:
            self._queue.put(tuple(one.effect for one in following), names, answer, broken=broken)
            return None
        self._outbox.ends["skipped"] += fixed.skipped
        for name, error in fixed.lost:
            self._lost(names.exchange, name, error)
        if not fixed.records:
            return None
        effects = tuple(one.effect for one in following if one.delivery.full == "memory")
        unkept = partial(self._unkept, effects, names, answer, broken=broken, number=len(fixed.records))
        if self._is_awaited:
            return self._outbox.follow(self._kept(self._outbox.put(fixed.records), unkept))
        self._outbox.accept(fixed.records, unkept)
        return None

    async def _fixed_aside(self, following: list[DurableEffect], names: Names, answer: Answer) -> Fixed:
        """Return what is kept of *following*: fixed in a thread where what it is made of is long."""
        work = partial(self._fixed, following, names, asyncio.get_running_loop())
        if self._reads is None or not self._reads.are_long(names, len(answer.body)):
            return work()
        try:
            return await aside(work)
        except CallError as error:
            return Fixed([], 0, [(one.effect.name, error) for one in following])

    def _fixed(self, following: list[DurableEffect], names: Names, loop: asyncio.AbstractEventLoop) -> Fixed:
        """Return what is kept of *following*, nothing where it is made from memory."""
        records: list[EffectRecord] = []
        lost: list[tuple[str, AggregatorError]] = []
        skipped = 0
        for one in following if self._outbox.is_open else ():
            later = LaterNames(names, {}, _FIXING)
            try:
                if one.effect.when is not None and not one.effect.when.truth(later):
                    skipped += 1
                    continue
            except AggregatorError as error:
                lost.append((one.effect.name, error))
                continue
            frame = Frame(names.exchange, later, loop.time() + _FIXING, loop)
            records += one.fix(frame, self._clock(), lambda name, error: lost.append((name, error)))
        return Fixed(records, skipped, lost)

    def _lost(self, exchange: Exchange, name: str, error: AggregatorError) -> None:
        self._outbox.ends["unwritten"] += 1
        known = {"reason": str(error), "request_id": exchange.id}
        self._outbox.tally.tell(name, "A durable call could not be written.", logging.ERROR, known)

    async def _kept(self, kept: asyncio.Future[bool], unkept: Callable[[], None]) -> str | None:
        """Return why something is not *kept*, for which *unkept* is called; None where it is.

        ``{}`` in it stands for what is followed.
        """
        try:
            if await kept:
                self._outbox.wake()
                return None
            reason = "there is no room for what follows {}"
        except DoubtError as doubt:
            unless_kept(doubt, unkept)
            return "nobody knows yet whether what follows {} is stored"
        except StoreError:  # the writer has told
            reason = "what follows {} could not be stored"
        unkept()
        return reason

    def _unkept(self, effects: tuple[Effect, ...], names: Names, answer: Answer, *, broken: bool, number: int) -> None:
        """Do what is declared for a *number* that could not be kept: *effects* are made from memory."""
        if effects:
            self._queue.put(effects, names, answer, broken=broken)
        elif not self._refuses or not self._is_awaited:
            self._outbox.dropped(self._effects[0].effect.name, number)
