"""What the running parts of a generation share, so that what many endpoints say lies in memory once.

Each object that only one endpoint has is a wait for memory in each of its requests, as soon as there are so many
endpoints that the processor's caches do not hold them. Nothing is taken for equal by values of a file, where 1 is
equal to true: parameters are one when their declarations are written alike, and the rest is of one type each.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping
from functools import cached_property
from typing import Any, TypeVar

import httpx

from aggregator.parts.events import NO_LISTENERS, Listeners
from aggregator.parts.result import Result
from aggregator.plan.calls import CallPlan
from aggregator.plan.serving import ServerPlan
from aggregator.plan.types import EndpointPlan, InputPlan, ResponsePlan
from aggregator.plan.upstreams import UpstreamPlan
from aggregator.policies.breaker.table import BREAKERS, Breakers
from aggregator.policies.cache.flights import Flights
from aggregator.policies.cache.kept import Kept
from aggregator.policies.cache.plan import with_code
from aggregator.policies.cache.purging import ANSWERS, FLIGHTS, REPLIES, VALUES
from aggregator.policies.cache.shared.purges import Purges
from aggregator.policies.concurrency.places import PLACES, STREAMS, Places
from aggregator.policies.degrade.pressure import Pressure
from aggregator.policies.hedge.latencies import LATENCIES, Latencies
from aggregator.policies.rate_limit.pacing import Pace
from aggregator.policies.rate_limit.shared_pacing import build_pace
from aggregator.policies.registry import Draft, Kind, Registry
from aggregator.policies.retry.budget import BUDGET, Budget
from aggregator.runtime.admission.building import Keeper
from aggregator.runtime.admission.refusals import Refusals
from aggregator.runtime.admission.schemes import Scheme
from aggregator.runtime.answers.answer import Tail
from aggregator.runtime.answers.assembly import Assembly, chooses, is_head_of_head
from aggregator.runtime.answers.compressing import Compressing
from aggregator.runtime.answers.disclosure import Discloses, compile_disclosure
from aggregator.runtime.background.durable.outbox import Outbox
from aggregator.runtime.background.durable.storing import Storing
from aggregator.runtime.background.effects import Effect, EffectQueue
from aggregator.runtime.background.shadows import Shadow, ShadowQueue, Shadows
from aggregator.runtime.calls.judging import Judge, judges_alike
from aggregator.runtime.endpoint.routine import Routine
from aggregator.runtime.finish.alike import Finishes
from aggregator.runtime.finish.leaving import Leaving, constant_tail, leaving_of
from aggregator.runtime.finish.limits import Words
from aggregator.runtime.finish.provenance import Telling, provenance_of
from aggregator.runtime.finish.purging import Purging
from aggregator.runtime.finish.timing import always
from aggregator.runtime.idempotent.answers import IdempotentAnswers
from aggregator.runtime.idempotent.serving import Idempotency
from aggregator.runtime.keeping.answers import Keeping
from aggregator.runtime.keeping.contract import KeptAnswer
from aggregator.runtime.keeping.levels import Levels
from aggregator.runtime.observing.tracing import Tracing
from aggregator.runtime.parts.fanout import Order
from aggregator.runtime.plugins.functions import Plugins
from aggregator.runtime.reporting import Report
from aggregator.runtime.request.deadlines import AskedDeadline
from aggregator.runtime.request.gates import Gate
from aggregator.runtime.request.inputs import Inputs
from aggregator.runtime.request_log import RequestLog
from aggregator.stores.shared.connected import ConnectedStore
from aggregator.transport import Door, Reply

_PLAIN = ResponsePlan()
_FLIGHTS: Kind[None, Flights] = Kind(FLIGHTS, lambda _: Flights())
_T = TypeVar("_T")


class Resources:
    """Made for one build: the pool of each upstream, the functions of users, the queues, and what was built before.

    *states* are those of policies that outlive reloads, *listeners* hear of calls and requests, *client* gives the
    shared one, *store* is what processes share. ``doors`` are those that are around the pools of upstreams, by name.
    Where hosts are *watched*, names are looked up, and health is asked for.
    """

    def __init__(
        self, pool: Callable[[UpstreamPlan], Door], plugins: Plugins, queue: EffectQueue, server: ServerPlan,
        states: Draft | None = None,
        listeners: Listeners = NO_LISTENERS, clock: Callable[[], float] = time.time,
        client: Callable[[], httpx.AsyncClient] | None = None, shadows: ShadowQueue | None = None,
        tracing: Tracing | None = None, pressure: Pressure | None = None, outbox: Outbox | None = None,
        store: ConnectedStore | None = None, answers: IdempotentAnswers | None = None, *, watched: bool = True,
    ) -> None:  # fmt: skip
        self.pool = pool
        self.watched = watched
        self.doors: dict[str, Door] = {}
        self.client = client
        self._strain = pressure
        self.pressure = pressure if server.degrade is not None else None
        """What skips optional parts, None where nothing does."""
        self.plugins = plugins
        self.queue = queue
        self.shadows = ShadowQueue() if shadows is None else shadows
        self.outbox = Outbox(clock) if outbox is None else outbox
        self.answers = IdempotentAnswers(clock) if answers is None else answers
        self.listeners = listeners
        self.clock = clock
        self.refusals = Refusals()
        self.states = Registry().draft() if states is None else states
        self.schemes: dict[str, Scheme] = {}
        self.log = RequestLog(server.log)
        self.report = Report(listeners.beside(self.log.listeners))
        self.tracing = tracing
        self.trusted = server.trusted_proxies
        header = server.deadline_header
        self.asked_deadline = None if header is None else AskedDeadline(header, server.trusted_proxies)
        self._compressing = None if server.compress is None else Compressing(server.compress)
        self.discloses = compile_disclosure(server)
        self._kept_bytes = server.kept_bytes
        self._has_secret = server.debug_secret is not None
        self.keeper = Keeper(self.schemes, self.refusals, self.states, clock, {}, Words(), store)
        self.purges = Purges(self.states.registry, store)
        self._known: defaultdict[type, dict[Hashable, Any]] = defaultdict(dict)
        self._inputs: dict[Hashable, Inputs] = {}
        self._judges: dict[Hashable, Judge] = {}
        self.finishes = Finishes(self.schemes)
        self._passing: dict[Tail | None, Assembly] = {}

    def judge_callers(self, schemes: Mapping[str, Scheme]) -> None:
        """Set the *schemes*; they are built with these resources, since one may ask an upstream."""
        self.schemes.update(schemes)

    def budget(self, upstream: UpstreamPlan) -> Budget:
        """Return the budget that all callers of *upstream* share."""
        budget = self.states.hold(BUDGET, upstream.name, (upstream.name, upstream.budget))
        budget.pressure = self._strain
        return budget

    def latencies(self, name: str) -> Latencies:
        """Return how long the call *name* took of late."""
        return self.states.hold(LATENCIES, name, name)

    def breakers(self, upstream: UpstreamPlan) -> Breakers | None:
        """Return the breakers that all callers of *upstream* share, None when it has none, or its hosts have them."""
        plan = upstream.breaker
        return (
            None if plan is None or plan.by_host else self.states.hold(BREAKERS, upstream.name, (upstream.name, plan))
        )

    def places(self, upstream: UpstreamPlan) -> Places | None:
        """Return the places at *upstream* that all its callers share, None when they are not counted."""
        plan = upstream.concurrency
        return None if plan is None else self.states.hold(PLACES, upstream.name, (upstream.name, plan))

    def stream_places(self, upstream: UpstreamPlan) -> Places | None:
        """Return the places of all streams of *upstream*; None when its pools alone count them."""
        plan = upstream.streams
        return None if plan is None else self.states.hold(STREAMS, upstream.name, (upstream.name, plan))

    def same(self, value: _T) -> _T:
        """Return the one object that all equal values are; *value* is immutable."""
        found: _T = self._known[type(value)].setdefault(value, value)
        return found

    def inputs(self, plan: InputPlan, names: tuple[str, ...]) -> Inputs:
        """Return the inputs of *plan*, the same for the same parameters: those declared in the same words are one."""
        if plan.body is not None:
            return Inputs(plan, names)
        declared = tuple(id(parameter) for parameter in (*plan.params, *plan.query, *plan.headers, *plan.cookies))
        return self._inputs.setdefault((names, declared), Inputs(plan, names))

    def kept(self, plan: UpstreamPlan) -> Kept[Reply]:
        """Return the replies of the upstream of *plan* that are kept."""
        kind: Kind[int, Kept[Reply]] = Kind(REPLIES, lambda most: Kept(most, self.clock), Kept.resize)
        return self.states.hold(kind, plan.name, plan.kept_bytes)

    @cached_property
    def levels(self) -> Levels:
        """The second levels of the caches, in the store."""
        return Levels(self.states, self.keeper.store)

    def values(self) -> Kept[Result]:
        """Return the last good values of parts."""
        kind: Kind[int, Kept[Result]] = Kind(VALUES, lambda most: Kept(most, self.clock), Kept.resize)
        return self.states.hold(kind, "server", self._kept_bytes)

    def keeping(self, plan: EndpointPlan) -> Keeping | None:
        """Return what keeps the answers of *plan*, None when nothing does."""
        if plan.keeping is None:
            return None
        kind: Kind[int, Kept[KeptAnswer]] = Kind(ANSWERS, lambda most: Kept(most, self.clock), Kept.resize)
        kept = self.states.hold(kind, "server", self._kept_bytes)
        return Keeping(
            with_code(plan.keeping, self.plugins.code), kept, self.discloses,
            self.levels.answers(kept) if plan.keeping.keep.shared else None,
        )  # fmt: skip

    def idempotency(self, plan: EndpointPlan) -> Idempotency | None:
        """Return what answers requests to *plan* that come again, None where nothing does."""
        if plan.idempotency is None:
            return None
        return Idempotency(plan.idempotency, self.answers, (plan.host, plan.key), plan.timeout + plan.response.delay)

    def flights(self, plan: UpstreamPlan) -> Flights:
        """Return the calls to the upstream of *plan* that others may join."""
        return self.states.hold(_FLIGHTS, plan.name, None)

    def pace(self, plan: UpstreamPlan) -> Pace | None:
        """Return the pace of calls to the upstream of *plan*, None where they may come as they like."""
        rate = plan.rate_limit
        return None if rate is None else build_pace(
            plan.name, rate, plan.label, self.states, self.clock, self.keeper.store
        )  # fmt: skip

    def compressing(self, plan: EndpointPlan) -> Compressing | None:
        """Return the function that compresses the answers of *plan*, None when nothing does."""
        return self._compressing if plan.compress else None

    def timing(self, plan: EndpointPlan) -> Discloses | None:
        """Return the listener to the times of the parts of *plan*, None when there is none."""
        if plan.response.timing:
            return always
        return self.discloses if self._has_secret else None

    def _provenance(self, plan: EndpointPlan) -> Telling | None:
        provenance = provenance_of(plan) if self._has_secret else None
        return None if provenance is None else Telling(provenance, self.discloses, plan.response.meta)

    def judge(self, plan: CallPlan) -> Judge:
        """Return what judges the replies to *plan*."""
        alike = judges_alike(plan)
        return Judge(plan) if alike is None else self._judges.setdefault(alike, Judge(plan))

    def assembly(self, plan: EndpointPlan) -> Assembly:
        """Return what makes the answers of *plan*; all that only pass an answer on have the same."""
        response, tail = plan.response, constant_tail(plan, self.leaving(plan), self.finishes.private)
        if plan.raw and response == _PLAIN and not is_head_of_head(plan) and not chooses(plan):
            return self._passing.setdefault(tail, Assembly(plan, None, self.discloses, tail))
        transform = None if response.transform is None else self.plugins.function(response.transform)
        return Assembly(plan, transform, self.discloses, tail)

    def leaving(self, plan: EndpointPlan) -> Leaving | None:
        """Return what is done to the answers of *plan* before they leave, None when nothing is."""
        purging = Purging(plan.purges, self.purges) if plan.purges else None
        steps = Leaving(
            purging, self.timing(plan), self._provenance(plan), self.finishes.of(plan), self.compressing(plan)
        )
        found = leaving_of(steps)
        return None if found is None else self.same(found)

    def routine(
        self, plan: EndpointPlan, order: Order, effects: tuple[Effect, ...], gates: tuple[Gate, ...] = (),
        gates_behind: tuple[Gate, ...] = (), shadows: tuple[Shadow, ...] = (), storing: Storing | None = None,
    ) -> Routine:  # fmt: skip
        """Return how *plan* is served, the same for all that are served alike."""
        assembly = self.assembly(plan)
        return self.same(
            Routine(
                inputs=self.inputs(plan.inputs, plan.pattern.params),
                order=order,
                assembly=assembly,
                effects=effects,
                queue=self.queue,
                report=self.report,
                discloses=self.discloses,
                budget=plan.timeout - plan.reserve,
                clock=self.clock,
                gates=gates,
                gates_behind=gates_behind,
                storing=storing,
                trusted=self.trusted,
                asked_deadline=self.asked_deadline,
                keeping=self.keeping(plan),
                idempotency=self.idempotency(plan),
                shadows=Shadows(shadows, self.shadows, self.pressure) if shadows else None,
                leaving=self.leaving(plan),
                tracing=self.tracing,
            )
        )
