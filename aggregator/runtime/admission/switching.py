"""The gate of an endpoint that is switched off, by an operator or by a calendar: it lets nobody through."""

from __future__ import annotations

from aggregator.causes import Cause
from aggregator.exchange import Exchange
from aggregator.policies.switches.plan import OUT_OF_SERVICE, OffPlan
from aggregator.runtime.admission.schemes import Clock
from aggregator.runtime.answers.answer import Answer, problem


class SwitchGate:
    """Refuses each request, and says when to come again."""

    __slots__ = ("_clock", "_off")

    def __init__(self, off: OffPlan, clock: Clock) -> None:
        self._off = off
        self._clock = clock

    def check(self, exchange: Exchange) -> Answer:
        """Return the answer that refuses the request of *exchange*."""
        detail = self._off.detail or OUT_OF_SERVICE
        wait = str(self._off.wait(self._clock())).encode("ascii")
        return problem(
            self._off.status, detail, request_id=exchange.id, cause=Cause.SWITCHED_OFF.value,
            headers=[(b"retry-after", wait)],
        )  # fmt: skip
