"""Endpoints as routes of FastAPI's router: visible to tools that list routes, served through the index."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from starlette.datastructures import URLPath
from starlette.routing import BaseRoute, Match, NoMatchFound
from starlette.types import Receive, Scope, Send

from aggregator.edge.hosts import Hosts
from aggregator.errors import ExpressionError, StartupError
from aggregator.http import first
from aggregator.plan.types import EndpointPlan
from aggregator.runtime.endpoint.handler import EndpointHandler
from aggregator.runtime.streams.streaming import StreamHandler
from aggregator.server.routing.index import RouteIndex
from aggregator.server.routing.paths import path_of

Handler = EndpointHandler | StreamHandler


class EndpointRoute(BaseRoute):
    """One declared endpoint. Requests reach it through the index, not by matching routes one after another.

    Without a *handler*, which is so before the application runs, it can only be looked at.
    """

    include_in_schema = True

    def __init__(self, plan: EndpointPlan, handler: Handler | None = None) -> None:
        self.plan = plan
        self._handler = handler

    @property
    def handler(self) -> Handler:
        """The handler of the endpoint; raises ``StartupError`` before the application runs."""
        if self._handler is None:
            raise StartupError("The application has not been started.")
        return self._handler

    @property
    def path(self) -> str:
        """The path as it is declared."""
        return self.plan.pattern.source

    path_format = path

    @property
    def name(self) -> str:
        """The operationId of the endpoint."""
        return self.plan.doc.operation_id

    @property
    def methods(self) -> set[str]:
        """The methods of the endpoint; HEAD follows from GET (RFC 9110 §9.3.2)."""
        return {"GET", "HEAD"} if self.plan.method == "GET" else {self.plan.method}

    @property
    def endpoint(self) -> Handler | None:
        """The handler of the endpoint, if the application runs."""
        return self._handler

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Return whether this endpoint answers to *scope*, for tools that name a request by its route."""
        if scope["type"] != "http" or not self._is_for(scope):
            return Match.NONE, {}
        index = RouteIndex([(self.plan.method, self.plan.pattern, self)])
        try:
            found = index.find(self.plan.method, path_of(scope))
        except ExpressionError:
            found = None
        if found is None:
            return Match.NONE, {}
        child = {"aggregator.segments": found[1], "route": self}
        return (Match.FULL if scope["method"] in self.methods else Match.PARTIAL), child

    def _is_for(self, scope: Scope) -> bool:
        """Return whether *scope* asks for the host of this endpoint; one without a host takes any."""
        name = self.plan.host
        return not name or Hosts(False, {name: True}).of_field(first(scope["headers"], b"host") or b"")

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request whose parameters the index has found."""
        await self.handler(scope, receive, send, scope["aggregator.segments"])

    def url_path_for(self, name: str, /, **path_params: Any) -> URLPath:
        """Return the path of the endpoint *name* with *path_params* in it."""
        if name != self.name or set(path_params) != set(self.plan.pattern.params):
            raise NoMatchFound(name, path_params)
        path = self.path
        for key, value in path_params.items():
            path = path.replace(f"{{{key}}}", quote(str(value), safe="")).replace(f"{{{key}:path}}", quote(str(value)))
        return URLPath(path=path, protocol="http")
