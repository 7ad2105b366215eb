"""The engine as a transport of httpx, for the shared `httpx.AsyncClient`."""

from __future__ import annotations

from collections.abc import Callable

import httpx

from aggregator.transport.pool import Pool
from aggregator.transport.settings import Origin, PoolSettings


class EngineTransport(httpx.AsyncBaseTransport):
    """Sends the requests of a client through pools: registered ones, others made by origin on demand.

    *settings* makes the settings of a pool on demand (``PoolSettings`` itself when left out).
    """

    def __init__(self, settings: Callable[[Origin], PoolSettings] = PoolSettings) -> None:
        self._settings = settings

    def register(self, pool: Pool) -> None:
        """Use *pool* for every request to its origin; it stays the caller's to close."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request; raises httpx exceptions alone."""
        raise NotImplementedError
