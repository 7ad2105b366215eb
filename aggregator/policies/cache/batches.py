"""Calls for many keys of which only the missing ones are asked for.

fresh, or age < ttl + stale       the element; for an old one a call in the background asks anew
being asked for by another call   what becomes of that call
older, or none                    one call for all such keys; when it fails, their old elements, if all have one

Where a second level is shared it is asked for the last, and what it has counts like what was kept here.

States of a ``_Gathering``: starting, looking (the store is asked), waiting (for a call of its own, or those of others),
over.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import IntEnum
from functools import partial
from typing import Any

from aggregator.causes import State
from aggregator.errors import AggregatorError
from aggregator.parts.frame import Done, Frame, Part
from aggregator.parts.result import Result, failed
from aggregator.parts.rows import RowPlan
from aggregator.policies.cache.elements import Elements, Wanted, WithKey
from aggregator.policies.cache.flights import Flight, Flights, KeyedCall
from aggregator.policies.cache.kept import Entry
from aggregator.policies.cache.shared.elements import Element, Numbers
from aggregator.transport.door import Cancelable


class Rank(IntEnum):
    """What is kept of a key. Keys of one rank are fetched in one call, so that a failure concerns no others."""

    MISSING = 0
    OLD = 1
    FLYING = 2
    USABLE = 3


class CachedBatch:
    """*inner*, the *call* for many keys, behind the *elements* that are kept; *rows* are of its status map.

    *ahead* returns a part whose request is written before it starts, where that takes long.
    """

    def __init__(
        self, inner: Part, call: KeyedCall, elements: Elements, flights: Flights, rows: tuple[RowPlan, ...],
        ahead: Callable[[Part], Part],
    ) -> None:  # fmt: skip
        self.name = inner.name
        self.call = call
        self.elements = elements
        self.flights = flights
        self.rows = rows
        self._inner = inner
        self._ahead = ahead

    def start(self, frame: Frame, done: Done) -> Cancelable | None:
        """Serve the keys that are kept, fetch the others, and pass the whole to *done*."""
        try:
            wanted = list(map(self.elements.seeker(frame), frame.names["keys"]))
        except AggregatorError:
            return self._inner.start(frame, done)  # which fails by the same, in its own words
        return _Gathering(self, frame, done, wanted).begin()

    def ranks(self, frame: Frame) -> Callable[[Any], Rank]:
        """Return the function that returns what there is of a key of a call in *frame*."""
        try:
            seek = self.elements.seeker(frame)
        except AggregatorError:
            return lambda _: Rank.MISSING
        return partial(self._rank, seek)

    def _rank(self, seek: Callable[[Any], Wanted], value: Any) -> Rank:
        elements = self.elements
        try:
            wanted = seek(value)
        except AggregatorError:
            return Rank.MISSING
        key = wanted.key
        entry = elements.kept.peek(key)
        over = float("inf") if entry is None else elements.over(entry)
        if over < max(0.0, elements.plan.stale):
            return Rank.USABLE
        if self.flight_of(wanted) is not None:
            return Rank.FLYING
        return Rank.OLD if over < elements.plan.on_error else Rank.MISSING

    def flight_of(self, wanted: Wanted) -> Flight | None:
        """Return the call of others for *wanted*, None when there is none."""
        return self.flights.find(wanted.key, wanted.frame, lambda _: self.elements.tags(wanted))

    def fetch(self, frame: Frame, wanted: Sequence[Wanted], done: Done) -> Cancelable | None:
        """Fetch *wanted* in one call, which others may join for any of its keys."""
        asked = self.elements.for_keys(frame, [one.value for one in wanted])
        told = self.elements.told(wanted)
        call = WithKey(self._inner, self.call, self.flights, partial(self._share, wanted), told)
        return self._ahead(call).start(asked, done)

    def _share(self, wanted: Sequence[Wanted], flight: Flight) -> None:
        for one in wanted:
            try:
                flight.is_also(one.key, self.elements.tags(one))
            except AggregatorError:
                continue  # what cannot be purged by its tags is nobody else's

    def refresh(self, frame: Frame, wanted: Sequence[Wanted]) -> None:
        """Refresh those of *wanted* that are not being refreshed, in the background."""
        refreshing = self.elements.kept.refreshing
        late = [one for one in wanted if one.key not in refreshing]
        if late:
            refreshing.update(one.key for one in late)
            behind = Frame(frame.exchange, frame.names, frame.loop.time() + self.call.timeout, frame.loop)
            self.elements.look(late, partial(self._fetch_old, behind, late, self.elements.kept.begin()))

    def _fetch_old(self, frame: Frame, wanted: Sequence[Wanted], began: int, numbers: Numbers) -> Cancelable | None:
        """Fetch those of *wanted* that are still missing or old: another process may have fetched them meanwhile."""
        elements = self.elements
        old = [one for one in wanted if (entry := elements.kept.peek(one.key)) is None or elements.over(entry) >= 0]
        elements.kept.refreshing.difference_update({one.key for one in wanted} - {one.key for one in old})
        return self.fetch(frame, old, partial(self._refreshed, old, began, numbers)) if old else None

    def _refreshed(self, wanted: Sequence[Wanted], began: int, numbers: Numbers, result: Result) -> None:
        self.elements.kept.refreshing.difference_update(one.key for one in wanted)
        try:
            if result.state is State.OK:
                self.elements.keep(wanted, result, self.elements.read(wanted, result), began, numbers)
        except AggregatorError:
            return  # a reply that cannot be read is told to those who wait for one


class _Gathering:
    """One call for the keys *wanted*: taken from the cache, joined to other calls, or fetched."""

    __slots__ = ("_age", "_batch", "_began", "_cause", "_done", "_fetched", "_found", "_frame", "_is_over", "_numbers",
                 "_pending", "_started", "_tags", "_tickets", "_wanted")  # fmt: skip

    def __init__(self, batch: CachedBatch, frame: Frame, done: Done, wanted: list[Wanted]) -> None:
        self._batch = batch
        self._frame = frame
        self._done = done
        self._wanted = wanted
        self._began = batch.elements.kept.begin()
        self._started = frame.loop.time()
        self._found: dict[str, Element] = {}
        self._fetched: list[Result] = []
        self._tickets: list[Cancelable] = []
        self._tags: frozenset[str] = frozenset()
        self._age = 0.0
        self._cause: Result | None = None
        self._pending = 0
        self._is_over = False
        self._numbers: Numbers = {}

    def begin(self) -> Cancelable | None:
        """Begin, and return what cancels the call; None when it has ended already."""
        batch = self._batch
        if batch.elements.level is None:
            self._gather({})
        else:
            lacking = [one for one in self._wanted if not batch.elements.usable(one) and batch.flight_of(one) is None]
            ticket = batch.elements.look(lacking, self._gather)
            if ticket is not None:
                self._tickets.append(ticket)
        return None if self._is_over else self

    def _gather(self, numbers: Numbers) -> None:
        """Take what is kept, and fetch the rest; *numbers* are the purge numbers of the keys looked up in the store."""
        self._numbers = numbers
        missing, flights = self._take()
        self._pending = len(flights) + bool(missing)
        for flight, wanted in flights.items():
            self._batch.flights.saved += 1
            self._tickets.append(flight.join(self._batch.call, self._frame, partial(self._ended, wanted)))
        if missing:
            ticket = self._batch.fetch(self._frame, missing, partial(self._ended, missing))
            if ticket is not None:
                self._tickets.append(ticket)
        if not self._pending and not self._is_over:
            self._finish()

    def _take(self) -> tuple[list[Wanted], dict[Flight, list[Wanted]]]:
        """Take usable elements; return the missing keys, and the keys that other calls are fetching, by flight."""
        elements, stale = self._batch.elements, self._batch.elements.plan.stale
        missing: list[Wanted] = []
        flights: dict[Flight, list[Wanted]] = {}
        olds: list[Wanted] = []
        kept = elements.kept
        for one in self._wanted:
            entry = elements.find(one)
            over = float("inf") if entry is None else elements.over(entry)
            if entry is not None and over < max(0.0, stale):
                self._use(one, entry)
                if self._numbers.get(one.key) is not None:
                    kept.fetched_elsewhere += 1
                elif over < 0:
                    kept.hits += 1
                else:
                    kept.olds += 1
                if over >= 0:
                    olds.append(one)
                continue
            kept.misses += 1
            flight = self._batch.flight_of(one)
            if flight is None:
                missing.append(one)
            else:
                flights.setdefault(flight, []).append(one)
        if olds:
            self._batch.refresh(self._frame, olds)
        return missing, flights

    def _use(self, one: Wanted, entry: Entry[Element]) -> None:
        self._found[one.text] = entry.value
        self._tags |= entry.tags
        self._age = max(self._age, self._batch.elements.kept.now() - entry.at)

    def _ended(self, wanted: Sequence[Wanted], result: Result) -> None:
        if self._is_over:
            return
        self._pending -= 1
        self._fetched.append(result)
        if not (self._has_come(wanted, result) if result.is_there else self._stands_in(wanted, result)):
            self._fail(result)
        elif not self._pending:
            self._finish()

    def _has_come(self, wanted: Sequence[Wanted], result: Result) -> bool:
        elements = self._batch.elements
        try:
            found = elements.read(wanted, result)
        except AggregatorError as error:
            self._fail(failed(
                self._batch.name, error, result.started, result.ended, upstream=result.upstream,
                status=result.status, rows=self._batch.rows, attempts=result.attempts,
            ))  # fmt: skip
            return True
        elements.keep(wanted, result, found, self._began, self._numbers)
        self._found |= found
        return True

    def _stands_in(self, wanted: Sequence[Wanted], result: Result) -> bool:
        entries = self._batch.elements.in_place_of(result, wanted)
        if entries is None:
            return False
        for one, entry in zip(wanted, entries, strict=True):
            self._use(one, entry)
        self._cause = result
        return True

    def _fail(self, result: Result) -> None:
        self.cancel()
        self._done(result)

    def _finish(self) -> None:
        self._is_over = True
        now, texts = self._frame.loop.time(), {text: element.text for text, element in self._found.items()}
        whole = Result(self._batch.name, self._started, now)
        whole.has_elements(texts)
        whole.json = b"[" + b",".join(filter(None, texts.values())) + b"]"
        whole.upstream = self._batch.call.label
        kept = Result(whole.name, self._started, now)
        kept.tags, kept.upstream = self._tags, whole.upstream
        kept.was_kept(self._age)
        if self._fetched:
            whole.made_of((*self._fetched, kept) if self._tags else tuple(self._fetched))
        whole.tags = self._tags
        if self._cause is not None or not self._fetched:
            whole.was_kept(self._age)
        whole.attempts = sum(result.attempts for result in self._fetched)
        if self._cause is not None:
            whole.state, whole.cause = State.STALE, self._cause.cause
        self._done(whole)

    def cancel(self) -> None:
        """Stop waiting."""
        self._is_over = True
        for ticket in self._tickets:
            ticket.cancel()
