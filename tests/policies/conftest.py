"""An application over a played network, on a clock that only the test moves."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import httpx
import pytest

from aggregator import create_app

START = 1_800_000_000.0
Respond = Callable[[httpx.Request], Any]


class Served:
    """The application of *text*; upstreams answer by *respond*, which may return a coroutine."""

    def __init__(self, folder: Path, text: str, respond: Respond | None = None) -> None:
        self.now = START
        self.requests: list[httpx.Request] = []
        self._clients: dict[str, httpx.AsyncClient] = {}
        self._respond = respond or (lambda _: httpx.Response(200, json={"ok": True}))
        self.path = folder / "routes.yaml"
        self.path.write_text(f"version: 1\n{dedent(text)}")
        transport = httpx.MockTransport(self._answer)
        self.app: Any = create_app(self.path, transport=transport, clock=lambda: self.now)
        self.before()
        self._runner = asyncio.Runner()
        self._lifespan = self.app.router.lifespan_context(self.app)
        self._runner.run(self._lifespan.__aenter__())

    def before(self) -> None:
        """Change the application before it starts."""

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        found = self._respond(request)
        response: httpx.Response = await found if isinstance(found, Awaitable) else found
        return response

    @property
    def lines(self) -> list[str]:
        """The requests that upstreams got, as ``METHOD path?query``."""
        return [f"{request.method} {request.url.raw_path.decode()}" for request in self.requests]

    async def ask(self, method: str, path: str, *, address: str = "192.0.2.1", **options: Any) -> httpx.Response:
        """Return the answer to one request from *address*."""
        client = self._clients.get(address)
        if client is None:
            transport = httpx.ASGITransport(self.app, client=(address, 1234))
            client = self._clients[address] = httpx.AsyncClient(transport=transport, base_url="http://gateway")
        response = await client.request(method, path, **options)
        client.cookies.clear()
        return response

    def run(self, work: Awaitable[Any]) -> Any:
        """Return what *work* comes to, in the loop of the application."""

        async def wait() -> Any:
            return await work

        return self._runner.run(wait())

    def get(self, path: str, **options: Any) -> httpx.Response:
        """Return the answer to a GET."""
        response: httpx.Response = self.run(self.ask("GET", path, **options))
        return response

    def statuses(self, path: str, times: int, **options: Any) -> list[int]:
        """Return the statuses of so many GETs, one after another."""
        return [self.get(path, **options).status_code for _ in range(times)]

    def reload(self, text: str) -> Any:
        """Write another file and load it."""
        return self.run(self.load(text))

    async def load(self, text: str) -> Any:
        """Do so while other things go on."""
        self.path.write_text(f"version: 1\n{dedent(text)}")
        return await self.app.running.reload()

    def close(self) -> None:
        """Stop the application."""
        for client in self._clients.values():
            self._runner.run(client.aclose())
        self._runner.run(self._lifespan.__aexit__(None, None, None))
        self._runner.close()


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Served]]:
    """Serves files until the test ends."""
    started: list[Served] = []

    def start(text: str, respond: Respond | None = None) -> Served:
        started.append(Served(tmp_path, text, respond))
        return started[-1]

    yield start
    for one in started:
        one.close()


@pytest.fixture
def jump(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Return what moves the clock of event loops by so many seconds, ahead or back."""
    moved, real = [0.0], asyncio.SelectorEventLoop.time
    monkeypatch.setattr(asyncio.SelectorEventLoop, "time", lambda loop: real(loop) + moved[0])

    def by(seconds: float) -> None:
        moved[0] += seconds

    return by
