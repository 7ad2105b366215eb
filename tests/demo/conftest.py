"""A demo server without delays, and a client that talks to one of its services."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import httpx
import pytest

from aggregator.demo.server import DemoServer

T = TypeVar("T")
Scene = Callable[[DemoServer, httpx.AsyncClient], Awaitable[T]]
Stage = Callable[[Scene[T]], T]
Ask = Callable[..., httpx.Response]


@pytest.fixture
def stage() -> Stage[Any]:
    """Run a scene with a started server and a client, and close both."""

    def run(scene: Scene[T], latency: float = 0) -> T:
        async def main() -> T:
            server = DemoServer(latency)
            await server.start()
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}") as client:
                try:
                    return await scene(server, client)
                finally:
                    await server.aclose()

        return asyncio.run(main())

    return run


@pytest.fixture
def ask(stage: Stage[httpx.Response]) -> Ask:
    """Return the answer to one request: ``ask("shop", "/orders/1001")``."""

    def send(service: str, path: str, method: str = "GET", **options: Any) -> httpx.Response:
        return stage(lambda server, client: client.request(method, server.url(service) + path, **options))

    return send
