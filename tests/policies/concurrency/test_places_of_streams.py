"""Streams have places of their own at an upstream, which they take before those that all calls share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import httpx

from tests.policies.conftest import Served

Serve = Callable[..., Served]
FILE = """
    upstreams: {up: {url: "http://up.test", limits: {max_streams: 2}, concurrency: {limit: 3, queue: 0}}}
    endpoints:
      GET /stream: {stream: true, call: up:/stream}
      GET /plain: {call: up:/plain}
"""


class Streaming:
    """An upstream whose streams begin when the test lets them."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/stream":
            await self.gate.wait()
        return httpx.Response(200, json={})


async def _flood(served: Served, count: int) -> list[asyncio.Future[httpx.Response]]:
    """Return so many streams that are asked for, once each has gone as far as it can."""
    asked = [asyncio.ensure_future(served.ask("GET", "/stream")) for _ in range(count)]
    for _ in range(500):  # nothing of it waits for a network
        await asyncio.sleep(0)
    return asked


def test_a_stream_that_waits_for_its_own_place_holds_no_other(serve: Serve) -> None:
    """Two of six streams are open and the others wait, so that the third place is there for a call; all are served."""
    served = serve(FILE, upstream := Streaming())

    async def asked() -> list[int]:
        streams = await _flood(served, 6)
        plain = await served.ask("GET", "/plain")
        upstream.gate.set()
        return [plain.status_code, *(one.status_code for one in await asyncio.gather(*streams))]

    assert served.run(asked()) == [200] * 7


def test_streams_of_before_a_reload_count(serve: Serve) -> None:
    """A stream lasts longer than the configuration that it was begun with, and its place is taken still."""
    served = serve(FILE, upstream := Streaming())

    async def asked() -> list[int]:
        streams = await _flood(served, 2)
        await served.load(FILE.replace("{}", "{}\n") + "  GET /more: {stream: true, call: up:/stream}\n")
        streams += await _flood(served, 3)
        plain = await served.ask("GET", "/plain")
        upstream.gate.set()
        return [plain.status_code, *(one.status_code for one in await asyncio.gather(*streams))]

    assert served.run(asked()) == [200] * 6


def test_a_stream_that_is_given_up_frees_both_places(serve: Serve) -> None:
    """Whoever waits comes next, however many have left before."""
    served = serve(FILE, upstream := Streaming())

    async def asked() -> list[int]:
        streams = await _flood(served, 4)
        for one in streams[:3]:
            one.cancel()
        await asyncio.gather(*streams[:3], return_exceptions=True)
        streams = [streams[3], *await _flood(served, 2)]
        upstream.gate.set()
        return [one.status_code for one in await asyncio.gather(*streams)]

    assert served.run(asked()) == [200] * 3
