"""The demo upstream as a server on a loopback port of its own choosing, inside the process that uses it."""

from __future__ import annotations

import asyncio
import logging

from aggregator.demo.directory import demo_target
from aggregator.demo.listening import Listening
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

    *latency* scales the services' usual delays of 20 to 120 ms; 0 makes them answer at once. ``router`` finds what
    answers a request, ``listening`` has the connections.
    """

    def __init__(self, latency: float = 1.0) -> None:
        self.port = 0
        self._is_open = False
        self._latency = latency
        self.router = Router([Users(), Posts(), Shop(), Reviews(), Analytics(), Weather(), Market(), Lab()])
        self.listening = Listening(self.answer, "aggregator-demo")

    async def start(self) -> None:
        """Listen on a free port, told by ``port`` from then on. Does nothing when already started."""
        if not self._is_open:
            self.port, self._is_open = await self.listening.start("127.0.0.1", 0), True

    async def aclose(self) -> None:
        """Stop listening and end every connection; no task of the server is left when this returns."""
        self._is_open = False
        await self.listening.aclose()

    def url(self, service: str) -> str:
        """Return the base URL of *service* while the server runs: ``http://127.0.0.1:PORT/shop``."""
        return f"http://127.0.0.1:{self.port}{demo_target(service)}"

    async def answer(self, request: Request) -> Response:
        """Return the response of a service to *request*, after its usual delay."""
        try:
            handler, latency = self.router.find(request)
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
