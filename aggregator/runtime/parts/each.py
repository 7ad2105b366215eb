"""One call per item of a list, and one call for many keys; results in the order of the items.

Equal keys are called once; never more than ``concurrency`` calls are under way at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from aggregator.codecs import json as json_codec
from aggregator.errors import AggregatorError, Cause
from aggregator.exchange import State
from aggregator.parts.frame import Done, Frame, Part
from aggregator.parts.names import ItemNames
from aggregator.parts.result import Result, failed
from aggregator.plan.calls import EachPlan
from aggregator.plan.types import RowPlan
from aggregator.runtime.coding import given, read_aside
from aggregator.runtime.foresight.reading import LongReads
from aggregator.runtime.jobs import Outcome
from aggregator.runtime.parts.batching import Key, Work, compile_by_key, work_of
from aggregator.runtime.parts.blame import blame
from aggregator.transport.door import Cancelable

Ranks = Callable[[Frame], Callable[[Any], int]]
"""Returns the function that returns a number which is equal for keys that may be in one call."""
_LOST = frozenset({State.FAILED, State.STALE})


class Each:
    """A part that makes its inner call for every distinct key of a list.

    One that *cuts* leaves out the items that the budget of the request grants no call for. Keys that *ranks*
    tells apart are in calls of their own. *reads* are the long values that the list and its keys are made of.
    """

    __slots__ = ("_ranks", "by_key", "cuts", "inner", "into", "name", "plan", "reads", "rows")

    def __init__(
        self, inner: Part, plan: EachPlan, rows: tuple[RowPlan, ...] | None = None,
        *, cuts: bool = False, ranks: Ranks | None = None, reads: LongReads | None = None,
    ) -> None:  # fmt: skip
        self._ranks = ranks
        self.reads = reads
        self.cuts = cuts
        self.rows = rows
        self.name = inner.name
        self.inner = inner
        self.plan = plan
        self.by_key = None if plan.batch is None else compile_by_key(plan.batch, inner.name)
        self.into = None if plan.join is None else json_codec.encode(plan.join)

    def start(self, frame: Frame, done: Done) -> Cancelable | None:
        """Read the list and begin with the first calls."""
        if self.reads is not None and self.reads.are_long(frame.names):
            return Listing(self, frame, done).begin()
        return self.start_work(partial(self.work, frame), frame, done)

    def work(self, frame: Frame) -> Work:
        """Return what there is to do; raises ``AggregatorError``."""
        rank = None if self._ranks is None else self._ranks(frame)
        return work_of(self.plan, self.name, frame.names, rank)

    def start_work(self, work: Callable[[], Work], frame: Frame, done: Done) -> Cancelable | None:
        """Start the first calls of what *work* returns, or fail with the error that it raises."""
        try:
            running = _Running(self, frame, done, work())
        except AggregatorError as error:
            now = frame.loop.time()
            done(failed(self.name, blame(error, frame.names), now, now, rows=self.rows, attempts=0))
            return None
        running.begin()
        return running


class Listing:
    """A list of long values on its way. States: *listing* (the ticket is that of a thread), *calling*, *over*."""

    __slots__ = ("_done", "_each", "_frame", "_is_calling", "_ticket")

    def __init__(self, each: Each, frame: Frame, done: Done) -> None:
        self._each = each
        self._frame = frame
        self._done = done
        self._is_calling = False
        self._ticket: Cancelable | None = None

    def begin(self) -> Cancelable:
        """Make the list of items in a thread."""
        frame = self._frame
        under_way = frame.exchange.under_way
        ticket = read_aside(
            frame.loop, partial(self._each.work, frame), self._listed, frame.deadline, under_way=under_way
        )
        if not self._is_calling:
            self._ticket = ticket
        return self

    def _listed(self, outcome: Outcome) -> None:
        self._is_calling = True
        self._ticket = self._each.start_work(partial(given, outcome), self._frame, self._done)

    def cancel(self) -> None:
        """Cancel what is under way."""
        if self._ticket is not None:
            self._ticket.cancel()


class _Running:
    """The calls of one list: what waits, what is under way, what has ended by key."""

    __slots__ = (
        "_active", "_done", "_each", "_ended", "_frame", "_is_starting", "_next", "_outcomes", "_over", "_results",
        "_started", "_tickets", "_work",
    )  # fmt: skip

    def __init__(self, each: Each, frame: Frame, done: Done, work: Work) -> None:
        self._each = each
        self._frame = frame
        self._done = done
        self._work = work
        self._outcomes: list[Result | None] = [None] * len(work.jobs)
        self._results: dict[Key, Result] = {}
        self._tickets: dict[int, Cancelable] = {}
        self._next = self._active = self._ended = 0
        self._started = frame.loop.time()
        self._is_starting = self._over = False

    def begin(self) -> None:
        """Start as many calls as may run at once, and end when there are none left.

        Calls that end while they are being started come back to this loop, not into a deeper one.
        """
        if self._is_starting:
            return
        self._is_starting = True
        jobs, limit = self._work.jobs, self._each.plan.concurrency
        while not self._over and self._next < len(jobs) and self._active < limit:
            self._launch()
        self._is_starting = False
        if not self._over and self._ended == len(jobs):
            self._finish()

    def _launch(self) -> None:
        number, job = self._next, self._work.jobs[self._next]
        self._next += 1
        self._active += 1
        if job.error is not None:
            now = self._frame.loop.time()
            self._settle(number, failed(self._each.name, job.error, now, now, rows=self._each.rows, attempts=0))
            return
        names = ItemNames(self._frame.names, job.seed, self._each.plan.items)
        frame = self._frame.with_names(names)
        ticket = self._each.inner.start(frame, partial(self._settle, number))
        if ticket is not None and self._outcomes[number] is None and not self._over:
            self._tickets[number] = ticket

    def _settle(self, number: int, result: Result) -> None:
        if self._over:
            return
        self._active -= 1
        self._ended += 1
        self._tickets.pop(number, None)
        result = self._outcomes[number] = self._kept(self._work.jobs[number].keys, result)
        if result.state is State.FAILED and self._each.plan.on_error == "fail" and not self._is_cut(result):
            self._fail(result)
        else:
            self.begin()

    def _is_cut(self, result: Result) -> bool:
        return self._each.cuts and result.cause is Cause.OVER_BUDGET

    def _kept(self, keys: tuple[Key, ...], result: Result) -> Result:
        """Keep *result* for *keys*, each with its own element when the call was for many; missing ones are null."""
        by_key = self._each.by_key
        if by_key is not None and result.is_there:
            try:
                found = by_key(result)
            except AggregatorError as error:
                broken = failed(
                    self._each.name, error, result.started, result.ended,
                    upstream=result.upstream, status=result.status, rows=self._each.rows,
                )  # fmt: skip
                return self._kept(keys, broken)
            for key in keys:
                single = Result(self._each.name, result.started, result.ended, status=result.status)
                self._results[key] = single
                single.json = json_codec.encode(found.get(str(key)))
        else:
            self._results.update(dict.fromkeys(keys, result))
        return result

    def _fail(self, result: Result) -> None:
        self.cancel()
        result.started, result.ended = self._started, self._frame.loop.time()
        self._done(result)

    def _finish(self) -> None:
        self._over = True
        whole = Result(self._each.name, self._started, self._frame.loop.time())
        outcomes = tuple(outcome for outcome in self._outcomes if outcome is not None)
        whole.attempts = sum(outcome.attempts for outcome in outcomes)
        whole.made_of(outcomes)
        whole.has_met(tuple(word for outcome in outcomes for word in outcome.met))
        whole.parts = self._lost()
        try:
            whole.json = self._collected() if self._each.plan.is_read else b"null"
        except AggregatorError as error:
            whole = failed(self._each.name, error, whole.started, whole.ended, rows=self._each.rows)
        self._done(whole)

    def _lost(self) -> tuple[Result, ...]:
        """Return what failed, and what something old stands in for."""
        lost = []
        for job, outcome in zip(self._work.jobs, self._outcomes, strict=True):
            if outcome is not None and outcome.state in _LOST:
                outcome.name = f"{self._each.name}[{job.place}]"
                lost.append(outcome)
        return tuple(lost)

    def _collected(self) -> bytes:
        results = [(item, self._results[key]) for item, key in zip(self._work.items, self._work.keys, strict=True)]
        if self._each.plan.on_error != "null":  # where one that fails fails all, these were cut
            results = [(item, result) for item, result in results if result.state is not State.FAILED]
        into, name = self._each.into, self._each.plan.join
        texts = [(item, b"null" if result.state is State.FAILED else result.json) for item, result in results]
        if into is None or name is None:
            return b"[" + b",".join([text for _, text in texts]) + b"]"
        return b"[" + b",".join([_joined(item, name, into, text) for item, text in texts]) + b"]"

    def cancel(self) -> None:
        """Cancel all calls under way; no more are started."""
        self._over = True
        for ticket in self._tickets.values():
            ticket.cancel()
        self._tickets.clear()


def _joined(item: Any, name: str, into: bytes, text: bytes) -> bytes:
    """Return *item* with the JSON *text* put into it under *name*; an item that is no object stands under ``item``."""
    fields = {key: value for key, value in item.items() if key != name} if isinstance(item, dict) else {"item": item}
    start = json_codec.encode(fields)[:-1]
    return start + (b"," if fields else b"") + into + b":" + text + b"}"
