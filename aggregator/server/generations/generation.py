"""A generation: one plan made runnable, with what it owns. Two may serve at the same time during a reload."""

from __future__ import annotations

import asyncio
import dataclasses
import ssl
import time
from collections.abc import Mapping

from aggregator.plan.analysis.walking import upstreams_in
from aggregator.plan.types import Plan
from aggregator.policies.registry import Draft
from aggregator.runtime.admission.building import docs_gates
from aggregator.runtime.background.durable.delivering.building import build_deliveries
from aggregator.runtime.background.durable.delivering.targets import NOWHERE
from aggregator.runtime.client import OpenedPools, PoolKey, SharedClient, pool_keys
from aggregator.runtime.finish.building import compile_finishes
from aggregator.runtime.hosts import Watches, watches
from aggregator.runtime.reporting import Report
from aggregator.runtime.request.gates import Gate
from aggregator.runtime.request_log import RequestLog
from aggregator.runtime.resources import Resources
from aggregator.runtime.stack.endpoint import build_endpoint
from aggregator.server.limiting.load import Load
from aggregator.server.routing.routes import EndpointRoute, Handler
from aggregator.server.routing.sites import Sites

_AT_ONCE = 32
"""Endpoints built between two looks at the event loop: a few milliseconds."""


class Generation:
    """The runnable form of *plan*. ``in_flight`` counts its requests; retired and idle, it gives up its pools.

    ``load`` lets its requests in, None when they are not limited. ``contexts`` are those of connections by
    TLS, by what is served there.
    """

    def __init__(
        self, number: int, plan: Plan, routes: tuple[EndpointRoute, ...], client: SharedClient,
        pools: frozenset[PoolKey], report: Report, states: Draft, load: Load | None = None,
    ) -> None:  # fmt: skip
        self.number = number
        self.plan = plan
        self.loaded_at = time.time()
        self.in_flight = 0
        self.retired = False
        self.routes = routes
        self.sites = Sites(plan, routes)
        self.index = self.sites.main.index if self.sites.is_one else None
        """Where every request finds its endpoint; None when that depends on its host."""
        self.route_of: dict[Handler, EndpointRoute] = {route.handler: route for route in routes}
        self.finish = compile_finishes(plan.server.edge, plan.server.prefixes)
        """What is done to each answer that comes from no endpoint."""
        self._client = client
        self._pools = pools
        self.report = report
        self.log = RequestLog()
        """Where connections write what came of them beside requests."""
        self.load = load
        self._states = states
        self.contexts: Mapping[str, ssl.SSLContext] = {}
        self.watches = Watches()
        """What watches over the hosts of upstreams while this generation serves."""
        self.with_hosts: tuple[str, ...] = ()
        """The upstreams that have several hosts: who is asked about them does not look through thousands of calls."""
        self.docs_gates: tuple[Gate, ...] = ()
        """What a request for the documentation has to pass."""
        self.opened: OpenedPools | None = None
        """The pools that only this generation has opened."""
        self.deliveries = NOWHERE
        """Where durable effects are delivered while this generation serves."""

    @classmethod
    async def build(
        cls, number: int, plan: Plan, resources: Resources, client: SharedClient, demo_port: int | None,
        previous: Generation | None = None, load: Load | None = None, opened: OpenedPools | None = None,
    ) -> Generation:  # fmt: skip
        """Return the generation of *plan*; endpoints that *previous* serves unchanged keep their routes.

        Requests are served meanwhile. *load* lets them in where the plan limits them, *opened* is what *resources* open
        pools by. Raises ``StartupError``.
        """
        upstreams = upstreams_in(plan)
        pools = frozenset(key for upstream in upstreams for key in pool_keys(upstream, demo_port))
        client.retain(pools)
        counted = load if plan.server.limits.counts_requests else None
        try:
            routes = await _routes(plan, resources, previous)
            made = cls(number, plan, routes, client, pools, resources.report, resources.states, counted)
            if previous is not None and previous.plan.digest == plan.digest:
                made.loaded_at = previous.loaded_at  # something was switched; no file was loaded
            made.with_hosts = tuple(upstream.name for upstream in upstreams if upstream.hosts is not None)
            if resources.watched:
                made.watches = watches(upstreams, client, demo_port, resources.pool, resources.states)
                await made.watches.prepare()
            if plan.state is not None or plan.background.durable.store == "shared":
                made.deliveries = build_deliveries(plan, resources)
            made.log = resources.log
            made.opened = opened
            made.docs_gates = docs_gates(plan.server.docs, resources.keeper)
            return made
        except BaseException:
            client.release(pools)
            if opened is not None:
                opened.give_back()
            raise

    def begin(self) -> None:
        """Serve from now on: the lasting states of policies take over the settings of this generation."""
        self._states.commit()
        self.watches.start()

    def leave(self) -> None:
        """Count a request as ended; release the resources after the last one of a retired generation."""
        self.in_flight -= 1
        if self.retired and self.in_flight == 0:
            self._release()

    def retire(self) -> None:
        """Take no new requests; close the pools that only this generation uses after its last request."""
        self.retired = True
        self.watches.stop()
        if self.in_flight == 0:
            self._release()

    def abandon(self) -> None:
        """Drop the pools without closing them: their owner has closed all of them."""
        self.retired, self._pools, self.opened = True, frozenset(), None
        self.watches.stop()

    def _release(self) -> None:
        pools, self._pools = self._pools, frozenset()
        self._client.release(pools)
        if self.opened is not None:
            self.opened.give_back()
        self.watches.close()


async def _routes(plan: Plan, resources: Resources, previous: Generation | None) -> tuple[EndpointRoute, ...]:
    same = previous is not None and _around(previous.plan) == _around(plan)
    known = {route.plan.digest: route for route in previous.routes} if previous is not None and same else {}
    handlers: list[Handler] = []
    for endpoint in plan.endpoints:
        route = known.get(endpoint.digest)
        handlers.append(build_endpoint(endpoint, resources) if route is None else route.handler)
        if route is None and len(handlers) % _AT_ONCE == 0:
            await asyncio.sleep(0)
    made = zip(plan.endpoints, handlers, strict=True)  # only now: handlers and their calls lie side by side
    return tuple(known.get(endpoint.digest) or EndpointRoute(endpoint, handler) for endpoint, handler in made)


def _around(plan: Plan) -> tuple[object, ...]:
    """Return what handlers are built from beside their endpoint: certificates are not among it."""
    server = dataclasses.replace(plan.server, tls=None, admin=None)
    return (server, plan.store, plan.schemes, plan.metrics, plan.traces, plan.recorder)
