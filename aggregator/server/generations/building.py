"""Building of a generation: a plan made runnable with the resources that live as long as the application."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from contextlib import AsyncExitStack

from msgspec import Struct

from aggregator.brokers.opening import import_clients
from aggregator.demo.server import DemoServer
from aggregator.parts.events import Listeners
from aggregator.plan.analysis.walking import upstreams_in
from aggregator.plan.incoming.listening import ListenerTlsPlan
from aggregator.plan.serving import ServerPlan
from aggregator.plan.types import Plan
from aggregator.policies.degrade.pressure import Pressure
from aggregator.policies.registry import Registry
from aggregator.runtime.admission.building import Means, build_schemes
from aggregator.runtime.admission.schemes import Clocks
from aggregator.runtime.background.durable.outbox import Outbox
from aggregator.runtime.background.effects import EffectQueue
from aggregator.runtime.background.shadows import ShadowQueue
from aggregator.runtime.client import OpenedPools, SharedClient
from aggregator.runtime.observing.tracing import Tracing
from aggregator.runtime.plugins.functions import Plugins
from aggregator.runtime.resources import Resources
from aggregator.runtime.stack.asked import build_asked
from aggregator.server.generations.generation import Generation
from aggregator.server.generations.lasting import Lasting
from aggregator.server.generations.observing import Observers
from aggregator.server.limiting.load import Load
from aggregator.server.listeners.contexts import listener_context
from aggregator.server.process.memory import collection_paused
from aggregator.server.sharing.stores import Stores


class Builder(Struct, eq=False):
    """Builds the generations of an application that is open.

    They are *watched* where calls go through sockets of ours: whoever carries them otherwise knows where they go. The
    demo services are started, until *stack* is closed, by the first plan that calls them.
    """

    client: SharedClient
    plugins: Plugins
    queue: EffectQueue
    shadows: ShadowQueue
    outbox: Outbox
    pressure: Pressure
    load: Load
    states: Registry
    stores: Stores
    lasting: Lasting
    listeners: Listeners
    clock: Callable[[], float]
    stack: AsyncExitStack
    watched: bool
    demo: DemoServer | None = None

    async def build(self, number: int, plan: Plan, previous: Generation | None, observers: Observers) -> Generation:
        """Return the generation *number*, of *plan*, to take the place of *previous*. Raises ``StartupError``."""
        client = self.client
        if plan.plugins or self.plugins.code:
            await asyncio.to_thread(self.plugins.load, plan.plugins)
        if brokers := {one.pool.origin.scheme for one in upstreams_in(plan) if one.pool.broker is not None}:
            await asyncio.to_thread(import_clients, brokers)
        port = await self._demo_port(plan)
        await observers.prepare()
        opened = OpenedPools(client, port)
        resources = await self._resources(plan, opened, observers)
        contexts = await _contexts(plan.server, previous)
        with collection_paused():
            generation = await Generation.build(number, plan, resources, client, port, previous, self.load, opened)
        generation.contexts = contexts
        return generation

    async def _resources(self, plan: Plan, opened: OpenedPools, observers: Observers) -> Resources:
        client, states = self.client, self.states.draft()
        tracing = None if plan.traces is None else Tracing(plan.traces)
        store = await self.stores.of(plan.store)
        resources = Resources(
            opened.pool, self.plugins, self.queue, plan.server, states, observers.beside(self.listeners), self.clock,
            lambda: client.client, self.shadows, tracing, self.pressure, self.outbox,
            store, self.lasting.answers, watched=self.watched,
        )  # fmt: skip
        means = Means(
            states, lambda: client.client, lambda call: build_asked(call, resources), Clocks(self.clock), store
        )
        resources.judge_callers(build_schemes(plan.schemes, means))
        return resources

    async def _demo_port(self, plan: Plan) -> int | None:
        """Return where the demo services listen, None before a plan has called one."""
        if self.demo is None and any(upstream.demo for upstream in plan.upstreams):
            demo = DemoServer()
            await demo.start()
            self.demo = demo
            self.stack.push_async_callback(demo.aclose)
        return None if self.demo is None else self.demo.port


async def _contexts(plan: ServerPlan, previous: Generation | None) -> dict[str, ssl.SSLContext]:
    """Return the contexts of listeners that speak TLS, those anew of which a file or a setting has changed."""
    found: dict[str, ssl.SSLContext] = {}
    for role, tls in _spoken(plan).items():
        if previous is not None and _spoken(previous.plan.server).get(role) == tls:
            found[role] = previous.contexts[role]
        else:
            found[role] = await asyncio.to_thread(listener_context, tls)
    return found


def _spoken(plan: ServerPlan) -> dict[str, ListenerTlsPlan]:
    by_role = {"public": plan.tls, "admin": plan.admin.tls if plan.admin is not None else None}
    return {role: tls for role, tls in by_role.items() if tls is not None}
