"""Requests at once, by caller: how many there may be, and when a place is free again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import httpx

from tests.policies.conftest import Served

Serve = Callable[..., Served]


class Gated:
    """An upstream that answers when the test lets it."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.held = 0

    async def judged(self, asking: Sequence[asyncio.Future[httpx.Response]]) -> None:
        """Wait until each of *asking* is held here or answered."""
        async with asyncio.timeout(30):
            while self.held + sum(one.done() for one in asking) < len(asking):  # noqa: ASYNC110
                await asyncio.sleep(0)

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.held += 1
        try:
            await self.gate.wait()
        finally:
            self.held -= 1
        return httpx.Response(200, json={"path": request.url.path})


FILE = """
    server: {concurrency: {limit: 4}}
    upstreams: {up: {url: "http://up.test"}}
    endpoints:
      GET /a: {concurrency: {limit: 2, by: "{{ request.client }}"}, call: up:/a}
      GET /b: {call: up:/b}
      GET /stream: {concurrency: 1, call: up:/s, stream: true}
"""


def test_the_third_at_once_gets_429(serve: Serve) -> None:
    """Callers are counted apart, the server's places are shared, and all are free again afterwards."""
    served = serve(FILE, upstream := Gated())

    async def flood(*asked: tuple[str, str]) -> list[int]:
        asking = [asyncio.ensure_future(served.ask("GET", path, address=address)) for path, address in asked]
        await upstream.judged(asking)
        upstream.gate.set()
        statuses = [answer.status_code for answer in await asyncio.gather(*asking)]
        upstream.gate.clear()
        return statuses

    for _ in range(2):
        assert served.run(flood(*[("/a", "192.0.2.1")] * 3, ("/a", "192.0.2.2"))) == [200, 200, 429, 200]
        assert served.run(flood(*[("/b", "192.0.2.1")] * 5)) == [200] * 4 + [429]
        assert served.run(flood(*[("/stream", "192.0.2.1")] * 2)) == [200, 429]
    upstream.gate.set()
    assert served.statuses("/a", 5) == [200] * 5


def test_a_prefix_is_shared_by_all_below(serve: Serve) -> None:
    """Its places are those of all endpoints below together, beside an endpoint's own; others have nothing of it."""
    served = serve(
        """
        upstreams: {up: {url: "http://up.test"}}
        prefixes: {/v1: {concurrency: {limit: 2, by: "{{ request.client }}"}}}
        endpoints:
          GET /v1/a: {call: up:/a}
          GET /v1/b: {concurrency: 1, call: up:/b}
          GET /v2/a: {call: up:/a}
        """,
        upstream := Gated(),
    )

    async def asked(*paths: str) -> list[int]:
        asking = [asyncio.ensure_future(served.ask("GET", path)) for path in paths]
        await upstream.judged(asking)
        upstream.gate.set()
        statuses = [(await one).status_code for one in asking]
        upstream.gate.clear()
        return statuses

    assert served.run(asked("/v1/a", "/v1/b", "/v1/a", "/v2/a", "/v2/a", "/v2/a")) == [200, 200, 429, 200, 200, 200]
    assert served.run(asked("/v1/b", "/v1/b", "/v1/a")) == [200, 429, 200]


def test_who_leaves_leaves_the_place(serve: Serve) -> None:
    """A client that hangs up takes no place any more; a refusal takes none at all."""
    served = serve(FILE, upstream := Gated())

    async def leave() -> None:
        asking = [asyncio.ensure_future(served.ask("GET", "/a")) for _ in range(2)]
        await upstream.judged(asking)
        for one in asking:
            one.cancel()
        await asyncio.wait(asking)

    for _ in range(3):
        served.run(leave())
    upstream.gate.set()
    assert served.statuses("/a", 3) == [200] * 3


def test_a_refusal_says_why(serve: Serve) -> None:
    """Its cause is `limited`, and it says when to come again."""
    served = serve("endpoints: {GET /a: {concurrency: 1, respond: {body: 1, delay: 100ms}}}")

    async def both() -> list[httpx.Response]:
        return await asyncio.gather(served.ask("GET", "/a"), served.ask("GET", "/a"))

    refused = max(served.run(both()), key=lambda answer: answer.status_code)
    assert (refused.status_code, refused.headers["retry-after"], refused.json()["cause"]) == (429, "1", "limited")
