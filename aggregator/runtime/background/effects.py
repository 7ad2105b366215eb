"""Background calls: after the answer has left, in a bounded pool of workers, each apart from the others.

A failing, slow or missing sink is counted and logged; no client ever notices.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Literal

from msgspec import Struct

from aggregator.errors import AggregatorError, Cause, place_of
from aggregator.exchange import Exchange
from aggregator.parts.events import EffectEnded, EffectListener, tell
from aggregator.parts.frame import Frame, Part
from aggregator.parts.names import LaterNames, Names
from aggregator.parts.result import Result
from aggregator.plan.serving import BackgroundPlan
from aggregator.runtime.answers.answer import Answer
from aggregator.runtime.answers.viewing import AnswerNames
from aggregator.runtime.background.tally import EffectCounts, Tally
from aggregator.runtime.foresight.foreseeing import Foresight, foreseen
from aggregator.templates import Expression

MOST_HELD = 64 * 1024 * 1024
"""Bytes of bodies, at most, that waiting calls keep in memory; more is a full queue."""

_GLANCE = 0.05


class Effect(Struct, frozen=True):
    """One declared background call of an endpoint, ready to be made; *foresight* is that of what *when* computes."""

    name: str
    part: Part
    when: Expression | None
    timeout: float
    on: Literal["success", "failure", "always"] = "success"
    foresight: Foresight | None = None

    def follows(self, *, success: bool) -> bool:
        """Return whether the call is made after a success, or after a failure."""
        return self.on == "always" or (self.on == "success") is success


class _Job(Struct, eq=False):
    effect: Effect
    names: Names
    weight: int
    number: int


class EffectQueue:
    """The queue and its workers; lives as long as the application, across reloads."""

    def __init__(self, plan: BackgroundPlan, listeners: tuple[EffectListener, ...] = ()) -> None:
        self._plan = plan
        self._tally = Tally()
        self._listeners: tuple[EffectListener, ...] = (self._tally, *listeners)
        self._waiting: deque[_Job] = deque()
        self._held = 0
        self._working: dict[asyncio.Task[None], _Job | None] = {}
        self._idle = asyncio.Event()
        self._idle.set()

    def configure(self, plan: BackgroundPlan) -> None:
        """Use the limits of *plan* from now on."""
        self._plan = plan

    @property
    def ends(self) -> Mapping[tuple[str, str], int]:
        """The number of calls ended, by name and outcome."""
        return self._tally.ends

    @property
    def counts(self) -> EffectCounts:
        """The counts of the calls so far."""
        return self._tally.counts

    @property
    def recent(self) -> list[dict[str, Any]]:
        """The last calls that failed, the oldest first."""
        return list(self._tally.recent)

    @property
    def depth(self) -> int:
        """The number of calls that wait."""
        return len(self._waiting)

    @property
    def running(self) -> int:
        """The number of calls being made."""
        return sum(job is not None for job in self._working.values())

    def put(self, effects: tuple[Effect, ...], names: Names, answer: Answer, *, broken: bool = False) -> None:
        """Queue those of *effects* that follow *answer*, which may have *broken* off; never waits, never raises."""
        success = answer.status < 400 and not broken
        effects = tuple(effect for effect in effects if effect.follows(success=success))
        if not effects:
            return
        around = AnswerNames(names, answer)
        # somebody waits for the answers of others, and nobody for these calls
        names.exchange.is_awaited = names.exchange.under_way = False
        weight = _weight(names, answer) // len(effects)
        for effect in effects:
            if self._has_room(effect, weight, names.exchange):
                self.counts.queued += 1
                self._held += weight
                self._waiting.append(_Job(effect, LaterNames(around, {}, effect.timeout), weight, self.counts.queued))
        self._hire()

    def _has_room(self, effect: Effect, weight: int, exchange: Exchange) -> bool:
        while len(self._waiting) >= self._plan.queue or self._held + weight > MOST_HELD:
            if self._plan.when_full == "drop_new" or not self._waiting:
                self._tell(effect.name, exchange, "dropped")
                return False
            dropped = self._next()
            self._tell(dropped.effect.name, dropped.names.exchange, "dropped")
        return True

    def _next(self) -> _Job:
        job = self._waiting.popleft()
        self._held -= job.weight
        return job

    def _hire(self) -> None:
        for _ in range(min(self._plan.workers - len(self._working), len(self._waiting))):
            self._idle.clear()
            worker = asyncio.get_running_loop().create_task(self._work())
            self._working[worker] = None
            worker.add_done_callback(self._leave)

    def _leave(self, worker: asyncio.Task[None]) -> None:
        del self._working[worker]
        self._hire()  # something may have come after the worker looked for the last time
        if not self._working:
            self._idle.set()

    async def _work(self) -> None:
        me = asyncio.current_task()
        assert me is not None
        while self._waiting and len(self._working) <= self._plan.workers:
            job = self._working[me] = self._next()
            try:
                await self._run(job)
            except Exception as error:  # a fault of ours must not take the worker along
                self._tell(job.effect.name, job.names.exchange, "failed", fault=place_of(error))
            self._working[me] = None

    async def _run(self, job: _Job) -> None:
        effect, exchange = job.effect, job.names.exchange
        await foreseen(effect.foresight, job.names, asyncio.get_running_loop().time() + effect.timeout)
        try:
            wanted = effect.when is None or effect.when.truth(job.names)
        except AggregatorError as error:
            self._tell(effect.name, exchange, "failed", reason=str(error))
            return
        if not wanted:
            self._tell(effect.name, exchange, "skipped")
            return
        result = await run_part(effect.part, job.names, effect.timeout)
        lost = _lost(result)
        if lost is None:
            self._tell(effect.name, exchange, "done")
        else:
            reason = lost.error.message if lost.error else "unknown"
            reason = reason if lost is result else f"{lost.name}: {reason}"
            self._tell(effect.name, exchange, "failed", cause=lost.cause, reason=reason)

    def _tell(
        self, name: str, exchange: Exchange, how: Literal["done", "failed", "skipped", "dropped", "lost"],
        cause: Cause | None = None, reason: str = "", fault: str = "",
    ) -> None:  # fmt: skip
        tell(self._listeners, EffectEnded(name, exchange.id, how, cause, reason, fault))

    async def settled(self) -> None:
        """Wait until every call has ended that waits or is being made now."""
        last = self.counts.queued
        while self._has_until(last):  # noqa: ASYNC110 - happens once a reload; no call should pay for it
            await asyncio.sleep(_GLANCE)

    def _has_until(self, last: int) -> bool:
        return any(job is not None and job.number <= last for job in (*self._working.values(), *self._waiting))

    async def drain(self, grace: float) -> int:
        """Wait up to *grace* seconds until all is done, then give up the rest; return how many were lost."""
        with suppress(TimeoutError):
            async with asyncio.timeout(grace):
                await self._idle.wait()
        lost = await self._give_up()
        for job in lost:
            self._tell(job.effect.name, job.names.exchange, "lost")
        self._tally.stopped(len(lost))
        return len(lost)

    async def abandon(self) -> int:
        """Cancel all waiting and running calls without a log line; return their number."""
        return len(await self._give_up())

    async def _give_up(self) -> list[_Job]:
        lost = [*self._waiting, *(job for job in self._working.values() if job is not None)]
        self._waiting.clear()
        workers = list(self._working)
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
        return lost


async def all_settled(*queues: EffectQueue) -> None:
    """Wait until every call of *queues* has ended that waits or is being made now."""
    await asyncio.gather(*(queue.settled() for queue in queues))


def _lost(result: Result) -> Result | None:
    """Return what failed: the first inside of *result*, whose failure was borne, else itself; None for a success."""
    inside = next((lost for part in result.parts if (lost := _lost(part)) is not None), None)
    return inside or (result if result.error is not None else None)


def _weight(names: Names, answer: Answer) -> int:
    """Return how many bytes of bodies a waiting call of this request keeps in memory, about."""
    parts = sum(len(result.raw) for result in names.results if result is not None)
    return len(names.exchange.body) + len(answer.body) + parts


async def run_part(part: Part, names: Names, seconds: float) -> Result:
    """Run *part* on its own, with a deadline *seconds* from now, and return its result."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Result] = loop.create_future()

    def done(result: Result) -> None:
        if not future.done():
            future.set_result(result)

    ticket = part.start(Frame(names.exchange, names, loop.time() + seconds, loop), done)
    try:
        return await future
    except asyncio.CancelledError:
        if ticket is not None:
            ticket.cancel()
        raise
