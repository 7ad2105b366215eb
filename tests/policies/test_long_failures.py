"""Long bodies of failures, read by rows of status maps: a loop that reads them holds everybody up."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from aggregator.runtime.calls import judging
from tests.policies.conftest import Served

LONG = """
    upstreams: {up: {url: "http://up.test"}}
    endpoints:
      GET /x:
        call: up:/x
        cache: {ttl: {200: 60s, 502: 60s}}
        status_map: {5xx: {status: 502, detail: "{{ this.body.message }}"}}
"""


def test_a_long_failure_is_read_in_a_thread(serve: Callable[..., Served], monkeypatch: pytest.MonkeyPatch) -> None:
    """By whoever caused it, by who waited for the same, and by who gets what is kept of it."""
    read: list[int] = []

    def decoded(raw: bytes) -> Any:
        read.append(threading.get_ident())
        return json.loads(raw)

    monkeypatch.setattr(judging, "_lenient", decoded)
    gate = asyncio.Event()

    async def respond(request: httpx.Request) -> httpx.Response:
        await gate.wait()
        return httpx.Response(500, json={"message": "no more of it", "more": "x" * 100_000})

    served = serve(LONG, respond)

    async def both() -> list[httpx.Response]:
        asked = [asyncio.ensure_future(served.ask("GET", "/x")) for _ in range(2)]
        await asyncio.sleep(0)
        gate.set()
        return await asyncio.gather(*asked)

    answers = [*served.run(both()), served.get("/x")]
    assert [(one.status_code, one.json()["detail"]) for one in answers] == [(502, "no more of it")] * 3
    assert read
    assert threading.get_ident() not in read
