"""A bounded ring of the last failed and slow requests, a listener of what is told of requests and calls."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

from aggregator.parts.events import CallEnded, Listeners, RequestEnded, Visitors
from aggregator.plan.telemetry import RecorderPlan
from aggregator.plan.types import EndpointPlan, Plan
from aggregator.server.recorder.making import Maker
from aggregator.server.recorder.record import Record, Why
from aggregator.telemetry.redaction import Masker

MOST_BYTES = 32 * 1024 * 1024
"""What all records take at most, about."""
MOST_A_SECOND = 10
"""Records of one endpoint in one second: a flood of failures costs no more, and pushes less out."""
_MOST_GIVEN_UP, _MOST_CALLS = 256, 32


class Recorder:
    """Remembers by *plan*. *clock* is Unix time. ``left_out`` counts what was not recorded in a flood."""

    def __init__(self, plan: RecorderPlan, clock: Callable[[], float] = time.time) -> None:
        self.plan = plan
        self.left_out = 0
        self.size = 0
        self.listeners = Listeners(troubles=(self.request,), late=((self.request, plan.slow),), given_up=(self.call,))
        self._clock = clock
        self._masker = Masker()
        self._maker = Maker(plan, self._masker)
        self._records: deque[Record] = deque()
        self._given_up: OrderedDict[str, list[CallEnded]] = OrderedDict()
        self._endpoints: dict[str, EndpointPlan] = {}
        self._second: dict[str, tuple[int, int]] = {}
        self._asked: set[str] = set()

    @property
    def given_up(self) -> Collection[str]:
        """The requests under way of which calls were given up."""
        return self._given_up.keys()

    def follow(self, plan: Plan) -> None:
        """Record requests to the endpoints of *plan* from now on, with its secrets masked."""
        self._masker.learn(plan.secrets)
        self._endpoints = {endpoint.key: endpoint for endpoint in plan.endpoints}
        self._second = {}

    @contextmanager
    def expecting(self, identity: str, visitors: Visitors) -> Iterator[None]:
        """Remember the request *identity*, which comes within the context, whatever becomes of it.

        Meanwhile it hears of every request, among *visitors*.
        """
        if not self._asked:
            visitors.join(self.asked)
        self._asked.add(identity)
        try:
            yield
        finally:
            self._asked.discard(identity)
            if not self._asked:
                visitors.leave(self.asked)

    def call(self, event: CallEnded) -> None:
        """Record a call that was cancelled, of which the request has no result."""
        calls = self._given_up.setdefault(event.request, [])
        if len(calls) < _MOST_CALLS:
            calls.append(event)
        if len(self._given_up) > _MOST_GIVEN_UP:
            self._given_up.popitem(last=False)

    def request(self, event: RequestEnded) -> None:
        """Remember the request of *event*, which failed or was slow, unless somebody asked for it."""
        if event.request in self._asked:
            return
        is_bad = event.is_bad or event.how != "answered"
        is_slow = event.ended - event.started >= self.plan.slow and event.answer is not None  # a stream takes its time
        if not (is_bad or is_slow):
            return
        if event.endpoint in self._endpoints and not self._lets(event.endpoint, int(self._clock())):
            self.left_out += 1
            return
        self._remember(event, "failed" if is_bad else "slow")

    def asked(self, event: RequestEnded) -> None:
        """Remember the request of *event* if somebody asked for it."""
        if event.request in self._asked:
            self._remember(event, "asked")

    def _remember(self, event: RequestEnded, why: Why) -> None:
        given_up = self._given_up.pop(event.request, ())
        calls = [call for call in given_up if call.started >= event.started]  # a client may use an id again
        endpoint = self._endpoints.get(event.endpoint)
        if endpoint is not None:
            self._keep(self._maker.record(event, endpoint, calls, why, self._clock()))

    def _lets(self, endpoint: str, second: int) -> bool:
        last, count = self._second.get(endpoint, (second, 0))
        count = count if last == second else 0
        self._second[endpoint] = (second, count + 1)
        return count < MOST_A_SECOND

    def _keep(self, record: Record) -> None:
        self._records.append(record)
        self.size += record.weight
        while len(self._records) > self.plan.keep or (self.size > MOST_BYTES and len(self._records) > 1):
            self.size -= self._records.popleft().weight

    def __iter__(self) -> Iterator[Record]:
        """Yield all records, the newest first."""
        return reversed(self._records)

    def find(self, identity: str) -> Record | None:
        """Return the newest record of the request *identity*."""
        return next((record for record in self if record.id == identity), None)


def recorder_for(plan: RecorderPlan | None, known: Recorder | None) -> Recorder | None:
    """Return what remembers by *plan*: *known* goes on if it does the same; None where nobody does."""
    if plan is None:
        return None
    return known if known is not None and known.plan == plan else Recorder(plan)
