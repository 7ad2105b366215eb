"""Everything that lives while the application runs: client, pools, workers, generations; and how they change.

``open`` and ``close`` are called by the lifespan, ``reload`` by the watcher and by SIGHUP.

    new        a plan, but no client and no generation
    open       `open`: one generation serves. `reload` builds another beside it and swaps, or refuses and changes
               nothing; those before it end their requests (`_ending`)
    draining   `stop_within`, `close`: probes tell it, background calls run to their end within the grace
    closed     `close`: as new; it may be opened again

Reloads take turns (`_turn`); one that finds the application stopped when its turn comes changes nothing.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial
from typing import Any, TypeVar

import httpx

from aggregator.demo.server import DemoServer
from aggregator.errors import ConfigError, StartupError, place_of
from aggregator.parts.events import NO_LISTENERS, Listeners, Visitors
from aggregator.plan.switching import switched
from aggregator.plan.types import Plan
from aggregator.policies.degrade.pressure import Pressure
from aggregator.policies.registry import Kind, Registry
from aggregator.runtime.admission.building import Means, build_schemes
from aggregator.runtime.admission.schemes import Clocks
from aggregator.runtime.background.durable.outbox import Outbox
from aggregator.runtime.background.effects import EffectQueue, all_settled
from aggregator.runtime.background.shadows import ShadowQueue
from aggregator.runtime.client import OpenedPools, SharedClient
from aggregator.runtime.observing.tracing import Tracing
from aggregator.runtime.plugins.functions import Plugins
from aggregator.runtime.resources import Resources
from aggregator.runtime.stack.asked import build_asked
from aggregator.server.changes.change import Change, Changes
from aggregator.server.generations.contexts import contexts_of
from aggregator.server.generations.generation import Generation
from aggregator.server.generations.lasting import Keeps, Lasting
from aggregator.server.generations.observing import Observers
from aggregator.server.generations.outcomes import Outcomes
from aggregator.server.generations.plan_source import PlanSource
from aggregator.server.generations.preparing import NO_ENDPOINTS, Prepared
from aggregator.server.generations.reload import ReloadOutcome, Verdict
from aggregator.server.generations.switching import Switching
from aggregator.server.limiting.load import Load
from aggregator.server.limiting.peers import Peers
from aggregator.server.metrics.counting import Counts
from aggregator.server.process.memory import collection_paused
from aggregator.server.sharing.joining import Joining
from aggregator.server.sharing.stores import Stores
from aggregator.telemetry.logging import log
from aggregator.transport import Door

_log = logging.getLogger("aggregator.server")

State = TypeVar("State")


class Running:
    """The running application."""

    def __init__(
        self, source: PlanSource, plan: Plan, transport: httpx.AsyncBaseTransport | None = None,
        listeners: Listeners = NO_LISTENERS, clock: Callable[[], float] = time.time, *, keeps_state: Keeps = "all",
    ) -> None:  # fmt: skip
        self.plan = self.loaded = plan
        """What is served, and what the files say: the same unless something is switched off."""
        self.switching = Switching(clock, self.switch)
        self.generation: Generation | None = None
        self._ending: list[Generation] = []
        self.draining = False
        self.outcomes = Outcomes(plan)
        self.observers = Observers()
        self.queue = EffectQueue(plan.background, listeners.effects)
        self.outbox = Outbox(clock)
        self.shadows = ShadowQueue()
        self.pressure = Pressure(lambda: (self.in_flight, self.load.waiting))
        self.load = Load(plan.server.limits)
        self.peers = Peers()
        self._limit_clients(plan)
        self.plugins = Plugins(source.folder)
        self._source = source
        self.changes = Changes(source.texts)
        self.states = Registry()
        self.visitors = Visitors()
        """Who listens to requests for a while."""
        self._listeners = listeners.beside(Listeners(visitors=self.visitors))
        self._clock = clock
        self._lasting = Lasting(self.switching, self.states, clock, self.outbox, keeps=keeps_state)
        self._transport = transport
        self._client: SharedClient | None = None
        self.stores = Stores(Joining(self.states, self.switching))
        self._demo: DemoServer | None = None
        self._stop_by: float | None = None
        self._stack = AsyncExitStack()
        self._turn = asyncio.Lock()
        self.first_number = 1  # of generations; another one when this process takes the place of one that had several

    @property
    def client(self) -> httpx.AsyncClient:
        """The one shared client; there is none before ``open``."""
        if self._client is None:
            raise StartupError("The application has not been started.")
        return self._client.client

    @property
    def pools(self) -> tuple[Door, ...]:
        """The open pools of all generations."""
        return () if self._client is None else self._client.pools

    @property
    def named_pools(self) -> dict[str, list[Door]]:
        """The open pools by the name of their upstream."""
        return {} if self._client is None else self._client.named_pools

    @property
    def in_flight(self) -> int:
        """How many requests are being answered, those of earlier generations included."""
        current = () if self.generation is None else (self.generation,)
        return sum(one.in_flight for one in (*self._ending, *current))

    def state(self, kind: Kind[Any, State], name: str) -> State | None:
        """Return the state *name* of a policy, None when nothing uses one."""
        found: State | None = self.states.find(kind.name, name)
        return found

    async def open(self) -> None:
        """Open the client and make the plan runnable, unless that was done; raises ``StartupError``."""
        if self.generation is not None:
            return
        self.draining, self._stop_by = False, None
        self._first, self._waiting = self.plan, ()
        self.queue = EffectQueue(self.plan.background, self._listeners.effects)
        self.shadows = ShadowQueue()
        self._turn = asyncio.Lock()
        try:
            self._client = SharedClient(
                self.plan.client, self._transport, partial(all_settled, self.queue, self.shadows)
            )
            self._stack.push_async_callback(self._client.aclose)
            self._stack.push_async_callback(self.stores.aclose)
            observers = self.observers.for_plan(self.plan)
            await self._lasting.open(self.plan, self._stack)
            await self.stores.of(self.plan.store)  # which knows what other machines have switched off
            offs = self.switching.offs(self.loaded)
            self.plan = switched(self.loaded, offs)
            self.generation = await self._build(self.first_number, self.plan, None, observers)
            self.generation.begin()
            self._lasting.serving()
            self.outbox.configure(self.plan.background, self.generation.deliveries)
            self.switching.serving(self.loaded, offs)
            self.pressure.configure(self.plan.server.degrade)
            self._observe(observers, self.plan)
        except BaseException:
            await self._close_all()
            raise

    @property
    def metrics(self) -> Counts | None:
        """What is counted, None where nothing is."""
        return self.observers.metrics

    def _observe(self, observers: Observers, plan: Plan) -> None:
        observers.begin(plan, self.observers)
        self.observers = observers

    async def _build(self, number: int, plan: Plan, previous: Generation | None, observers: Observers) -> Generation:
        client = self._client
        assert client is not None
        if plan.plugins:
            await asyncio.to_thread(self.plugins.load, plan.plugins)
        await self._start_demo(plan)
        await observers.prepare()
        port = None if self._demo is None else self._demo.port
        watched = self._transport is None  # whoever carries the calls knows where they go
        opened = OpenedPools(client, port)
        states = self.states.draft()
        listeners = observers.beside(self._listeners)
        tracing = None if plan.traces is None else Tracing(plan.traces)
        resources = Resources(
            opened.pool, self.plugins, self.queue, plan.server, states, listeners, self._clock,
            lambda: client.client, self.shadows, tracing, self.pressure, self.outbox,
            await self.stores.of(plan.store), self._lasting.answers, watched=watched,
        )  # fmt: skip
        means = Means(states, lambda: client.client, lambda call: build_asked(call, resources), Clocks(self._clock))
        resources.judge_callers(build_schemes(plan.schemes, means))
        contexts = await contexts_of(plan.server, previous)
        with collection_paused():
            generation = await Generation.build(number, plan, resources, client, port, previous, self.load, opened)
        generation.contexts = contexts
        return generation

    def _limit_clients(self, plan: Plan) -> None:
        self.load.configure(plan.server.limits)
        self.peers.configure(plan.server.limits.connections_per_address, plan.server.trusted_proxies)

    async def _start_demo(self, plan: Plan) -> None:
        if self._demo is None and any(upstream.demo for upstream in plan.upstreams):
            demo = DemoServer()
            await demo.start()
            self._demo = demo
            self._stack.push_async_callback(demo.aclose)

    async def reload(self, *, asked: bool = True) -> ReloadOutcome:
        """Load, check and build a new generation beside the running one, and swap; on any problem change nothing.

        Unless somebody *asked* for it, the same texts with the same problems are not refused, and told, again.
        """
        async with self._turn:
            found = await self._prepare(asked=asked)
            return self._commit(found) if isinstance(found, Prepared) else found

    async def prepare(self) -> Prepared | ReloadOutcome:
        """Do all of a reload but the swap; who got it `Prepared` has the turn until `commit` or `drop`."""
        await self._turn.acquire()
        try:
            found = await self._prepare(asked=True)
        except BaseException:
            self._turn.release()
            raise
        if not isinstance(found, Prepared):
            self._turn.release()
        return found

    def commit(self, prepared: Prepared) -> ReloadOutcome:
        """Serve what was prepared."""
        self._turn.release()
        return self._commit(prepared)

    def drop(self, prepared: Prepared) -> None:
        """Give up what was prepared; nothing has changed."""
        self._turn.release()
        prepared.fresh.retire()

    async def _prepare(self, *, asked: bool) -> Prepared | ReloadOutcome:
        current = self.generation
        if current is None:  # stopped while this waited for its turn
            return ReloadOutcome(Verdict.UNCHANGED, 0)
        started = asyncio.get_running_loop().time()
        try:
            plan = await asyncio.to_thread(self._source.load)
            if plan.digest == current.plan.digest:
                self._tell_stale_plugins()
                return self.outcomes.unchanged(current.number, asked=asked)
            if current.routes and not plan.endpoints:
                return self.outcomes.refuse(current.number, NO_ENDPOINTS)
            between = partial(Change.between, self.loaded, plan, self.changes.texts, self._source.texts)
            change, observers = await asyncio.to_thread(between), self.observers.for_plan(plan)
            offs = self.switching.offs(plan)
            await self._lasting.follow(plan)
            fresh = await self._build(current.number + 1, switched(plan, offs), current, observers)
        except ConfigError as error:
            report = self._source.describe(error)
            return self.outcomes.refuse_problems(current.number, error, report, asked=asked)
        except StartupError as error:
            return self.outcomes.refuse(current.number, str(error))
        except Exception as error:  # a fault of ours must not end reloading
            _log.debug("The fault.", exc_info=error)
            return self.outcomes.refuse(current.number, f"It failed by a fault of the program: {place_of(error)}")
        return Prepared(plan, offs, observers, current, fresh, started, change)

    def _commit(self, made: Prepared) -> ReloadOutcome:
        if self.generation is not made.current:  # stopped meanwhile
            made.fresh.retire()
            return ReloadOutcome(Verdict.UNCHANGED, 0)
        self._observe(made.observers, made.plan)
        self.changes.served(made.change, made.current.number, made.fresh.number)
        self.loaded = made.plan
        self.switching.serving(made.plan, made.offs)
        return self._swap(made.current, made.fresh, made.started)

    async def switch(self) -> None:
        """Serve what the files say without what is switched off now; unchanged endpoints stay as they are."""
        async with self._turn:
            current, plan = self.generation, self.loaded
            if current is None or self.draining or self.switching.is_served(plan):
                return
            offs = self.switching.offs(plan)
            fresh = await self._build(current.number + 1, switched(plan, offs), current, self.observers)
            if self.generation is not current:  # stopped meanwhile
                fresh.retire()
                return
            self.switching.serving(plan, offs)
            self._serve(current, fresh)

    def now(self) -> float:
        """Return the time of the clock on the wall, in seconds since 1970."""
        return self._clock()

    def _serve(self, old: Generation, fresh: Generation) -> None:
        """Let requests that come from now on be served by *fresh*."""
        self.generation, self.plan = fresh, fresh.plan
        fresh.begin()
        self._lasting.serving()
        self.outbox.configure(fresh.plan.background, fresh.deliveries)
        old.retire()
        self._ending = [one for one in (*self._ending, old) if one.in_flight]
        self.stores.keep({fresh.plan.store, *(one.plan.store for one in self._ending)})

    def _swap(self, old: Generation, fresh: Generation, started: float) -> ReloadOutcome:
        assert self._client is not None
        self._serve(old, fresh)
        self.queue.configure(fresh.plan.background)
        self._limit_clients(fresh.plan)
        self.pressure.configure(fresh.plan.server.degrade)
        self._client.configure(fresh.plan.client)
        seconds = asyncio.get_running_loop().time() - started
        said = "A new configuration is served."
        outcome = self.outcomes.swapped(fresh.number, self.loaded, seconds, said=said)
        self._tell_stale_plugins()
        return outcome

    def _tell_stale_plugins(self) -> None:
        if stale := self.plugins.changed():
            log(_log, logging.WARNING, "Plug-ins have changed; restart the server to run the new code.", plugins=stale)

    def stop_within(self, seconds: float) -> None:
        """Let background calls have *seconds* from now, instead of the whole grace from ``close`` on."""
        self.draining = True
        self._stop_by = asyncio.get_running_loop().time() + seconds

    async def close(self) -> None:
        """Run what is left of the background calls within the grace, then close everything."""
        self.draining = True
        self.switching.stop()
        self.pressure.stop()
        await self.queue.drain(self._grace())
        await self.outbox.close(self._grace())
        await self.shadows.abandon()
        if self.generation is not None:  # not told before
            self.plugins.tell_left_behind()
        await self._close_all()
        if self.generation is not None:
            self.generation.abandon()
            self.generation = None

    async def _close_all(self) -> None:
        observers, self.observers = self.observers, Observers(sample=self.observers.sample)
        await observers.close(self._grace())
        await self._stack.aclose()
        self._demo = None

    def _grace(self) -> float:
        if self._stop_by is None:
            return self.plan.server.shutdown_grace
        return max(0.0, self._stop_by - asyncio.get_running_loop().time())
