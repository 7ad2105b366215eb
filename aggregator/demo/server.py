"""The demo upstream as a server on a loopback port of its own choosing, inside the process that uses it."""

from __future__ import annotations

import asyncio
import logging

from aggregator.demo.connection import Connection
from aggregator.demo.directory import demo_target
from aggregator.demo.messages import DemoError, Request, Response, error_response
from aggregator.demo.routing import Router
from aggregator.demo.services.analytics import Analytics
from aggregator.demo.services.lab import Lab
from aggregator.demo.services.market import Market
from aggregator.demo.services.posts import Posts
from aggregator.demo.services.reviews import Reviews
from aggregator.demo.services.shop import Shop
from aggregator.demo.services.users import Users
from aggregator.demo.services.weather import Weather

_LOGGER = logging.getLogger(__name__)


class DemoServer:
    """Answers for every demo service on ``127.0.0.1``, each under its own path prefix.

    *latency* scales the services' usual delays of 20 to 120 ms; 0 makes them answer at once.
    """

    def __init__(self, latency: float = 1.0) -> None:
        self.port = 0
        self._latency = latency
        self._router = Router([Users(), Posts(), Shop(), Reviews(), Analytics(), Weather(), Market(), Lab()])
        self._server: asyncio.Server | None = None
        self._connections: set[Connection] = set()

    async def start(self) -> None:
        """Listen on a free port, told by ``port`` from then on. Does nothing when already started."""
        if self._server is not None:
            return
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Connection(self._answer, self._connections), "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def aclose(self) -> None:
        """Stop listening and end every connection; no task of the server is left when this returns."""
        if self._server is None:
            return
        server, self._server = self._server, None
        server.close()
        workers = [connection.worker for connection in self._connections if connection.worker is not None]
        for connection in tuple(self._connections):
            connection.close()
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
        await server.wait_closed()

    def url(self, service: str) -> str:
        """Return the base URL of *service* while the server runs: ``http://127.0.0.1:PORT/shop``."""
        return f"http://127.0.0.1:{self.port}{demo_target(service)}"

    async def _answer(self, request: Request) -> Response:
        try:
            handler, latency = self._router.find(request)
            response = handler(request)
        except DemoError as error:
            return error_response(error)
        except Exception:
            _LOGGER.exception("A demo service failed.")
            return error_response(DemoError(500, "bug", "The demo service failed."))
        delay = latency * self._latency + response.wait
        if delay:
            await asyncio.sleep(delay)
        return response
