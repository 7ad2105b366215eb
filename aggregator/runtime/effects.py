"""Background calls: after the answer has left, in a bounded pool of workers, each apart from the others.

A failing, slow or missing sink is counted and logged; no client ever notices.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from aggregator.errors import AggregatorError
from aggregator.exchange import State
from aggregator.plan.types import BackgroundPlan
from aggregator.runtime.frame import Frame, Part
from aggregator.runtime.names import Names
from aggregator.runtime.result import Result
from aggregator.telemetry.logging import log
from aggregator.templates import Expression

_log = logging.getLogger("aggregator.background")


@dataclass(slots=True)
class EffectCounts:
    """What became of background calls since the start of the process, by state, and by name for failures."""

    queued: int = 0
    done: int = 0
    failed: int = 0
    skipped: int = 0
    dropped: int = 0
    failures: dict[str, int] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Give the counts as data."""
        return {name: getattr(self, name) for name in ("queued", "done", "failed", "skipped", "dropped", "failures")}


@dataclass(frozen=True, slots=True)
class Effect:
    """One declared background call of an endpoint, ready to be made."""

    name: str
    part: Part
    when: Expression | None
    timeout: float


@dataclass(slots=True)
class _Job:
    effect: Effect
    names: Names


class EffectQueue:
    """The queue and its workers; lives as long as the application, across reloads."""

    def __init__(self, plan: BackgroundPlan) -> None:
        self.counts = EffectCounts()
        self._plan = plan
        self._waiting: deque[_Job] = deque()
        self._workers: set[asyncio.Task[None]] = set()
        self._idle = asyncio.Event()
        self._idle.set()

    def configure(self, plan: BackgroundPlan) -> None:
        """Take the limits of *plan* from now on."""
        self._plan = plan

    @property
    def depth(self) -> int:
        """How many calls wait."""
        return len(self._waiting)

    def put(self, effects: tuple[Effect, ...], names: Names, response: Mapping[str, Any]) -> None:
        """Queue *effects* of one request; never waits, never raises."""
        for effect in effects:
            job = _Job(effect, names.child({"response": response}))
            if len(self._waiting) >= self._plan.queue and not self._make_room(job):
                continue
            self.counts.queued += 1
            self._waiting.append(job)
        if self._waiting and len(self._workers) < self._plan.workers:
            self._hire()

    def _make_room(self, job: _Job) -> bool:
        self.counts.dropped += 1
        dropped = job if self._plan.when_full == "drop_new" else self._waiting.popleft()
        log(
            _log,
            logging.WARNING,
            "A background call was dropped: the queue is full.",
            call=dropped.effect.name,
        )
        return dropped is not job

    def _hire(self) -> None:
        self._idle.clear()
        for _ in range(min(self._plan.workers - len(self._workers), len(self._waiting))):
            worker = asyncio.get_running_loop().create_task(self._work())
            self._workers.add(worker)
            worker.add_done_callback(self._leave)

    def _leave(self, worker: asyncio.Task[None]) -> None:
        self._workers.discard(worker)
        if not self._workers and not self._waiting:
            self._idle.set()

    async def _work(self) -> None:
        while self._waiting:
            job = self._waiting.popleft()
            try:
                await self._run(job)
            except Exception as error:  # a fault of ours must not take the worker along
                self._count_failure(job.effect.name)
                log(
                    _log,
                    logging.ERROR,
                    "A background call failed by a fault of the program.",
                    call=job.effect.name,
                    error=repr(error),
                )

    async def _run(self, job: _Job) -> None:
        effect = job.effect
        try:
            wanted = effect.when is None or effect.when.truth(job.names)
        except AggregatorError as error:
            self._count_failure(effect.name)
            log(
                _log,
                logging.WARNING,
                "The condition of a background call failed.",
                call=effect.name,
                reason=str(error),
            )
            return
        if not wanted:
            self.counts.skipped += 1
            return
        result = await run_part(effect.part, job.names, effect.timeout)
        if result.state is State.FAILED:
            self._count_failure(effect.name)
            reason = result.error.message if result.error else "unknown"
            log(_log, logging.WARNING, "A background call failed.", call=effect.name, cause=str(result.cause), reason=reason,
                request_id=job.names.exchange.id)  # fmt: skip
        else:
            self.counts.done += 1

    def _count_failure(self, name: str) -> None:
        self.counts.failed += 1
        self.counts.failures[name] = self.counts.failures.get(name, 0) + 1

    async def drain(self, grace: float) -> int:
        """Wait up to *grace* seconds until all is done, then give up the rest; gives how many were lost."""
        with suppress(TimeoutError):
            async with asyncio.timeout(grace):
                await self._idle.wait()
        lost = len(self._waiting) + len(self._workers)
        self._waiting.clear()
        workers = list(self._workers)
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
        if lost:
            log(_log, logging.WARNING, "Background calls were lost at shutdown.", count=lost)
        return lost


async def run_part(part: Part, names: Names, timeout: float) -> Result:
    """Run *part* on its own, with a deadline of *timeout* seconds, and give its result."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Result] = loop.create_future()

    def done(result: Result) -> None:
        if not future.done():
            future.set_result(result)

    ticket = part.start(Frame(names.exchange, names, loop.time() + timeout, loop), done)
    try:
        return await future
    except asyncio.CancelledError:
        if ticket is not None:
            ticket.cancel()
        raise
