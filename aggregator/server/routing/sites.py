"""The endpoints of each host that a generation serves, and which of them a request is for."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from aggregator.edge.forwarded import origin_of
from aggregator.edge.hosts import Hosts
from aggregator.http import HeaderList
from aggregator.plan.types import Plan
from aggregator.server.routing.index import RouteIndex
from aggregator.server.routing.preflights import Preflights
from aggregator.server.routing.routes import EndpointRoute, Handler
from aggregator.templates import OwnPaths, own_paths


class Site(Struct, frozen=True, eq=False):
    """The endpoints of a virtual host by its *name*, or (empty) of all other hosts."""

    name: str
    index: RouteIndex[Handler]
    preflights: Preflights | None


class Sites:
    """The sites of *plan* by the host that a request is for; behind trusted proxies that is whom they name."""

    __slots__ = ("_hosts", "_trusted", "main")

    def __init__(self, plan: Plan, routes: Iterable[EndpointRoute]) -> None:
        grouped: dict[str, list[EndpointRoute]] = {"": [], **{name: [] for name in plan.virtual_hosts}}
        for route in routes:
            grouped[route.plan.host].append(route)
        docs = None if plan.server.docs is None else plan.server.docs.path
        own = own_paths(docs=docs, metrics=plan.metrics is not None and plan.server.admin is None)
        sites = {name: _site(name, found, own, plan) for name, found in grouped.items()}
        self.main = sites.pop("")
        self._hosts = Hosts(self.main, sites) if sites else None
        self._trusted = plan.server.trusted_proxies

    @property
    def is_one(self) -> bool:
        """Whether every host has the same endpoints."""
        return self._hosts is None

    def of(self, host: bytes, headers: HeaderList, peer: str, scheme: str) -> Site:
        """Return the site of a request from *peer* whose ``Host`` field is *host*, empty for none."""
        if self._hosts is None:
            return self.main
        if not self._trusted.holds(peer):
            return self._hosts.of_field(host)
        return self._hosts.of_name(origin_of(peer, scheme, host.decode("latin-1"), headers, self._trusted).host)


def _site(name: str, routes: list[EndpointRoute], own: OwnPaths, plan: Plan) -> Site:
    index = RouteIndex[Handler](((one.plan.method, one.plan.pattern, one.handler) for one in routes), own)
    return Site(name, index, Preflights.of(index, (one.plan for one in routes), plan.server.edge))
