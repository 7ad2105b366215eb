"""One run for all who ask for the same answer at the same time.

States of a flight: flying (a run is under way), over. A waiter may leave; the run ends when nobody waits.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aggregator.exchange import Exchange
from aggregator.parts.result import Result
from aggregator.policies.cache.calls import is_forgiven
from aggregator.policies.cache.kept import Entry
from aggregator.runtime.answers.answer import Answer
from aggregator.runtime.keeping.conditions import apply_conditions
from aggregator.runtime.keeping.contract import Answered, KeptAnswer, Maker
from aggregator.runtime.keeping.variants import KeptVariants
from aggregator.runtime.parts.fanout import Run
from aggregator.transport.door import Cancelable

if TYPE_CHECKING:
    from aggregator.runtime.keeping.answers import Keeping

STATUS = b"cache-status"


class Flight:
    """One run and who waits for what it makes."""

    __slots__ = ("_keeping", "_key", "_ticket", "_waiting", "began")

    def __init__(self, keeping: Keeping, key: bytes) -> None:
        self._keeping = keeping
        self._key = key
        self.began = keeping.kept.begin()
        self._waiting: dict[Waiter, None] = {}
        self._ticket: Cancelable | None = None

    def begin(self, maker: Maker, exchange: Exchange, loop: asyncio.AbstractEventLoop) -> None:
        """Start the run."""
        deadline = loop.time() + maker.budget

        def made(answer: Answer, run: Run | None) -> None:
            self._ended(answer, run, has_effects=maker.has_effects)

        ticket = maker.make(exchange, loop, deadline, made)
        self._ticket = ticket if self._waiting else None

    def join(
        self, maker: Maker, exchange: Exchange, loop: asyncio.AbstractEventLoop, answered: Answered, told: bytes
    ) -> Waiter:
        """Wait for it; *told* is what ``Cache-Status`` says then."""
        waiter = Waiter(self, maker, exchange, loop, answered, told)
        self._waiting[waiter] = None
        return waiter

    def leave(self, waiter: Waiter) -> None:
        """Let *waiter* go; the run ends with the last one."""
        self._waiting.pop(waiter, None)
        if not self._waiting:
            self._land()
            if self._ticket is not None:
                self._ticket.cancel()

    @property
    def variants(self) -> KeptVariants | None:
        """The coded bodies of what it has made, None where that is not kept."""
        entry = self._keeping.kept.peek(self._key)
        return None if entry is None else KeptVariants(self._keeping.kept, self._key, entry)

    def _land(self) -> None:
        if self._keeping.flying.get(self._key) is self:
            del self._keeping.flying[self._key]

    def _ended(self, answer: Answer, run: Run | None, *, has_effects: bool) -> None:
        self._land()
        waiting, self._waiting = tuple(self._waiting), {}
        keeping = self._keeping
        if run is not None and run.failure is not None and is_forgiven(run.failure):
            entry = keeping.kept.get(self._key)
            if entry is not None and keeping.over(entry) < keeping.plan.keep.on_error:
                for waiter in waiting:
                    waiter.given(keeping, self._key, entry)
                return
        shared = run is not None and keeping.keep(self._key, answer, run, self.began, with_results=has_effects)
        status, headers, body = answer.status, tuple(answer.headers), answer.body
        results = () if run is None else tuple(run.results)
        for number, waiter in enumerate(waiting):
            if number == 0:
                waiter.ended(answer, run, kept=shared)
            elif run is not None and run.failure is not None:
                waiter.failed(results, run.failure)
            elif shared:
                waiter.shared(Answer(status, list(headers), body), results)
            else:
                waiter.alone()


class Waiter:
    """One who waits for a flight, or makes an answer of its own when that of the flight is for nobody else."""

    __slots__ = ("_answered", "_exchange", "_flight", "_loop", "_maker", "_own", "_told")

    def __init__(
        self, flight: Flight, maker: Maker, exchange: Exchange, loop: asyncio.AbstractEventLoop, answered: Answered,
        told: bytes,
    ) -> None:  # fmt: skip
        self._flight = flight
        self._maker = maker
        self._exchange = exchange
        self._loop = loop
        self._answered = answered
        self._told = told
        self._own: Cancelable | None = None

    def ended(self, answer: Answer, run: Run | None, *, kept: bool) -> None:
        """Take the answer of the run that was made for this one."""
        self._tell(answer, b"; stored" if kept else b"")
        if kept:
            answer.variants = self._flight.variants
            apply_conditions(answer, self._exchange)
        self._answered(answer, run)

    def shared(self, answer: Answer, results: tuple[Result | None, ...]) -> None:
        """Take *answer*, a copy of that which was made of *results* for another."""
        answer.variants = self._flight.variants
        self._tell(answer, b"")
        apply_conditions(answer, self._exchange)
        run = self._maker.again(self._exchange, self._loop, results) if self._maker.has_effects else None
        self._answered(answer, run)

    def failed(self, results: tuple[Result | None, ...], failure: Result) -> None:
        """Take the failure that was another's, as this request is told of it."""
        run = self._maker.again(self._exchange, self._loop, results, failure)
        answer = self._maker.fail(run)
        self._tell(answer, b"")
        self._answered(answer, run)

    def given(self, keeping: Keeping, key: bytes, entry: Entry[KeptAnswer]) -> None:
        """Take an old answer in place of a failure."""
        keeping.stand_in(self._maker, self._exchange, self._loop, key, entry, self._answered)

    def alone(self) -> None:
        """Make an answer of its own."""
        self._own = self._maker.make(self._exchange, self._loop, self._exchange.deadline, self._answered)

    def _tell(self, answer: Answer, more: bytes) -> None:
        if self._told:
            answer.headers.append((STATUS, b"aggregator; " + self._told + more))

    def cancel(self) -> None:
        """Wait no longer."""
        if self._own is not None:
            self._own.cancel()
        else:
            self._flight.leave(self)
