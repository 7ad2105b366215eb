"""The answer to a run that has ended: made in time, or the failure that it becomes."""

from __future__ import annotations

import asyncio

from aggregator.errors import AggregatorError, CallError, Cause
from aggregator.parts.names import FINISHING, LATE
from aggregator.parts.result import Result, failed
from aggregator.plan.types import EndpointPlan, RowPlan
from aggregator.runtime.answers.answer import Answer
from aggregator.runtime.answers.failure import failure_answer
from aggregator.runtime.answers.outcome import HEADER as PARTS
from aggregator.runtime.answers.outcome import is_told, parts_header
from aggregator.runtime.answers.replying import FAULT, tell_fault
from aggregator.runtime.endpoint.routine import Routine
from aggregator.runtime.parts.blame import blame
from aggregator.runtime.parts.fanout import Run
from aggregator.runtime.request.inputs import Refusal


class Endings:
    """Makes the answer to a run that has ended, in time or as a failure, of the endpoint *plan*, by its *routine*."""

    __slots__ = ("_plan", "_routine")

    def __init__(self, plan: EndpointPlan, routine: Routine) -> None:
        self._plan = plan
        self._routine = routine

    def plain(self, run: Run) -> Answer:
        """Return the answer to *run*, made at once."""
        if run.failure is not None:
            return self.failed(run.failure, run)
        try:
            return self._in_time(self._routine.assembly.plain(run), run)
        except AggregatorError as error:
            return self.failed(_unmade(blame(error, run.frame.names), run), run)
        except Exception as error:
            tell_fault(self._plan.key, error, run.frame.exchange.id)
            return self.failed(_unmade(CallError(Cause.FAULT, FAULT), run), run)

    async def made(self, run: Run) -> Answer:
        """Return the answer to *run*, whose making may have to wait; raises ``Refusal``."""
        if run.failure is not None:
            return self.failed(run.failure, run)
        try:
            async with asyncio.timeout_at(run.frame.exchange.deadline + FINISHING):
                answer = await self._routine.assembly.answer(run)
            return self._in_time(answer, run)
        except Refusal:
            raise
        except AggregatorError as error:
            return self.failed(_unmade(blame(error, run.frame.names), run), run)
        except TimeoutError:
            return self.failed(_unmade(CallError(Cause.DEADLINE, LATE), run), run)

    def _in_time(self, answer: Answer, run: Run) -> Answer:
        """Return *answer*, or the failure of one that was made too late: what is computed at once hears no timer."""
        if run.frame.loop.time() <= run.frame.exchange.deadline + FINISHING:
            return answer
        return self.failed(_unmade(CallError(Cause.DEADLINE, LATE), run), run)

    def failed(self, failure: Result, run: Run) -> Answer:
        """Return the answer to *run*, which failed by *failure*."""
        run.failure = failure
        exchange = run.frame.exchange
        results = run.ended_results()
        debug = self._routine.discloses(exchange)
        rows = failure.rows
        answer = failure_answer(
            failure, self._rows_of(failure) if rows is None else rows, run.frame.names, exchange, results,
            debug=debug, pass_headers=self._plan.response.pass_headers,
        )  # fmt: skip
        if self._plan.kind == "fan_out" or is_told(results):
            answer.headers.append((PARTS, parts_header(results)))
        return answer

    def _rows_of(self, failure: Result) -> tuple[RowPlan, ...]:
        """Return the rows of the part *failure*, or of the answer, where it is no failure of a call."""
        fan = self._plan.fan
        part = None if fan is None else next((part for part in fan.parts if part.name == failure.name), None)
        return self._plan.rows if part is None else part.rows


def _unmade(error: AggregatorError, run: Run) -> Result:
    """Return the failure of an answer whose parts are all there, but cannot become one."""
    now = run.frame.loop.time()
    return failed("response", error, now, now)
