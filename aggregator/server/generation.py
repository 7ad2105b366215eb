"""A generation: one plan made runnable, with what it owns. Two may serve at the same time during a reload."""

from __future__ import annotations

import time

from aggregator.plan.walking import calls_in
from aggregator.plan.types import EndpointPlan, Plan, UpstreamPlan
from aggregator.runtime.client import SharedClient, pool_key
from aggregator.runtime.handler import EndpointHandler
from aggregator.runtime.stack import Resources, build_endpoint
from aggregator.runtime.streaming import StreamHandler
from aggregator.server.index import RouteIndex
from aggregator.server.routes import EndpointRoute

Handler = EndpointHandler | StreamHandler


class Generation:
    """The runnable form of *plan*. ``in_flight`` counts its requests; retired and idle, it gives up its pools."""

    def __init__(
        self, number: int, plan: Plan, resources: Resources, client: SharedClient, demo_port: int | None,
        previous: Generation | None = None,
    ) -> None:  # fmt: skip
        self.number = number
        self.plan = plan
        self.loaded_at = time.time()
        self.in_flight = 0
        self.retired = False
        self._client = client
        self._released = False
        self._pools = frozenset(pool_key(upstream, demo_port) for upstream in _upstreams(plan))
        client.retain(self._pools)
        try:
            self.routes = self._build(plan, resources, previous)
        except BaseException:
            client.release(self._pools)
            raise
        self.index: RouteIndex[EndpointRoute] = RouteIndex(
            (route.plan.method, route.plan.pattern, route) for route in self.routes
        )

    def _build(self, plan: Plan, resources: Resources, previous: Generation | None) -> tuple[EndpointRoute, ...]:
        known = (
            {}
            if previous is None or previous.plan.server != plan.server
            else {r.plan.digest: r for r in previous.routes}
        )
        return tuple(known.get(endpoint.digest) or _route(endpoint, resources) for endpoint in plan.endpoints)

    def leave(self) -> None:
        """Count a request as ended."""
        self.in_flight -= 1
        if self.retired and self.in_flight == 0:
            self._release()

    def retire(self) -> None:
        """Serve no new requests; pools that only this generation uses are closed after its last one."""
        self.retired = True
        if self.in_flight == 0:
            self._release()

    def _release(self) -> None:
        if not self._released:
            self._released = True
            self._client.release(self._pools)


def _route(plan: EndpointPlan, resources: Resources) -> EndpointRoute:
    return EndpointRoute(plan, build_endpoint(plan, resources))


def _upstreams(plan: Plan) -> set[UpstreamPlan]:
    found = set(plan.upstreams)
    for endpoint in plan.endpoints:
        found.update(call.upstream for call in calls_in(endpoint.fan))
        found.update(effect.call.upstream for effect in endpoint.effects)
    return found
