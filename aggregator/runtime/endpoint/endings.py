"""The answer to a run that has ended: made in time, or the failure that it becomes."""

from __future__ import annotations

import asyncio
from functools import partial

from aggregator.errors import AggregatorError, CallError, Cause
from aggregator.parts.names import FINISHING, LATE
from aggregator.parts.result import Result, failed
from aggregator.plan.analysis.roots import references_in, slow_in
from aggregator.plan.analysis.walking import calls_in, parts_in
from aggregator.plan.types import EndpointPlan, RowPlan
from aggregator.runtime.answers.answer import Answer
from aggregator.runtime.answers.failure import failure_answer
from aggregator.runtime.answers.outcome import HEADER as PARTS
from aggregator.runtime.answers.outcome import is_told, parts_header
from aggregator.runtime.answers.replying import FAULT, tell_fault
from aggregator.runtime.coding import LARGE, aside
from aggregator.runtime.endpoint.routine import Routine
from aggregator.runtime.foresight.foreseeing import foreseen, foresight_of
from aggregator.runtime.foresight.reading import LongReads, long_reads
from aggregator.runtime.parts.blame import blame
from aggregator.runtime.parts.fanout import Run
from aggregator.runtime.request.inputs import Refusal


class Endings:
    """Makes the answer to a run that has ended, in time or as a failure, of the endpoint *plan*, by its *routine*."""

    __slots__ = ("_following", "_names_parts", "_plan", "_reads_failures", "_routine", "_rows", "is_short")

    def __init__(self, plan: EndpointPlan, routine: Routine) -> None:
        self._plan = plan
        self._routine = routine
        self._rows = _reads_of_rows(plan)
        self._reads_failures = _reads_failures(plan)
        self._names_parts = plan.kind == "fan_out"
        tags = () if plan.keeping is None else plan.keeping.keep.tags
        self._following = foresight_of((plan.purges, tags), plan.pattern.params)
        self.is_short = self._rows is None and self._following is None and not self._reads_failures
        """Whether rows and tags read nothing that may be long."""

    def is_prompt(self, run: Run) -> bool:
        """Return whether ``plain`` is the whole of the answer to *run*, and takes no more than a few milliseconds."""
        if self._rows_take_long(run):
            return False
        if run.failure is not None:
            return True
        following = self._following
        return self._routine.assembly.is_prompt(run) and (following is None or not following.is_due(run.frame.names))

    def _rows_take_long(self, run: Run) -> bool:
        """Return whether the rows that speak of a failure of *run* read values that are long."""
        failure = run.failure
        size = 0 if failure is None else failure.size
        if self._reads_failures and failure is not None and size > LARGE and not failure.is_read:
            return True
        return self._rows is not None and self._rows.are_long(run.frame.names, size)

    def plain(self, run: Run) -> Answer:
        """Return the answer to *run*, made at once."""
        if run.failure is not None:
            return self.failed(run.failure, run)
        try:
            answer = self._routine.assembly.plain(run)
            frame = run.frame
            if frame.loop.time() <= frame.exchange.deadline + FINISHING:  # as ``_is_late``, without a call
                return answer
            return self.failed(_unmade(CallError(Cause.DEADLINE, LATE), run), run)
        except AggregatorError as error:
            return self.failed(_unmade(blame(error, run.frame.names), run), run)
        except Exception as error:
            tell_fault(self._plan.key, error, run.frame.exchange.id)
            return self.failed(_unmade(CallError(Cause.FAULT, FAULT), run), run)

    async def made(self, run: Run) -> Answer:
        """Return the answer to *run*, whose making may have to wait; raises ``Refusal``."""
        if run.failure is not None:
            return await self._failing(run.failure, run)
        try:
            async with asyncio.timeout_at(run.frame.exchange.deadline + FINISHING):
                answer = await self._routine.assembly.answer(run)
            if _is_late(run):
                return await self._failing(_unmade(CallError(Cause.DEADLINE, LATE), run), run)
        except Refusal:
            raise
        except AggregatorError as error:
            return await self._failing(_unmade(blame(error, run.frame.names), run), run)
        except TimeoutError:
            return await self._failing(_unmade(CallError(Cause.DEADLINE, LATE), run), run)
        await foreseen(self._following, run.frame.names, run.frame.exchange.deadline + FINISHING)
        return answer

    async def _failing(self, failure: Result, run: Run) -> Answer:
        """Return the answer to *run*, which failed by *failure*: made in a thread where rows take long.

        Where too much waits for threads no row speaks of it.
        """
        run.failure = failure
        if not self._rows_take_long(run):
            return self.failed(failure, run)
        try:
            return await aside(partial(self.failed, failure, run), run.frame.exchange.deadline + FINISHING)
        except CallError:
            return self.failed(failure, run, ())  # the failure keeps its rows: others may be told of it, too

    def failed(self, failure: Result, run: Run, rows: tuple[RowPlan, ...] | None = None) -> Answer:
        """Return the answer to *run*, which failed by *failure*; *rows* speak of it in place of its own."""
        run.failure = failure
        exchange = run.frame.exchange
        results = run.ended_results()
        debug = self._routine.discloses(exchange)
        if rows is None and (rows := failure.rows) is None:
            rows = self._rows_of(failure)
        answer = failure_answer(
            failure, rows, run.frame.names, exchange, results,
            debug=debug, pass_headers=self._plan.response.pass_headers,
        )  # fmt: skip
        if self._names_parts or is_told(results):
            answer.headers.append((PARTS, parts_header(results)))
        return answer

    def _rows_of(self, failure: Result) -> tuple[RowPlan, ...]:
        """Return the rows of the part *failure*, or of the answer, where it is no failure of a call."""
        fan = self._plan.fan
        part = None if fan is None else next((part for part in fan.parts if part.name == failure.name), None)
        return self._plan.rows if part is None else part.rows


def _is_late(run: Run) -> bool:
    """Return whether the answer to *run* was made too late: what is computed at once hears no timer."""
    return run.frame.loop.time() > run.frame.exchange.deadline + FINISHING


def _reads_of_rows(plan: EndpointPlan) -> LongReads | None:
    """Return the long values that rows of *plan* compute with."""
    params = plan.pattern.params
    return long_reads(slow_in(_rows_in(plan), params), params)


def _reads_failures(plan: EndpointPlan) -> bool:
    """Return whether rows of *plan* read the body of a failure as data, which has not been read before."""
    parts = {part.name for part in parts_in(plan.fan)}
    for root, *path in references_in(_rows_in(plan)):
        inside = path[1:] if root == "calls" else path  # behind the part
        if root in parts or (root in ("this", "calls") and (not inside or inside[0] == "body")):
            return True
    return False


def _rows_in(plan: EndpointPlan) -> tuple[tuple[RowPlan, ...], ...]:
    """Return the rows of *plan*, those of its parts and calls included."""
    parts, calls = parts_in(plan.fan), calls_in(plan.fan)
    return (plan.rows, *(part.rows for part in parts), *(call.rows for call in calls))


def _unmade(error: AggregatorError, run: Run) -> Result:
    """Return the failure of an answer whose parts are all there, but cannot become one."""
    now = run.frame.loop.time()
    return failed("response", error, now, now)
