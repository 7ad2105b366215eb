"""Calls within the budget of their request: what would go beyond fails with the cause ``over_budget``.

Each attempt is counted when it starts; one that never left (the breaker was open, it was not its turn) is taken back,
and one that was sent again on another connection counts twice.
"""

from __future__ import annotations

from functools import partial

from aggregator.causes import State
from aggregator.errors import CallError, Cause
from aggregator.exchange import Exchange
from aggregator.parts.frame import Done, Frame, Part
from aggregator.parts.result import Result, failed
from aggregator.parts.rows import RowPlan
from aggregator.policies.call_budget.plan import CallBudgetPlan
from aggregator.transport.door import Cancelable


class Spending:
    """The spending of one request so far: *calls*, and *bytes* of bodies."""

    __slots__ = ("bytes", "calls")

    def __init__(self) -> None:
        self.calls = 0
        self.bytes = 0

    def refusal(self, plan: CallBudgetPlan) -> CallError | None:
        """Return why *plan* grants no more calls, None while it does."""
        if plan.calls is not None and self.calls >= plan.calls:
            return CallError(Cause.OVER_BUDGET, f"The request has made the {plan.calls} calls that it may make.")
        if plan.bytes is not None and self.bytes >= plan.bytes:
            return _too_many(plan.bytes)
        return None


def _too_many(most: int) -> CallError:
    return CallError(Cause.OVER_BUDGET, f"The request has fetched the {most} bytes that it may fetch.")


def spending_of(exchange: Exchange) -> Spending:
    """Return what the request *exchange* has spent."""
    if exchange.spending is None:
        exchange.spending = Spending()
    found: Spending = exchange.spending
    return found


def is_spent(plan: CallBudgetPlan, exchange: Exchange) -> bool:
    """Return whether *plan* grants the request *exchange* no more calls."""
    return spending_of(exchange).refusal(plan) is not None


class Budgeted:
    """The attempt *inner* at a call to *label*, made while *plan* grants it; *rows* rule its failure."""

    __slots__ = ("_inner", "_label", "_plan", "_rows", "name")

    def __init__(self, inner: Part, plan: CallBudgetPlan, label: str, rows: tuple[RowPlan, ...]) -> None:
        self.name = inner.name
        self._inner = inner
        self._plan = plan
        self._label = label
        self._rows = rows

    def start(self, frame: Frame, done: Done) -> Cancelable | None:
        """Start the call, or fail it when the budget is spent; *done* gets the result."""
        spending = spending_of(frame.exchange)
        refusal = spending.refusal(self._plan)
        if refusal is not None:
            now = frame.loop.time()
            done(failed(self.name, refusal, now, now, upstream=self._label, rows=self._rows, attempts=0))
            return None
        spending.calls += 1
        return self._inner.start(frame, partial(self._ended, spending, done))

    def _ended(self, spending: Spending, done: Done, result: Result) -> None:
        spending.calls += result.attempts - 1
        spending.bytes += len(result.raw)
        most = self._plan.bytes
        if most is not None and spending.bytes > most and result.state is State.OK:
            result = self._too_large(result, most)
        done(result)

    def _too_large(self, result: Result, most: int) -> Result:
        """Return the failure that *result* is: with its body the answer would be made of more than *most* bytes.

        The reply stays, for others who wait for the same call and have bytes left.
        """
        broken = failed(
            self.name, _too_many(most), result.started, result.ended,
            upstream=self._label, status=result.status, rows=self._rows, attempts=result.attempts,
        )  # fmt: skip
        broken.reply = result.reply
        return broken
