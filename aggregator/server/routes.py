"""Endpoints as routes of FastAPI's router: visible to tools that list routes, served through the index."""

from __future__ import annotations

from typing import Any

from starlette.routing import BaseRoute, Match, NoMatchFound
from starlette.types import Receive, Scope, Send

from aggregator.plan.types import EndpointPlan
from aggregator.runtime.handler import EndpointHandler
from aggregator.runtime.streaming import StreamHandler


class EndpointRoute(BaseRoute):
    """One declared endpoint. Requests reach it through the index, not by matching routes one after another."""

    def __init__(self, plan: EndpointPlan, handler: EndpointHandler | StreamHandler) -> None:
        self.plan = plan
        self.handler = handler

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
        """The methods that it answers to; HEAD follows from GET (RFC 9110 §9.3.2)."""
        return {"GET", "HEAD"} if self.plan.method == "GET" else {self.plan.method}

    @property
    def endpoint(self) -> EndpointHandler | StreamHandler:
        """What answers it."""
        return self.handler

    include_in_schema = True

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Never: the index has looked before the router does."""
        return Match.NONE, {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request whose parameters the index has found."""
        await self.handler(scope, receive, send, scope["aggregator.segments"])

    def url_path_for(self, name: str, /, **path_params: Any) -> Any:
        """Give the path of the endpoint *name* with *path_params* in it."""
        from starlette.datastructures import URLPath

        if name != self.name or set(path_params) != set(self.plan.pattern.params):
            raise NoMatchFound(name, path_params)
        path = self.path
        for key, value in path_params.items():
            path = path.replace(f"{{{key}}}", str(value)).replace(f"{{{key}:path}}", str(value))
        return URLPath(path=path, protocol="http")
