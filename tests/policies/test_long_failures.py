"""Long bodies of failures, read by rows of status maps: a loop that reads them holds everybody up."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from aggregator.runtime import coding
from aggregator.runtime.calls import judging
from aggregator.runtime.threads import Threads
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


def test_rows_speak_to_a_whole_herd(serve: Callable[..., Served], monkeypatch: pytest.MonkeyPatch) -> None:
    """Many more than may wait for a thread are told of one long failure, and those who find it kept, in its row."""
    threads = Threads(1, name="coding", waiting=1)
    monkeypatch.setattr(coding, "CODING", threads)
    gate = asyncio.Event()

    async def respond(request: httpx.Request) -> httpx.Response:
        await gate.wait()
        return httpx.Response(500, json={"message": "no more of it", "more": "x" * 100_000})

    served = serve(LONG, respond)

    async def herd() -> list[httpx.Response]:
        asked = [asyncio.ensure_future(served.ask("GET", "/x")) for _ in range(12)]
        await asyncio.sleep(0)
        gate.set()
        return await asyncio.gather(*asked)

    answers = [*served.run(herd()), *served.run(herd())]
    assert [one.json()["detail"] for one in answers] == ["no more of it"] * 24
    assert len(served.requests) == 1
    threads.close()


def test_a_failure_keeps_its_rows_where_too_much_waits(
    serve: Callable[..., Served], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever finds no thread free is told without them; whoever finds the failure kept is told by them again."""
    served = serve(LONG, lambda _: httpx.Response(500, json={"message": "no more of it", "more": "x" * 100_000}))
    with monkeypatch.context() as full:
        full.setattr(coding, "CODING", Threads(1, name="coding", waiting=0))
        assert served.get("/x").json()["detail"] != "no more of it"
    assert served.get("/x").json()["detail"] == "no more of it"
    assert len(served.requests) == 1


@pytest.mark.parametrize(("detail", "is_kept"), [("{{ this.body.message }}", False), ("{{ this.status }}", True)])
def test_what_a_row_has_read_counts_with_the_failure(serve: Callable[..., Served], detail: str, is_kept: bool) -> None:
    """The data of a body is larger than its text: together they may be more than all that may be kept."""
    text = f"""
    server: {{cache: {{max: 1MB}}}}{LONG.replace("{{ this.body.message }}", detail)}"""
    served = serve(text, lambda _: httpx.Response(500, json={"x": "x" * 200_000}))
    assert served.statuses("/x", 2) == [502, 502]
    assert len(served.requests) == (1 if is_kept else 2)
