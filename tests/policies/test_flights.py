"""One flight for equal calls: who joins it, who may leave it, and what each makes of its reply."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx

from aggregator.policies.cache.purging import FLIGHTS
from tests.policies.conftest import Served

Serve = Callable[..., Served]


class Gated:
    """An upstream that answers when the test lets it; *given_up* counts the calls that nobody waited for."""

    def __init__(self, status: int = 200) -> None:
        self.open = asyncio.Event()
        self.given_up = 0
        self.status = status

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        try:
            await self.open.wait()
        except asyncio.CancelledError:
            self.given_up += 1
            raise
        return httpx.Response(self.status, json={"path": request.url.path, "n": 1})


async def until(condition: Callable[[], Any]) -> None:
    """Wait until *condition* holds; fail after a second."""
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - what it waits for tells nobody
            await asyncio.sleep(0)


FILE = """
    upstreams: {up: {url: "http://up.test", coalesce: true}}
    endpoints:
      GET /a: {call: up:/x}
      GET /b: {fan_out: {x: up:/x}, response: {body: "{{ x.n }}"}}
      GET /short: {timeout: 50ms, call: up:/x}
      GET /auth: {call: {url: up:/x, forward: {headers: [authorization]}}}
      POST /a: {call: "POST up:/x"}
"""


def test_equal_calls_are_one(serve: Serve) -> None:
    """Over endpoints, and each reads the reply in its own way; those that were saved are counted."""
    served = serve(FILE, gate := Gated())

    async def ask() -> list[Any]:
        asking = [asyncio.ensure_future(served.ask("GET", path)) for path in ("/a", "/b", *["/a"] * 98)]
        await until(lambda: served.requests)
        await asyncio.sleep(0.01)
        gate.open.set()
        return [answer.json() for answer in await asyncio.gather(*asking)]

    first, second, *others = served.run(ask())
    assert (first, second, len(others)) == ({"path": "/x", "n": 1}, 1, 98)
    assert others == [first] * 98
    assert (len(served.requests), served.app.running.states.find(FLIGHTS, "up").saved) == (1, 99)


def test_callers_never_share_a_flight(serve: Serve) -> None:
    """What is forwarded of a caller is part of what is sent; an unsafe call is made for each."""
    served = serve(FILE, gate := Gated())

    async def ask() -> None:
        headers = [{"authorization": name} for name in ("ada", "bob", "ada")]
        asking = [asyncio.ensure_future(served.ask("GET", "/auth", headers=each)) for each in headers]
        asking += [asyncio.ensure_future(served.ask("POST", "/a")) for _ in range(2)]
        await until(lambda: len(served.requests) == 4)
        gate.open.set()
        await asyncio.gather(*asking)

    served.run(ask())
    assert sorted(request.headers.get("authorization", "") for request in served.requests) == ["", "", "ada", "bob"]


def test_whoever_began_may_leave(serve: Serve) -> None:
    """The first one's deadline ends its own wait alone; the call goes on while anybody waits."""
    served = serve(FILE, gate := Gated())

    async def ask() -> list[int]:
        first = asyncio.ensure_future(served.ask("GET", "/short"))
        await until(lambda: served.requests)
        others = [asyncio.ensure_future(served.ask("GET", "/a")) for _ in range(99)]
        late = (await first).status_code
        gate.open.set()
        return [late, *(answer.status_code for answer in await asyncio.gather(*others))]

    assert served.run(ask()) == [504, *[200] * 99]
    assert (len(served.requests), gate.given_up) == (1, 0)


def test_a_call_that_nobody_waits_for_ends(serve: Serve) -> None:
    """When the last one has left, the call is given up, and the next one makes its own."""
    served = serve(FILE, gate := Gated())

    async def ask() -> int:
        answers = await asyncio.gather(*(served.ask("GET", "/short") for _ in range(3)))
        assert [answer.status_code for answer in answers] == [504] * 3
        await until(lambda: gate.given_up)
        gate.open.set()
        return (await served.ask("GET", "/a")).status_code

    assert served.run(ask()) == 200
    assert (len(served.requests), gate.given_up) == (2, 1)


def test_what_fails_fails_once(serve: Serve) -> None:
    """A failure is that of all who waited, each by its own rows; nobody tries again for the others."""
    served = serve(FILE.replace("GET /b: {", "GET /b: {status_map: {5xx: 418}, "), gate := Gated(503))

    async def ask() -> list[int]:
        asking = [asyncio.ensure_future(served.ask("GET", path)) for path in ("/a", "/b", "/a")]
        await until(lambda: served.requests)
        await asyncio.sleep(0.01)
        gate.open.set()
        return [answer.status_code for answer in await asyncio.gather(*asking)]

    assert served.run(ask()) == [502, 418, 502]
    assert len(served.requests) == 1


def test_equal_parts_of_one_request_are_one_call(serve: Serve) -> None:
    """Without a word in the file: parts whose URLs may differ in values alone; other requests are not waited for."""
    served = serve("""
        upstreams: {up: {url: "http://up.test"}}
        endpoints:
          GET /{a}/{b}: {fan_out: {x: "up:/users/{a}", y: "up:/users/{b}", z: "up:/other"}}
          GET /race: {fan_out: {x: {race: ["up:/race", "up:/race"]}}}
    """, gate := Gated())  # fmt: skip

    async def ask() -> None:
        asking = [asyncio.ensure_future(served.ask("GET", path)) for path in ("/1/1", "/1/2")]
        await until(lambda: len(served.requests) == 5)
        gate.open.set()
        await asyncio.gather(*asking)

    served.run(ask())
    assert sorted(served.lines) == ["GET /other", "GET /other", "GET /users/1", "GET /users/1", "GET /users/2"]
    served.requests.clear()
    assert served.get("/race").status_code == 200
    assert served.lines == ["GET /race"] * 2  # equal runners are meant to be two
