"""FastAPI as it serves declared endpoints: found by an index, and without dependency solving."""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from typing import Any

from fastapi import FastAPI
from starlette.datastructures import URLPath
from starlette.routing import BaseRoute, NoMatchFound
from starlette.types import Message, Receive, Scope, Send

from aggregator.errors import AggregatorError
from aggregator.server.connection.direct import DirectDoor
from aggregator.server.generations.generation import Generation
from aggregator.server.generations.running import Running
from aggregator.server.routing.dispatch import Dispatcher
from aggregator.server.routing.routes import EndpointRoute


class Application(FastAPI):
    """FastAPI whose declared endpoints are found by an index and served without dependency solving."""

    running: Running
    dispatcher: Dispatcher
    _bare: bool | None = None

    @property
    def routes(self) -> list[BaseRoute]:
        """All routes: those of FastAPI and those that the configuration declares."""
        generation = self.running.generation
        declared = generation.routes if generation is not None else map(EndpointRoute, self.running.plan.endpoints)
        return [*self.router.routes, *declared]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a declared endpoint at once, unless something has been put around the application."""
        if scope["type"] == "http" and self.is_bare():
            scope["app"] = self
            if await self.dispatcher.answered(scope, receive, send):
                return
        if scope["type"] == "lifespan":
            send = _told_in_one_line(send)
        await super().__call__(scope, receive, send)

    def url_path_for(self, name: str, /, **path_params: Any) -> URLPath:
        """Return the path of the route *name*, be it of FastAPI or declared; raises ``NoMatchFound``."""
        for route in self.routes:
            with suppress(NoMatchFound):
                return route.url_path_for(name, **path_params)
        raise NoMatchFound(name, path_params)

    def is_bare(self) -> bool:
        """Return whether nothing stands between a request and its endpoint: no middleware, telemetry or prefix."""
        if self._bare is None:
            telemetry = getattr(self, "_native_telemetry", None)
            self._bare = not (self.user_middleware or self.root_path or (telemetry and telemetry.enabled()))
        return self._bare

    @property
    def door(self) -> DirectDoor:
        """The way to endpoints that need no ASGI; closed while the server drains."""
        return DirectDoor(self._reached_directly)

    def _reached_directly(self) -> Generation | None:
        running = self.running
        return running.generation if not running.draining and (self._bare or self.is_bare()) else None


def _told_in_one_line(send: Send) -> Send:
    """Return *send* without the traceback that Starlette tells the server of when a lifespan fails."""

    async def told(message: Message) -> None:
        if message["type"].endswith(".failed"):
            error = sys.exception()
            if isinstance(error, AggregatorError | asyncio.CancelledError):  # the latter when nobody waits any more
                message = {**message, "message": str(error)}
        await send(message)

    return told
