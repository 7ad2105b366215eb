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
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial

import httpx

from aggregator.errors import ConfigError, StartupError
from aggregator.parts.events import NO_LISTENERS, Listeners, Visitors
from aggregator.plan.switching import switched
from aggregator.plan.types import Plan
from aggregator.policies.degrade.pressure import Pressure
from aggregator.policies.registry import Registry
from aggregator.runtime.background.durable.outbox import Outbox
from aggregator.runtime.background.effects import EffectQueue, all_settled
from aggregator.runtime.background.shadows import ShadowQueue
from aggregator.runtime.client import SharedClient
from aggregator.runtime.plugins.functions import Plugins
from aggregator.server.changes.change import Change, Changes
from aggregator.server.generations.building import Builder
from aggregator.server.generations.generation import Generation
from aggregator.server.generations.lasting import Keeps, Lasting
from aggregator.server.generations.observing import Observers, tell_nobody
from aggregator.server.generations.outcomes import Outcomes
from aggregator.server.generations.plan_source import PlanSource
from aggregator.server.generations.preparing import NO_ENDPOINTS, Prepared
from aggregator.server.generations.reload import ReloadOutcome, Verdict
from aggregator.server.generations.switching import Switching
from aggregator.server.limiting.load import Load
from aggregator.server.limiting.peers import Peers
from aggregator.server.metrics.counting import Counts
from aggregator.server.sharing.joining import Joining
from aggregator.server.sharing.stores import Stores
from aggregator.transport import Door


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
        self.answers = self._lasting.answers
        self._transport = transport
        self._client: SharedClient | None = None
        self.stores = Stores(Joining(self.states, self.switching))
        self._builder: Builder | None = None
        self._stop_by: float | None = None
        self._stack = AsyncExitStack()
        self._turn = asyncio.Lock()
        self.tell_last: Callable[[], Awaitable[None]] = tell_nobody  # awaited by `close` when nothing more is counted
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
        """The number of requests in flight, those of earlier generations included."""
        current = () if self.generation is None else (self.generation,)
        return sum(one.in_flight for one in (*self._ending, *current))

    async def open(self) -> None:
        """Open the client and build the first generation, unless that was done. Raises ``StartupError``."""
        if self.generation is not None:
            return
        self.draining, self._stop_by = False, None
        self.queue = EffectQueue(self.plan.background, self._listeners.effects)
        self.shadows = ShadowQueue()
        self._turn = asyncio.Lock()
        try:
            self._client = SharedClient(
                self.plan.client, self._transport, partial(all_settled, self.queue, self.shadows)
            )
            self._stack.push_async_callback(self._client.aclose)
            self._stack.push_async_callback(self.stores.aclose)
            self._builder = Builder(
                self._client, self.plugins, self.queue, self.shadows, self.outbox, self.pressure, self.load,
                self.states, self.stores, self._lasting, self._listeners, self._clock, self._stack,
                watched=self._transport is None,
            )  # fmt: skip
            observers = self.observers.for_plan(self.plan)
            await self._lasting.open(self.plan, self._stack)
            await self.stores.of(self.plan.store)  # which knows what other machines have switched off
            offs = self.switching.offs(self.loaded)
            self.plan = switched(self.loaded, offs)
            self.generation = await self._build(self.first_number, self.plan, None, observers)
            self.generation.begin()
            self._lasting.serving()
            self.outbox.configure(self.plan.background, self.generation.deliveries, self.plan.secrets)
            self.switching.serving(self.loaded, offs)
            self.pressure.configure(self.plan.server.degrade)
            self.observers = observers.begin(self.plan, self.observers)
        except BaseException:
            await self._close_all()
            raise

    @property
    def metrics(self) -> Counts | None:
        """The metrics; None when the file declares none."""
        return self.observers.metrics

    async def _build(self, number: int, plan: Plan, previous: Generation | None, observers: Observers) -> Generation:
        assert self._builder is not None
        return await self._builder.build(number, plan, previous, observers)

    def _limit_clients(self, plan: Plan) -> None:
        self.load.configure(plan.server.limits)
        self.peers.configure(plan.server.limits.connections_per_address, plan.server.trusted_proxies)

    async def reload(self, *, asked: bool = True) -> ReloadOutcome:
        """Load, check and build a new generation beside the running one, and swap; on any problem change nothing.

        Unless somebody *asked* for it, the same texts with the same problems are not refused, and told, again.
        """
        found = await self.prepare(asked=asked)
        return self.commit(found) if isinstance(found, Prepared) else found

    async def prepare(self, *, asked: bool = True) -> Prepared | ReloadOutcome:
        """Do all of a reload but the swap. With a `Prepared`, the caller holds the turn until `commit` or `drop`."""
        await self._turn.acquire()
        try:
            found = await self._prepare(asked=asked)
        except BaseException:
            self._turn.release()
            raise
        if not isinstance(found, Prepared):
            self._turn.release()
        return found

    def commit(self, prepared: Prepared) -> ReloadOutcome:
        """Swap to the prepared generation; drop it when another one has been swapped in meanwhile."""
        if self.generation is not prepared.current:  # stopped meanwhile
            self.drop(prepared)
            return ReloadOutcome(Verdict.UNCHANGED, 0)
        self._turn.release()
        prepared.moving.commit()
        self.observers = prepared.observers.begin(prepared.plan, self.observers)
        self.changes.served(prepared.change, prepared.current.number, prepared.fresh.number)
        self.loaded = prepared.plan
        self.switching.serving(prepared.plan, prepared.offs)
        return self._swap(prepared.current, prepared.fresh, prepared.started)

    def drop(self, prepared: Prepared) -> None:
        """Drop the prepared generation; nothing has changed."""
        self._turn.release()
        prepared.moving.drop()
        prepared.fresh.retire()

    async def _prepare(self, *, asked: bool) -> Prepared | ReloadOutcome:
        current = self.generation
        if current is None:  # stopped while this waited for its turn
            return ReloadOutcome(Verdict.UNCHANGED, 0)
        started, plan = asyncio.get_running_loop().time(), None
        try:
            plan = await asyncio.to_thread(self._source.load)
            if plan.digest == current.plan.digest:
                self.plugins.tell_changed()
                return self.outcomes.unchanged(current.number, asked=asked)
            if current.routes and not plan.endpoints:
                return self.outcomes.refuse(current.number, NO_ENDPOINTS)
            between = partial(Change.between, self.loaded, plan, self.changes.texts, self._source.texts)
            change, observers = await asyncio.to_thread(between), self.observers.for_plan(plan)
            offs = self.switching.offs(plan)
            moving = await self._lasting.prepare(plan)
            build = self._build(current.number + 1, switched(plan, offs), current, observers)
            fresh = await moving.beside(build)
        except ConfigError as error:
            report = self._source.describe(error)
            return self.outcomes.refuse_problems(current.number, error, report, asked=asked)
        except Exception as error:  # a fault of ours must not end reloading
            return self.outcomes.refuse_failed(current.number, error, plan)
        return Prepared(plan, offs, observers, current, fresh, started, change, moving)

    async def switch(self) -> None:
        """Serve the loaded plan without what is switched off now; unchanged endpoints keep their handlers."""
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
        """Serve new requests by *fresh*, and retire *old*."""
        self.generation, self.plan = fresh, fresh.plan
        fresh.begin()
        self._lasting.serving()
        self.outbox.configure(fresh.plan.background, fresh.deliveries, fresh.plan.secrets)
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
        self.plugins.tell_changed()
        return outcome

    def stop_within(self, seconds: float) -> None:
        """Limit background calls to *seconds* from now, in place of the whole grace after ``close``."""
        self.draining = True
        self._stop_by = asyncio.get_running_loop().time() + seconds

    async def close(self) -> None:
        """Run the remaining background calls within the grace, then close everything."""
        self.draining = True
        self.switching.stop()
        self.pressure.stop()
        await self.queue.drain(self._grace())
        await self.outbox.close(self._grace())
        await self.shadows.abandon()
        if self.generation is not None:  # not told before
            self.plugins.tell_left_behind()
            await self.tell_last()
        await self._close_all()
        if self.generation is not None:
            self.generation.abandon()
            self.generation = None

    async def _close_all(self) -> None:
        observers, self.observers = self.observers, Observers(sample=self.observers.sample)
        await observers.close(self._grace())
        await self._stack.aclose()

    def _grace(self) -> float:
        if self._stop_by is None:
            return self.plan.server.shutdown_grace
        return max(0.0, self._stop_by - asyncio.get_running_loop().time())
