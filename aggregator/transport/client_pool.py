"""The lean door over any `httpx.AsyncClient`: mock transports, HTTP/2, proxies, stock httpx."""

from __future__ import annotations

import httpx

from aggregator.transport.pool import Pool
from aggregator.transport.settings import PoolSettings


class ClientPool(Pool):
    """The interface and the rules of `Pool`, carried out by *client*, which stays the caller's to close."""

    def __init__(self, settings: PoolSettings, client: httpx.AsyncClient) -> None:
        super().__init__(settings)
        self.client = client
