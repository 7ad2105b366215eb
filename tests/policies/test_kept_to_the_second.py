"""Answers that are kept, at the very second at which something ends, and what is counted of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import httpx
import pytest

from aggregator.http import HeaderList
from aggregator.parts.names import Level
from aggregator.parts.result import Result
from aggregator.policies.cache.kept import room_of
from aggregator.policies.cache.purging import ANSWERS
from aggregator.runtime.answers.answer import Tail
from aggregator.runtime.keeping.contract import KeptAnswer
from aggregator.runtime.keeping.failures import room_of_failure
from aggregator.transport import Reply
from tests.policies.conftest import Served

Serve = Callable[..., Served]
ROUTES = """
upstreams: {up: {url: "http://up.test"}}
endpoints:
  GET /a: {cache: {ttl: 10s, stale: 5s, on_error: 20s}, call: up:/a}
"""
HIT, FETCHED, ANEW = "aggregator; hit; ttl=%d", "aggregator; fwd=uri-miss; stored", "aggregator; fwd=stale; stored"


def asked(served: Served) -> str:
    """Return what `Cache-Status` says, once what goes on in the background is over."""

    async def ask() -> httpx.Response:
        answer = await served.ask("GET", "/a")
        for _ in range(20):
            await asyncio.sleep(0)
        return answer

    answer: httpx.Response = served.run(ask())
    return answer.headers["cache-status"]


@pytest.mark.parametrize(
    ("later", "status", "calls", "counted"),
    [
        (0, HIT % 10, 1, (1, 0, 1)), (9, HIT % 1, 1, (1, 0, 1)), (10, HIT % 0, 2, (0, 1, 1)), (14, HIT % -4, 2, (0, 1, 1)),
        (15, ANEW, 2, (0, 0, 2)), (16, ANEW, 2, (0, 0, 2)),
    ],
)  # fmt: skip
def test_an_answer_is_fresh_then_old_then_gone(
    serve: Serve, later: int, status: str, calls: int, counted: tuple[int, int, int]
) -> None:
    """At its last second it is old already, and at that of `stale` gone; hits, old ones and misses are counted."""
    served = serve(ROUTES)
    assert asked(served) == FETCHED
    served.now += later
    assert (asked(served), len(served.requests)) == (status, calls)
    (kept,) = served.app.running.states.each(ANSWERS).values()
    assert (kept.hits, kept.olds, kept.misses) == counted


@pytest.mark.parametrize(("later", "status"), [(15, 200), (29, 200), (30, 502), (31, 502)])
def test_an_old_answer_stands_in_until_its_last_second(serve: Serve, later: int, status: int) -> None:
    """For a failure of the upstream, for as long after its time as `on_error` says."""
    replies = [200, 503]
    served = serve(ROUTES, lambda _: httpx.Response(replies.pop(0), json={}))
    served.get("/a")
    served.now += later
    assert served.get("/a").status_code == status
    assert replies == []


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ("no-cache", "aggregator; fwd=request; stored"), ("max-age=0 ,  No-Cache", "aggregator; fwd=request; stored"),
        ("max-age=0", HIT % 10), ("no-cachex", HIT % 10), ("", HIT % 10),
    ],
)  # fmt: skip
def test_who_asks_past_a_kept_answer_is_told_so(serve: Serve, said: str, status: str) -> None:
    """Only `no-cache` does, in any case and among others."""
    served = serve(ROUTES.replace("ttl: 10s", "ttl: 10s, obey: [no-cache]"))
    asked(served)
    assert served.get("/a", headers={"cache-control": said}).headers["cache-status"] == status


def reply(body: bytes, headers: HeaderList) -> Reply:
    """Return a reply of an upstream."""
    return Reply(404, headers, body, False, 0.0, 0.0, 0.0, 0.0)


def test_what_a_kept_answer_takes() -> None:
    """Its body, its fields, once as they are and once as lines, and the results that background calls read."""
    tail = Tail.of([(b"a", b"1")])
    assert KeptAnswer(200, tail, b"body").size == 4 + 2 * len("a: 1\r\n")
    read = Result("a", 0.0, 0.0, raw=b"123")
    assert KeptAnswer(200, tail, b"body", (read, None, read)).size == 16 + 3 + 3


def test_what_a_kept_failure_takes() -> None:
    """The replies that rows may read, each once, and eight times the text of what was read as data."""
    mine, other = reply(b"12345", [(b"a", b"1")]), reply(b"1", [])
    failure = Result("a", 0.0, 0.0, raw=b"12345", reply=mine)
    assert room_of_failure(failure) == room_of(mine)
    beside = Result("b", 0.0, 0.0, raw=b"1", reply=other)
    beside.value = 1
    level = Level({"b": 0, "c": 1, "d": 2}, (beside, None, Result("d", 0.0, 0.0, reply=mine)))
    inside = Result("a", 0.0, 0.0, raw=b"12345", reply=mine, _scope=(level,))
    assert room_of_failure(inside) == room_of(mine) + room_of(other) + 8
    kept = KeptAnswer(404, Tail.of([]), b"", failure=failure)
    assert kept.size == room_of(mine)
