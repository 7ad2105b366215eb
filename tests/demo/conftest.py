"""A demo server without delays, and a client that talks to one of its services."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import httpx
import pytest

from aggregator.demo.messages import Request, Response
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


def answered(method: str, url: str, body: Any = None, server: DemoServer | None = None, **headers: str) -> Response:
    """Return the answer to one request; *body* is bytes, or becomes JSON."""
    path, _, query = url.partition("?")
    sent = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    request = Request(method, path, dict(parse_qsl(query, keep_blank_values=True)), fields, sent)
    return asyncio.run((server or DemoServer(0)).answer(request))


def data_of(response: Response) -> Any:
    """Return the body of *response* as data."""
    assert isinstance(response.body, bytes)
    return json.loads(response.body)


def whole(response: Response) -> bytes:
    """Return the body of *response*, which may be a stream."""
    if isinstance(response.body, bytes):
        return response.body
    stream = response.body

    async def read() -> bytes:
        return b"".join([piece async for piece in stream])

    return asyncio.run(read())
