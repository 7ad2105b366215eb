"""A clock that only tests move, and coroutines run to their end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from valkey import Valkey


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
def valkey() -> Iterator[Valkey]:
    """Return a server that the tests of a session share."""
    server = Valkey()
    try:
        yield server.start()
    finally:
        server.close()
