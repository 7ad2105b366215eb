"""Of processes that lack the same one fetches it, and the others wait for that, as long as it makes sense."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from threading import Thread
from typing import Any

import httpx
import pytest

from aggregator.policies.cache.shared.leases import Wish, pause_after
from tests.policies.levels.conftest import Process

PATHS = ["/users/a", "/items/a", "/answers/a"]


class Flying(Process):
    """One of several processes."""

    text = """
upstreams:
  users: {{url: "http://users.test", timeout: 60s, cache: {{ttl: 1h, on_error: 10h, shared: true}}}}
  items: {{url: "http://items.test", timeout: 60s, cache: {{rfc: true, shared: true}}}}
  plain: {{url: "http://plain.test", timeout: 60s}}
defaults: {{deadline: 60s}}
endpoints:
  GET /users/{{id}}: {{call: "users:/{{id}}"}}
  GET /items/{{id}}: {{call: "items:/{{id}}"}}
  GET /answers/{{id}}: {{cache: {{ttl: 1h, on_error: 10h, shared: true}}, call: "plain:/{{id}}"}}
  GET /old/{{id}}: {{call: {{url: "users:/{{id}}", cache: {{ttl: 1h, stale: 1h, shared: true}}}}}}
server: {{workers: 2}}
store: {{url: "{url}", timeout: 60s}}
"""

    @property
    def waits(self) -> bool:
        """Whether it waits for a lease of another process."""
        return any(level.patient for level in self.app.running.states.each("levels").values())


KIND = Flying


class Meanwhile:
    """What *other* is asked for while *one* is fetching."""

    def __init__(self, one: Flying, other: Flying, path: str) -> None:
        self._one, self._other = one, other
        self._thread = Thread(target=self._get, args=(path,))
        self.found: Any = None
        self.has_waited = False

    def _get(self, path: str) -> None:
        self.found = self._other.ask_for(path)

    async def begin(self, _: object = None) -> None:
        """Ask, and return when it waits for the lease, or is over."""
        self._one.asked = None
        self._thread.start()
        await self.until(lambda: self._other.waits)
        self.has_waited = self._other.waits

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Return when that is so, or the other one has its answer."""
        while self._thread.is_alive() and not is_so():  # noqa: ASYNC110 - it is another thread
            await asyncio.sleep(0.001)

    async def over(self) -> None:
        """Return when the other one has its answer."""
        await self.until(lambda: False)

    def end(self) -> Any:
        """Return what the other one was answered."""
        self._thread.join()
        return self.found


@pytest.mark.parametrize("path", PATHS)
def test_processes_that_lack_the_same_at_once_fetch_it_once(processes: list[Flying], path: str) -> None:
    """The second one waits for the first, and has its reply."""
    one, other = processes
    meanwhile = Meanwhile(one, other, path)
    one.asked = meanwhile.begin
    assert one.ask_for(path) == (200, 1, True)
    assert meanwhile.end() == (200, 1, False)


@pytest.mark.parametrize("path", PATHS)
def test_what_is_too_old_is_fetched_once_too(workers: list[Flying], machine: Any, path: str) -> None:
    """It lies in the store still, to stand in for failures."""
    one, other = workers
    for process in workers:
        process.ask_for(path)
        process.now += 3601
    machine.now += 3601
    before = other.count
    meanwhile = Meanwhile(one, other, path)
    one.asked = meanwhile.begin
    status, body, _ = one.ask_for(path)
    assert meanwhile.end() == (status, body, False)
    assert other.count == before


def test_what_is_fetched_in_the_background_is_fetched_once(workers: list[Flying], machine: Any) -> None:
    """The other process gives out the old reply, and has the new one when that is there."""
    one, other = workers
    for process in workers:
        process.ask_for("/old/a")
        process.now += 3601
    machine.now += 3601
    meanwhile = Meanwhile(one, other, "/old/a")
    one.asked = meanwhile.begin
    assert one.ask_for("/old/a")[1] == 1
    assert meanwhile.end() == (200, 1, False)
    assert other.ask_for("/old/a") == (200, 2, False)


@pytest.mark.parametrize("path", PATHS)
def test_a_lease_is_over_with_its_life(workers: list[Flying], machine: Any, path: str) -> None:
    """Who holds it may have been killed."""
    one, other = workers
    meanwhile = Meanwhile(one, other, path)

    async def hang(_: object) -> None:
        await meanwhile.begin()
        machine.now += 5.1
        await meanwhile.over()

    one.asked = hang
    one.ask_for(path)
    assert meanwhile.end() == (200, 1, True)


@pytest.mark.parametrize("path", PATHS)
def test_nobody_waits_longer_than_makes_sense(workers: list[Flying], jump: Any, path: str) -> None:
    """Even where the store says that the lease is held."""
    one, other = workers
    meanwhile = Meanwhile(one, other, path)

    async def hang(_: object) -> None:
        await meanwhile.begin()
        jump(6.0)
        await meanwhile.over()

    one.asked = hang
    one.ask_for(path)
    assert meanwhile.end() == (200, 1, True)


@pytest.mark.parametrize(
    "reply",
    [httpx.Response(503), httpx.Response(200, json=1, headers={"set-cookie": "a=b", "cache-control": "no-store"})],
)
@pytest.mark.parametrize("path", PATHS)
def test_what_leaves_nothing_is_waited_for_once(
    workers: list[Flying], machine: Any, path: str, reply: httpx.Response
) -> None:
    """Each process fetches such a thing itself; nobody has a lease of it for a while."""
    one, other = workers
    one.reply = other.reply = reply
    meanwhile = Meanwhile(one, other, path)
    one.asked = meanwhile.begin
    one.ask_for(path)
    assert meanwhile.end()[2]
    assert meanwhile.has_waited
    again = Meanwhile(one, other, path)
    one.asked = again.begin
    one.ask_for(path)
    assert again.end()[2]
    assert not again.has_waited


def test_a_client_that_leaves_ends_the_lease(workers: list[Flying], machine: Any) -> None:
    """Nothing was said about what is fetched: the next one has a lease of it."""
    one, other = workers
    meanwhile = Meanwhile(one, other, "/users/a")

    async def leave() -> None:
        began = asyncio.Event()

        async def hang(_: object) -> None:
            await meanwhile.begin()
            began.set()
            await asyncio.Event().wait()

        one.asked = hang
        asking = asyncio.ensure_future(one.ask("GET", "/users/a"))
        await began.wait()
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        await one.settle()

    one.run(leave())
    assert meanwhile.end() == (200, 1, True)
    one.asked = None
    assert one.ask_for("/users/a") == (200, 1, False)


def test_a_store_that_goes_ends_the_wait(workers: list[Flying], machine: Any) -> None:
    """Each process fetches for itself then."""
    one, other = workers
    meanwhile = Meanwhile(one, other, "/users/a")

    async def lose(_: object) -> None:
        await meanwhile.begin()
        machine.is_away = True
        await meanwhile.over()

    one.asked = lose
    assert one.ask_for("/users/a") == (200, 1, True)
    assert meanwhile.end() == (200, 1, True)


def test_half_of_what_is_left_is_for_a_fetch_of_ones_own() -> None:
    """Nobody waits for another process beyond that, nor at all when it is late."""
    assert Wish(lambda: False, 4.0, 110.0).patience(100.0) == 2.0
    assert Wish(lambda: False, 60.0, 103.0).patience(100.0) == 1.5
    assert Wish(lambda: False, 60.0, 200.0).patience(100.0) == 5.0
    assert Wish(lambda: False, 60.0, 99.0).patience(100.0) == 0.0


def test_who_waits_looks_more_and_more_rarely() -> None:
    """A lease of a whole second costs the store about fifteen looks."""
    waited, looks = 0.0, 0
    while waited < 1.0:
        waited += pause_after(waited)
        looks += 1
    assert looks < 25
    assert pause_after(60.0) == 0.25
