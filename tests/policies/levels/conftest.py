"""Processes of one file over the store of a machine, or a server; each module of tests names its ``KIND`` of them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from sharing import Machine
from tiers import starts_processes
from valkey import Valkey

from aggregator.stores.shared.connected import ConnectedStore
from tests.policies.conftest import START, Served


class Process(Served):
    """One of several processes; its upstreams answer *reply*, else how often they were asked."""

    text: str
    """The file, but for the version, with places for ``str.format``: *url* is that of the store, which stands last."""

    def __init__(self, folder: Path, place: Machine | str) -> None:
        self._machine = place if isinstance(place, Machine) else None
        self.count = 0
        self.reply: httpx.Response | None = None
        self.asked: Any = None
        text = self.text.format(url=place)
        super().__init__(folder, text if self._machine is None else text[: text.index("store:")], self.respond)

    def before(self) -> None:
        """Lead to the store of the machine."""
        if self._machine is not None:
            self.app.running.stores.memory = self._machine.way

    async def respond(self, request: httpx.Request) -> httpx.Response:
        """Answer as an upstream."""
        self.count += 1
        if self.asked is not None:
            await self.asked(request)
        made = httpx.Response(200, json=self.count, headers={"cache-control": "max-age=3600", "etag": '"1"'})
        return self.reply or made

    @property
    def store(self) -> ConnectedStore:
        """Its way to the store."""
        running = self.app.running
        found: ConnectedStore = running.stores.found(running.plan.store)
        return found

    def answer(self, path: str, **options: Any) -> httpx.Response:
        """Return the answer to a GET, once what it left is in the store."""
        found: httpx.Response = self.run(self.settled("GET", path, **options))
        return found

    def ask_for(self, path: str, method: str = "GET") -> tuple[int, Any, bool]:
        """Return status and body of an answer, and whether upstreams were asked, once what it left is in the store."""
        before = self.count
        answer = self.run(self.settled(method, path))
        return answer.status_code, answer.json() if answer.content else None, self.count > before

    async def settled(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Return an answer, once what it left is in the store."""
        answer = await self.ask(method, path, **options)
        await self.settle()
        return answer

    async def settle(self) -> None:
        """Wait for what goes to the store, and for calls in the background."""
        kept = self.app.running.states.each("replies").values()
        await asyncio.sleep(0)
        while not self.store.level.is_idle or any(one.refreshing for one in kept) or self._makes():  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0)
        await asyncio.sleep(0)

    async def reach_store(self) -> None:
        """Wait for what goes to the store."""
        while not self.store.level.is_idle:  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0)

    def _makes(self) -> bool:
        """Return whether answers are being made."""
        routines = [route.handler.routine for route in self.app.running.generation.routes]
        return any(one.keeping is not None and one.keeping.flying for one in routines)


@pytest.fixture(scope="module")
@starts_processes
def redis() -> Iterator[Valkey]:
    """Return a server."""
    server = Valkey()
    try:
        yield server.start()
    finally:
        server.close()


@pytest.fixture(params=["supervisor", pytest.param("redis", marks=pytest.mark.processes)])
def place(request: Any) -> Machine | str:
    """Return the store of a machine, or the address of a server."""
    if request.param == "supervisor":
        return Machine(START)
    server: Valkey = request.getfixturevalue("redis")
    server.ask("FLUSHALL")
    return server.url


@pytest.fixture
def processes(request: Any, tmp_path: Path, place: Machine | str) -> Iterator[list[Process]]:
    """Return two processes of one file."""
    yield from started(request.module.KIND, tmp_path, place)


@pytest.fixture
def machine() -> Machine:
    """Return the store of a machine."""
    return Machine(START)


@pytest.fixture
def workers(request: Any, tmp_path: Path, machine: Machine) -> Iterator[list[Process]]:
    """Return two processes of one machine."""
    yield from started(request.module.KIND, tmp_path, machine)


def started(kind: type[Process], folder: Path, place: Machine | str) -> Iterator[list[Process]]:
    """Yield two processes of *kind* with the store at *place*."""
    with ExitStack() as stack:
        made = [kind(folder, place) for _ in range(2)]
        for process in made:
            stack.callback(process.close)
        yield made
