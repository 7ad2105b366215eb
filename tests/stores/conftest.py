"""A clock that only tests move, coroutines run to their end, and a store of each kind."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from tiers import starts_processes
from valkey import Valkey

from aggregator.stores.contract import Store
from aggregator.stores.memory import MemoryStore
from aggregator.stores.redis.store import RedisStore
from aggregator.stores.shared.address import store_address
from aggregator.stores.socket.frames import Limits
from aggregator.stores.socket.keeper import Keeping
from aggregator.stores.socket.store import SocketStore

STORES: dict[str, str] = {"memory": "clock", "socket": "clock", "redis": "valkey"}
"""What a store needs, by its name."""
COMING: list[asyncio.Task[object]] = []


class Clock:
    """Seconds that stand still."""

    def __init__(self) -> None:
        self._now = 1000.0
        self.passed: Callable[[float], object] = lambda _: None
        """Is told how many seconds go by, for those that have a clock of their own."""

    @property
    def now(self) -> float:
        """The time; setting it lets it go by."""
        return self._now

    @now.setter
    def now(self, later: float) -> None:
        self.passed(later - self._now)
        self._now = later

    def __call__(self) -> float:
        """Return the time."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """Return a clock at 1000 seconds."""
    return Clock()


@pytest.fixture
def now() -> Iterator[Callable[[Awaitable[Any]], Any]]:
    """Return what lets an awaitable come to its end, in one loop for the whole test."""

    async def result(awaitable: Awaitable[Any]) -> Any:
        return await awaitable

    with asyncio.Runner() as runner:
        yield lambda awaitable: runner.run(result(awaitable))


@pytest.fixture(scope="session")
@starts_processes
def valkey() -> Iterator[Valkey]:
    """Return a server that the tests of a session share."""
    server = Valkey()
    try:
        yield server.start()
    finally:
        server.close()


def dialled(store: MemoryStore) -> socket.socket:
    """Return a socket to who keeps *store*, in the same loop."""
    here, there = socket.socketpair()
    here.setblocking(False)
    there.setblocking(False)
    made = asyncio.get_running_loop().create_unix_connection(lambda: Keeping(store, Limits()), sock=there)
    COMING.append(asyncio.get_running_loop().create_task(made))
    return here


def stores(*names: str) -> list[Any]:
    """Return *names* as parameters; what needs a process of its own is run later."""
    return [pytest.param(name, marks=[pytest.mark.processes] * (STORES[name] == "valkey")) for name in names]


@pytest.fixture(params=stores(*STORES))
def store(request, clock, now) -> Iterator[Store]:
    """Return an empty store on the clock of the test."""
    needed = request.getfixturevalue(STORES[request.param])
    if request.param == "memory":
        yield MemoryStore(clock, clock)
    elif request.param == "socket":
        keeper = MemoryStore(clock, clock)
        made = SocketStore(lambda: dialled(keeper), 10.0, lambda _: None)
        now(made.connect())
        yield made
        now(made.aclose())
    else:
        needed.ask("FLUSHALL")
        clock.passed = needed.age
        made = RedisStore(store_address(needed.url), "t:", 10.0, lambda _: None, clock)
        now(made.connect())
        yield made
        now(made.aclose())
