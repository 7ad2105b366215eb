"""Long replies that several get, or that are kept: a thread reads each once for all, and nobody fails for that."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from aggregator.runtime import coding
from aggregator.runtime.calls import judging
from aggregator.runtime.endpoint import endings
from aggregator.runtime.threads import Threads
from tests.policies.conftest import Served

XML = b"<a>" + b"<b>1</b>" * 2000 + b"</a>"
TEXT = """
    upstreams: {{up: {{url: "http://up.test", cache: {cache}}}}}
    endpoints:
      GET /x: {{fan_out: {{x: {{url: up:/x, format: xml}}}}}}
"""


@pytest.mark.parametrize(
    ("cache", "headers"),
    [("{ttl: 60s, on_error: 1h}", {}), ("rfc", {"cache-control": "max-age=60, stale-if-error=3600"})],
)
def test_a_kept_reply_is_read_once_in_a_thread(
    serve: Callable[..., Served], monkeypatch: pytest.MonkeyPatch, cache: str, headers: dict[str, str]
) -> None:
    """For who called, who waited for the same call, who finds it kept, and who gets it in place of a failure."""
    read: list[int] = []

    def counted(*given: Any) -> Any:
        read.append(threading.get_ident())
        return read_body(*given)

    read_body = judging.read_body
    monkeypatch.setattr(judging, "read_body", counted)
    gate, statuses = asyncio.Event(), [200, 503]

    async def respond(_: httpx.Request) -> httpx.Response:
        await gate.wait()
        return httpx.Response(statuses.pop(0), content=XML, headers={"content-type": "application/xml", **headers})

    served = serve(TEXT.format(cache=cache), respond)

    async def both() -> list[httpx.Response]:
        asked = [asyncio.ensure_future(served.ask("GET", "/x")) for _ in range(2)]
        await asyncio.sleep(0)
        gate.set()
        return await asyncio.gather(*asked)

    answers = [*served.run(both()), served.get("/x")]
    served.now += 61
    answers.append(served.get("/x"))
    assert {len(one.json()["x"]["a"]["b"]) for one in answers} == {2000}
    assert not statuses
    assert len(read) == 1
    assert threading.get_ident() not in read


@pytest.fixture
def few_places(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let one body wait for a thread, and one use of a reply that is there."""
    threads = Threads(1, name="coding", waiting=1), Threads(1, name="judging", waiting=1)
    monkeypatch.setattr(coding, "CODING", threads[0])
    monkeypatch.setattr(coding, "JUDGING", threads[1])
    yield
    for one in threads:
        one.close()


LONG = json.dumps({"n": 7, "more": "x" * 100_000}).encode()


@pytest.mark.parametrize("cache", ["{ttl: 60s}", "rfc"])
@pytest.mark.parametrize(
    ("call", "body", "kind"),
    [("format: xml", XML, "application/xml"), ("success: {when: '{{ this.body.n == 7 }}'}", LONG, "application/json")],
    ids=["read", "looked into"],
)
@pytest.mark.usefixtures("few_places")
def test_a_herd_on_one_reply_is_answered(
    serve: Callable[..., Served], cache: str, call: str, body: bytes, kind: str
) -> None:
    """More than may wait for a thread, who wait for one call, and then find what it brought kept."""
    gate = asyncio.Event()

    async def respond(_: httpx.Request) -> httpx.Response:
        await gate.wait()
        return httpx.Response(200, content=body, headers={"content-type": kind, "cache-control": "max-age=60"})

    served = serve(TEXT.format(cache=cache).replace("format: xml", call), respond)

    async def herd() -> list[httpx.Response]:
        asked = [asyncio.ensure_future(served.ask("GET", "/x")) for _ in range(12)]
        await asyncio.sleep(0)
        gate.set()
        return await asyncio.gather(*asked)

    answers = [*served.run(herd()), *served.run(herd())]
    assert [one.status_code for one in answers] == [200] * 24
    assert len({one.text for one in answers}) == 1
    assert len(served.requests) == 1


@pytest.mark.parametrize(
    ("call", "body", "kind"),
    [("format: xml", XML, "application/xml"), ("success: {when: '{{ this.body.n == 7 }}'}", LONG, "application/json")],
    ids=["read", "looked into"],
)
def test_who_joined_does_not_pay_for_the_first(
    serve: Callable[..., Served], monkeypatch: pytest.MonkeyPatch, call: str, body: bytes, kind: str
) -> None:
    """The one whose call it is finds no place for its reply; the others have the reply, and places of their own."""
    full = Threads(1, name="coding", waiting=0)
    gate = asyncio.Event()

    async def respond(_: httpx.Request) -> httpx.Response:
        await gate.wait()
        return httpx.Response(200, content=body, headers={"content-type": kind})

    served = serve(TEXT.format(cache="{ttl: 60s}").replace("format: xml", call), respond)

    async def herd() -> list[httpx.Response]:
        asked = [asyncio.ensure_future(served.ask("GET", "/x")) for _ in range(3)]
        await asyncio.sleep(0)
        gate.set()
        return await asyncio.gather(*asked)

    with monkeypatch.context() as patched:
        patched.setattr(coding, "CODING", full)
        assert sorted(one.status_code for one in served.run(herd())) == [200, 200, 503]
    assert len(served.requests) == 1


@pytest.mark.parametrize("cache", ["{ttl: 60s, on_error: 1h}", "rfc"])
def test_an_old_reply_stands_in_once_the_time_of_the_request_is_over(
    serve: Callable[..., Served],
    jump: Callable[[float], None],
    monkeypatch: pytest.MonkeyPatch,
    cache: str,
) -> None:
    """What it was read to is kept beside it, so that nothing has to be read when an upstream has used up the time."""
    monkeypatch.setattr(endings, "FINISHING", 3600.0)
    headers = {"content-type": "application/xml", "cache-control": "max-age=60, stale-if-error=3600"}
    read: list[bytes] = []

    def counted(*given: Any) -> Any:
        read.append(given[1])
        return read_body(*given)

    read_body = judging.read_body
    monkeypatch.setattr(judging, "read_body", counted)

    def respond(_: httpx.Request) -> httpx.Response:
        if len(served.requests) > 1:
            jump(100.0)
            raise httpx.ReadTimeout("late")
        return httpx.Response(200, content=XML, headers=headers)

    served = serve(TEXT.format(cache=cache), respond)
    first = served.get("/x")
    served.now += 61
    second = served.get("/x")
    assert (second.status_code, second.json()) == (200, first.json())
    assert "state=stale" in second.headers["aggregator-parts"]
    assert read == [XML]
