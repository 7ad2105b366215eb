"""Answers that are kept: one run for all who ask for the same at the same time, and what it made for who comes later.

age < ttl                         the answer, without any call
age < ttl + stale                 the answer, and one run in the background
older, or none                    a run; if it fails and age < ttl + on_error: the old answer, which nobody may store

Where a second level is shared it is asked before a run, and what it has counts like what was kept here.
"""

from __future__ import annotations

import asyncio
from copy import copy

from aggregator.codecs.etag import add_vary, etag_of
from aggregator.errors import AggregatorError
from aggregator.exchange import Exchange
from aggregator.http import FETCHING, HeaderList, first, joined, replaced, without
from aggregator.parts.names import Names
from aggregator.policies.cache.calls import age_of_oldest, are_for_all
from aggregator.policies.cache.kept import Entry, Kept
from aggregator.policies.cache.plan import AnswerCachePlan
from aggregator.policies.cache.purged.naming import tags_of
from aggregator.policies.cache.purged.untagged import have_all_tags, tell_untagged
from aggregator.policies.cache.shared.leases import Begun
from aggregator.policies.cache.shared.level import SharedLevel
from aggregator.policies.cache.standard.directives import age_of
from aggregator.runtime.answers.answer import Answer, forbid_storing
from aggregator.runtime.answers.disclosure import Discloses
from aggregator.runtime.answers.outcome import is_partial
from aggregator.runtime.keeping.conditions import CONDITIONS, apply_conditions
from aggregator.runtime.keeping.contract import Answered, KeptAnswer, Maker
from aggregator.runtime.keeping.failures import may_be_told_again
from aggregator.runtime.keeping.flights import STATUS, Flight, Waiter, Wants
from aggregator.runtime.keeping.keys import key_maker
from aggregator.runtime.keeping.variants import KeptVariants
from aggregator.runtime.parts.fanout import Run
from aggregator.transport.door import Cancelable


class Keeping:
    """The answers of one endpoint in *kept*, as *plan* says, and those that all processes have in *level*.

    Who may read details gets an answer of its own.
    """

    def __init__(
        self, plan: AnswerCachePlan, kept: Kept[KeptAnswer], discloses: Discloses,
        level: SharedLevel[KeptAnswer] | None = None,
    ) -> None:  # fmt: skip
        self.plan = plan
        self.kept = kept
        self.level = level
        self.flying: dict[bytes, Flight] = {}
        self._discloses = discloses
        self._key = key_maker(plan.key)

    def serve(
        self, maker: Maker, exchange: Exchange, loop: asyncio.AbstractEventLoop, answered: Answered
    ) -> Cancelable | None:
        """Pass the answer to *answered*: at once when it is kept, or once it is made."""
        if self._discloses(exchange):
            return maker.make(exchange, loop, exchange.deadline, answered)
        key, kept, plan = self._key(exchange), self.kept, self.plan
        if plan.obeys and _asks_past(exchange):
            return self._fly(maker, exchange, loop, key, answered, b"fwd=request", Wants.NEW)
        entry = kept.get(key)
        if entry is None:
            return self._fly(maker, exchange, loop, key, answered, b"fwd=uri-miss", Wants.USABLE)
        age = kept.now() - entry.at
        left = plan.keep.seconds(entry.value.status) - age
        if left > 0:  # as with most
            kept.hits += 1
            return self._give(maker, exchange, loop, key, entry, answered, age, left)
        if -left < plan.keep.stale:
            kept.olds += 1
            self.refresh(maker, exchange, loop, key)
            return self._give(maker, exchange, loop, key, entry, answered, age, left)
        return self._fly(maker, exchange, loop, key, answered, b"fwd=stale", Wants.USABLE)

    def refresh(self, maker: Maker, exchange: Exchange, loop: asyncio.AbstractEventLoop, key: bytes) -> None:
        """Make the answer for nobody, unless it is being made."""
        if key not in self.flying:
            self._fly(maker, exchange, loop, key, lambda *_: None, b"", Wants.FRESH)

    def found(self, key: bytes, wants: Wants) -> Entry[KeptAnswer] | None:
        """Return what is kept of *key* if it is what is wanted."""
        entry = self.kept.peek(key)
        if entry is None or wants is Wants.NEW:
            return None
        longest = self.plan.keep.stale if wants is Wants.USABLE else 0.0
        return entry if self.over(entry) < max(0.0, longest) else None

    def over(self, entry: Entry[KeptAnswer]) -> float:
        """Return for how many seconds *entry* has been over; less than 0 while it is fresh."""
        return self.kept.now() - entry.at - self.plan.keep.seconds(entry.value.status)

    def give(
        self, maker: Maker, exchange: Exchange, loop: asyncio.AbstractEventLoop, key: bytes,
        entry: Entry[KeptAnswer], answered: Answered, *, instead: bool = False,
    ) -> Cancelable | None:  # fmt: skip
        """Pass what is kept to *answered*; *instead* of a failure it is an answer that nobody stores."""
        age = self.kept.now() - entry.at
        left = self.plan.keep.seconds(entry.value.status) - age
        return self._give(maker, exchange, loop, key, entry, answered, age, left, instead=instead)

    def _give(
        self, maker: Maker, exchange: Exchange, loop: asyncio.AbstractEventLoop, key: bytes,
        entry: Entry[KeptAnswer], answered: Answered, age: float, left: float, *, instead: bool = False,
    ) -> Cancelable | None:  # fmt: skip
        value = entry.value
        told = [(b"age", b"%d" % (age + value.age)), (STATUS, b"aggregator; hit; ttl=%d" % left)]
        if value.failure is not None:
            return self._tell_again(maker, exchange, loop, key, entry, told, answered, instead=instead)
        answer = Answer(value.status, told, value.body)
        answer.tail = value.tail
        if instead:
            forbid_storing(answer)
        answer.variants = KeptVariants(self.kept, key, entry)
        apply_conditions(answer, exchange)
        answered(answer, maker.again(exchange, loop, value.results) if maker.has_effects else None)
        return None

    def _tell_again(
        self, maker: Maker, exchange: Exchange, loop: asyncio.AbstractEventLoop, key: bytes,
        entry: Entry[KeptAnswer], told: HeaderList, answered: Answered, *, instead: bool,
    ) -> Cancelable | None:  # fmt: skip
        """Pass the answer to a failure that is kept to *answered*, made for this request, with the fields *told*."""
        value, failure = entry.value, copy(entry.value.failure)

        def made(answer: Answer, run: Run | None) -> None:
            answer.headers = [*without(answer.headers, b"age"), *told]
            if instead:
                forbid_storing(answer)
            answer.variants = KeptVariants(self.kept, key, entry)  # as of any answer that is kept
            answered(answer, run)

        return maker.fail(maker.again(exchange, loop, value.results, failure), made)

    def _fly(
        self, maker: Maker, exchange: Exchange, loop: asyncio.AbstractEventLoop, key: bytes, answered: Answered,
        reason: bytes, wants: Wants,
    ) -> Waiter:  # fmt: skip
        flight = self.flying.get(key)
        if flight is not None and flight.serves(wants) and not self._is_hit(flight, exchange):
            return flight.join(maker, exchange, loop, answered, reason + b"; collapsed", wants)
        flight = self.flying[key] = Flight(self, key, wants)
        waiter = flight.join(maker, exchange, loop, answered, reason, wants)
        whole = copy(exchange)
        whole.naming = self.plan.own
        whole.header_list = [field for field in exchange.header_list if field[0] not in CONDITIONS]
        flight.begin(maker, whole, loop)
        return waiter

    def _is_hit(self, flight: Flight, exchange: Exchange) -> bool:
        """Return whether a purge since *flight* began may be of what it makes for *exchange*."""
        return self.plan.all.may_be_hit(self.kept.purges, flight.began, Names(exchange))

    def is_for_all(self, answer: Answer, run: Run) -> bool:
        """Return whether others may get *answer*, which *run* made, and for as long as the plan says."""
        results = run.ended_results()
        if self.plan.keep.seconds(answer.status) <= 0 or answer.status in (206, 304):
            return False
        if any(name == b"set-cookie" for name, _ in answer.headers) or not are_for_all(results):
            return False
        return may_be_told_again(answer, run) if run.failure is not None else not is_partial(results)

    def keep(
        self, key: bytes, answer: Answer, run: Run, began: int, begun: Begun, *, with_results: bool
    ) -> bool:  # fmt: skip
        """Keep *answer*, which *run* made and which is for all; return whether it is kept.

        It *began* after so many purges here; what was known of the store then is *begun*. A failure each process has
        for itself: what the store had until now is forgotten.
        """
        age = self._name(answer, run)
        tags = self._tags(run)
        if tags is None:
            return False  # what cannot be purged by its tags is not kept
        results = tuple(run.results) if with_results or run.failure is not None else ()
        value = KeptAnswer.of(answer, results, age, run.failure)
        if self.level is not None:
            life = 0.0 if run.failure is not None else self.plan.keep.life(value.status)
            self.level.keep(key, (), value, tags, 0.0, life, begun)
        return self.kept.put(key, value, value.size, tags, began)

    def _tags(self, run: Run) -> set[str] | None:
        """Return the tags of what *run* made, None when one of them could not be made."""
        results = run.ended_results()
        if not have_all_tags(results):
            return None
        try:
            own = tags_of(self.plan.keep.tags, run.frame.names)
        except AggregatorError as error:
            tell_untagged(error, run.frame.exchange)
            return None
        theirs = (tag for result in results for one in result.rests_on() for tag in one.tags)
        return {*own, *self.plan.tags, *theirs}

    def _name(self, answer: Answer, run: Run) -> float:
        """Add a tag to *answer*, and say what it depends on and how old it is; return the latter in seconds."""
        exchange = run.frame.exchange
        if answer.status == 200 and exchange.method in FETCHING and first(answer.headers, b"etag") is None:
            answer.headers.append((b"etag", etag_of(answer.body)))
        if names := self.plan.key.vary:
            vary = add_vary(joined(answer.headers, b"vary"), *names)
            answer.headers = replaced(answer.headers, b"vary", vary)
        age = age_of(answer.headers)
        if not self.plan.has_own_life and (oldest := age_of_oldest(run.ended_results())) > age:
            age = oldest
            answer.headers = replaced(answer.headers, b"age", b"%d" % age)
        return age


def _asks_past(exchange: Exchange) -> bool:
    """Return whether a client asks for an answer that is made now (RFC 9111 §5.2.1.4)."""
    asked = joined(exchange.header_list, b"cache-control")
    return asked is not None and b"no-cache" in (word.strip().lower() for word in asked.split(b","))
