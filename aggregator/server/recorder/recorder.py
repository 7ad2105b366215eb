"""A bounded ring of the last failed and slow requests, a listener of what is told of requests and calls."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator

from aggregator.causes import State
from aggregator.parts.events import CallEnded, Listeners, RequestEnded
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
        self.listeners = Listeners((self.call,), (self.request,))
        self._clock = clock
        self._masker = Masker()
        self._maker = Maker(plan, self._masker)
        self._records: deque[Record] = deque()
        self._given_up: OrderedDict[str, list[CallEnded]] = OrderedDict()
        self._endpoints: dict[str, EndpointPlan] = {}
        self._second: dict[str, tuple[int, int]] = {}
        self._asked: set[str] = set()

    def follow(self, plan: Plan) -> None:
        """Take note of the endpoints and secrets that are served from now on."""
        self._masker.learn(plan.secrets)
        self._endpoints = {endpoint.key: endpoint for endpoint in plan.endpoints}
        self._second = {}

    def expect(self, identity: str) -> None:
        """Remember the request *identity* that is about to come, whatever becomes of it."""
        self._asked.add(identity)

    def forget_expected(self, identity: str) -> None:
        """Take note that the request *identity* has ended, or never came."""
        self._asked.discard(identity)

    def call(self, event: CallEnded) -> None:
        """Take note of a call that was given up: a request that was not waited for has no results."""
        if event.state is not State.CANCELLED:
            return
        calls = self._given_up.setdefault(event.request, [])
        if len(calls) < _MOST_CALLS:
            calls.append(event)
        if len(self._given_up) > _MOST_GIVEN_UP:
            self._given_up.popitem(last=False)

    def request(self, event: RequestEnded) -> None:
        """Remember the request of *event* if it failed, or was slow, or somebody asked for it."""
        calls = self._given_up.pop(event.request, ()) if self._given_up else ()
        endpoint = self._endpoints.get(event.endpoint)
        why = self._why(event, endpoint)
        if why is None or endpoint is None:
            return
        now = self._clock()
        if why != "asked" and not self._lets(event.endpoint, int(now)):
            self.left_out += 1
            return
        self._keep(self._maker.record(event, endpoint, calls, why, now))

    def _why(self, event: RequestEnded, endpoint: EndpointPlan | None) -> Why | None:
        if event.request in self._asked:
            return "asked"
        if event.is_bad or event.how != "answered":
            return "failed"
        is_slow = event.ended - event.started >= self.plan.slow
        return "slow" if is_slow and endpoint is not None and event.answer is not None else None

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
