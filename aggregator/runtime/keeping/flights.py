"""One run for all who ask for the same answer at the same time.

States of a flight: looking (the store is asked, where answers are shared), flying (a run is under way), over. A waiter
may leave; the run ends when nobody waits.
"""

from __future__ import annotations

import asyncio
from copy import copy
from enum import Enum, auto
from functools import partial
from typing import TYPE_CHECKING

from aggregator.exchange import Exchange
from aggregator.parts.result import Result
from aggregator.policies.cache.calls import is_forgiven
from aggregator.policies.cache.kept import Entry
from aggregator.policies.cache.shared.leases import ALONE, Begun, Wish
from aggregator.runtime.answers.answer import Answer
from aggregator.runtime.keeping.conditions import apply_conditions
from aggregator.runtime.keeping.contract import Answered, KeptAnswer, Maker
from aggregator.runtime.keeping.variants import KeptVariants
from aggregator.runtime.parts.fanout import Run
from aggregator.transport.door import Cancelable

if TYPE_CHECKING:
    from aggregator.runtime.keeping.answers import Keeping

STATUS = b"cache-status"


class Wants(Enum):
    """What a flight takes from the store: nothing, a fresh answer, or one that may be given out."""

    NEW = auto()
    FRESH = auto()
    USABLE = auto()


class Flight:
    """One run and its waiters; before it, the store is asked for what *wants* says."""

    __slots__ = ("_begun", "_is_looking", "_keeping", "_key", "_missed", "_ticket", "_waiting", "_wants", "began")

    def __init__(self, keeping: Keeping, key: bytes, wants: Wants) -> None:
        self._keeping = keeping
        self._key = key
        self._wants = wants
        self.began = keeping.kept.begin()
        self._waiting: dict[Waiter, None] = {}
        self._ticket: Cancelable | None = None
        self._begun = ALONE
        self._is_looking = True
        self._missed = 0

    def serves(self, wants: Wants) -> bool:
        """Return whether one who *wants* this may join: who wants what is new, not one that may end in the store."""
        return wants is not Wants.NEW or self._wants is Wants.NEW or not self._is_looking

    def begin(self, maker: Maker, exchange: Exchange, loop: asyncio.AbstractEventLoop) -> None:
        """Start the run, unless the store has what is wanted."""
        keeping, wants, due = self._keeping, self._wants, loop.time() + maker.budget
        level, go_on = keeping.level, partial(self._looked, maker, exchange, loop, due)
        wish = Wish(lambda: keeping.found(self._key, wants) is not None, maker.budget, due)
        ticket = (
            go_on(ALONE) if level is None else level.look(self._key, (), go_on, None if wants is Wants.NEW else wish)
        )
        self._ticket = ticket if self._waiting else None

    def _looked(
        self, maker: Maker, exchange: Exchange, loop: asyncio.AbstractEventLoop, due: float, begun: Begun
    ) -> Cancelable | None:
        keeping, self._is_looking, self._begun = self._keeping, False, begun
        entry = None if begun.number is None else keeping.found(self._key, self._wants)
        if entry is None:
            return self._run(maker, exchange, loop, due)
        keeping.kept.fetched_elsewhere += self._missed
        for waiter in self._landed():
            waiter.given(keeping, self._key, entry)
        if keeping.over(entry) >= 0:
            keeping.refresh(maker, exchange, loop, self._key)
        return None

    def _run(
        self, maker: Maker, exchange: Exchange, loop: asyncio.AbstractEventLoop, due: float
    ) -> Cancelable | None:  # fmt: skip
        self._keeping.kept.misses += self._missed

        def made(answer: Answer, run: Run | None) -> None:
            self._ended(answer, run, has_effects=maker.has_effects)

        return maker.make(exchange, loop, due, made)

    def join(
        self, maker: Maker, exchange: Exchange, loop: asyncio.AbstractEventLoop, answered: Answered, told: bytes,
        wants: Wants,
    ) -> Waiter:  # fmt: skip
        """Wait for it, as one who *wants* this; *told* is what ``Cache-Status`` says then."""
        if wants is Wants.USABLE:
            self._miss()
        waiter = Waiter(self, maker, exchange, loop, answered, told)
        self._waiting[waiter] = None
        return waiter

    def _miss(self) -> None:
        """Count one who found nothing in this process; what that was is told when the store has answered."""
        if self._is_looking:
            self._missed += 1
        else:
            self._keeping.kept.misses += 1

    def leave(self, waiter: Waiter) -> None:
        """Remove *waiter*; the run is cancelled with the last one."""
        self._waiting.pop(waiter, None)
        if not self._waiting:
            ticket = self._ticket
            self._land()
            if ticket is not None:
                ticket.cancel()

    @property
    def variants(self) -> KeptVariants | None:
        """The coded bodies of what it has made, None where that is not kept."""
        entry = self._keeping.kept.peek(self._key)
        return None if entry is None else KeptVariants(self._keeping.kept, self._key, entry)

    def _land(self) -> None:
        self._ticket = None  # it holds whom its run tells, this flight
        if self._keeping.flying.get(self._key) is self:
            del self._keeping.flying[self._key]

    def _landed(self) -> tuple[Waiter, ...]:
        """Return those who have waited, now that it is over."""
        self._land()
        waiting, self._waiting = tuple(self._waiting), {}
        return waiting

    def _ended(self, answer: Answer, run: Run | None, *, has_effects: bool) -> None:
        waiting, keeping = self._landed(), self._keeping
        if run is not None and run.failure is not None and is_forgiven(run.failure):
            entry = keeping.kept.get(self._key)
            if entry is not None and keeping.over(entry) < keeping.plan.keep.on_error:
                for waiter in waiting:
                    waiter.given(keeping, self._key, entry, instead=True)
                self._begun.ended()
                return
        shared = kept = False
        if run is not None and keeping.is_for_all(answer, run):
            shared = True
            kept = keeping.keep(self._key, answer, run, self.began, self._begun, with_results=has_effects)
        self._begun.ended()
        status, headers, body = answer.status, tuple(answer.headers), answer.body
        results = () if run is None else tuple(run.results)
        for number, waiter in enumerate(waiting):
            if number == 0:
                waiter.ended(answer, run, shared=shared, kept=kept)
            elif run is not None and run.failure is not None:
                waiter.failed(results, run.failure)
            elif shared:
                waiter.shared(Answer(status, list(headers), body), results)
            else:
                waiter.alone()


class Waiter:
    """A waiter of a flight; it makes an answer of its own when that of the flight is for no other caller."""

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

    def ended(self, answer: Answer, run: Run | None, *, shared: bool, kept: bool) -> None:
        """End with the answer of the run made for this waiter; it is *shared* with others, or even *kept*."""
        self._tell(answer, b"; stored" if kept else b"")
        if shared:
            answer.variants = self._flight.variants
            apply_conditions(answer, self._exchange)
        self._answered(answer, run)

    def shared(self, answer: Answer, results: tuple[Result | None, ...]) -> None:
        """End with *answer*, a copy of the one made of *results* for another waiter."""
        answer.variants = self._flight.variants
        self._tell(answer, b"")
        apply_conditions(answer, self._exchange)
        run = self._maker.again(self._exchange, self._loop, results) if self._maker.has_effects else None
        self._answered(answer, run)

    def failed(self, results: tuple[Result | None, ...], failure: Result) -> None:
        """End with the *failure* of another waiter's run, answered as this request has to be."""
        run = self._maker.again(self._exchange, self._loop, results, copy(failure))
        self._own = self._maker.fail(run, self._failed)

    def _failed(self, answer: Answer, run: Run | None) -> None:
        self._tell(answer, b"")
        self._answered(answer, run)

    def given(self, keeping: Keeping, key: bytes, entry: Entry[KeptAnswer], *, instead: bool = False) -> None:
        """End with a kept answer, *instead* of a failure or because another process has made it."""
        self._own = keeping.give(self._maker, self._exchange, self._loop, key, entry, self._answered, instead=instead)

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
