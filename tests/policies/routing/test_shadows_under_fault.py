"""Shadows while callers leave, the file changes, the clock jumps, and what they are sent to hangs."""

from __future__ import annotations

import asyncio

import httpx
import pytest

WITH_SHADOW = """
    upstreams: {users: {url: "http://users.test"}, next: {url: "http://next.test", timeout: 1h}}
    endpoints: {GET /x: {call: users:/x, shadow: [{url: next:/x}]}}
"""
WITHOUT = """
    upstreams: {users: {url: "http://users.test"}}
    endpoints: {GET /x: {call: users:/x}}
"""
HOUR = 3600.0


class Held:
    """Two upstreams, of which the one that is *held* answers when it is let go."""

    def __init__(self, held: str) -> None:
        self.held = f"{held}.test"
        self.asked = asyncio.Event()
        self.go = asyncio.Event()
        self.calls: list[str] = []

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.calls.append(str(request.url.host).removesuffix(".test"))
        if request.url.host == self.held:
            self.asked.set()
            await self.go.wait()
        return httpx.Response(200, json=1)


@pytest.fixture
def held() -> Held:
    """Return upstreams whose shadows hang."""
    return Held("next")


async def ended(api) -> tuple[int, int, int]:
    """Return how many shadows were done, failed and dropped, once all have ended."""
    await api.app.running.shadows.settled()
    counts = api.app.running.shadows.counts
    return counts.done, counts.failed, counts.dropped


def test_a_caller_who_leaves_before_the_answer_has_no_shadow(serve):
    """Nothing was answered that could be compared; the next request has one."""
    held = Held("users")
    api = serve(WITH_SHADOW, held)

    async def main():
        asking = asyncio.create_task(api.ask("GET", "/x"))
        await held.asked.wait()
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        first = await ended(api), list(held.calls)
        held.go.set()
        await api.ask("GET", "/x")
        return first, await ended(api)

    assert api.run(main()) == (((0, 0, 0), ["users"]), (1, 0, 0))


def test_a_reload_in_the_middle(serve, held):
    """A shadow that is under way ends where it went, also when the new file has none; later requests have none."""
    api = serve(WITH_SHADOW, held)

    async def main():
        await api.ask("GET", "/x")
        await held.asked.wait()
        await api.load(WITHOUT)
        answered = (await api.ask("GET", "/x")).status_code
        held.go.set()
        return answered, await ended(api)

    assert api.run(main()) == (200, (1, 0, 0))
    assert held.calls == ["users", "next", "users"]


def test_a_clock_that_jumps_ahead_ends_those_that_hang(serve, held, jump):
    """They are failures of their own, and whoever asks meanwhile is answered."""
    api = serve(WITH_SHADOW, held)

    async def main():
        await api.ask("GET", "/x")
        await held.asked.wait()
        jump(2 * HOUR)
        answered = (await api.ask("GET", "/x")).status_code
        held.go.set()
        return answered, await ended(api)

    assert api.run(main()) == (200, (1, 1, 0))


def test_a_clock_that_jumps_back_holds_nobody_up(serve, held, jump):
    """Neither answers nor the shadows that come."""
    api = serve(WITH_SHADOW, held)

    async def main():
        await api.ask("GET", "/x")
        await held.asked.wait()
        jump(-HOUR / 2)
        answered = (await api.ask("GET", "/x")).status_code
        held.go.set()
        return answered, await ended(api)

    assert api.run(main()) == (200, (2, 0, 0))


def test_a_stop_gives_up_those_that_wait_too(serve, held):
    """The queue and the workers are empty, whatever they hung on."""
    api = serve(WITH_SHADOW, held)

    async def main():
        await asyncio.gather(*(api.ask("GET", "/x") for _ in range(20)))
        await held.asked.wait()
        running = api.app.running
        await running.close()
        return running.shadows.running, running.shadows.depth

    assert api.run(main()) == (0, 0)
    assert held.calls.count("next") <= 16
