"""Who shares what others have kept adds its own tags to it, so that a purge by those finds it, too."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import count

import httpx
import pytest

from aggregator.policies.cache.purging import purge_tags
from tests.policies.conftest import Served

Serve = Callable[..., Served]
FILE = """
    upstreams: {{up: {{url: "http://up.test"}}}}
    endpoints:
      GET /a: {{call: {{url: up:/x, cache: {{{cache}, tags: [a]}}}}}}
      GET /b: {{call: {{url: up:/x, cache: {{{cache}, tags: [b]}}}}}}
      GET /c: {{call: {{url: up:/x, cache: {{{cache}, tags: [c]}}}}, cache: 60s}}
"""
BATCHES = """
    upstreams: {up: {url: "http://up.test"}}
    endpoints:
      GET /a: {fan_out: {x: {for_each: {in: "{{ query.ids | split(',') }}", batch: {key: id}},
                             url: "up:/?ids={keys}", cache: {ttl: 60s, tags: [a]}}}}
      GET /b: {fan_out: {x: {for_each: {in: "{{ query.ids | split(',') }}", batch: {key: id}},
                             url: "up:/?ids={keys}", cache: {ttl: 60s, tags: [b]}}}}
"""
CACHES = pytest.mark.parametrize("cache", ["ttl: 60s", "rfc: true"])


class Counting:
    """An upstream that counts its replies."""

    def __init__(self) -> None:
        self.count = 0

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.count += 1
        count = self.count
        await asyncio.sleep(0)
        return httpx.Response(200, json={"count": count}, headers={"cache-control": "max-age=60"})


@CACHES
def test_a_purge_finds_what_others_have_kept(serve: Serve, cache: str) -> None:
    """A reply has the tags of all calls that used it, whoever fetched it; so has an answer made of it."""
    served = serve(FILE.format(cache=cache), Counting())
    states = served.app.running.states
    assert [served.get(path).json()["count"] for path in ("/a", "/c", "/b", "/c")] == [1, 1, 1, 1]
    assert purge_tags(states, ["b"]) == 1
    assert served.get("/a").json()["count"] == 2
    assert served.get("/c").json()["count"] == 1, "the answer was made of it before"
    assert purge_tags(states, ["a"]) == 2
    assert [served.get(path).json()["count"] for path in ("/c", "/a")] == [3, 3]


@CACHES
def test_a_purge_before_the_first_use_counts(serve: Serve, cache: str) -> None:
    """What was fetched before a purge by the tag of a call is not given to that call, though it had not yet that tag."""
    served = serve(FILE.format(cache=cache), Counting())
    assert served.get("/a").json()["count"] == 1
    purge_tags(served.app.running.states, ["b"])
    assert [served.get(path).json()["count"] for path in ("/a", "/b", "/a")] == [1, 2, 2]


@CACHES
def test_who_waits_for_the_call_of_others_adds_its_tags(serve: Serve, cache: str) -> None:
    """One flight for two calls with different tags keeps a reply with both."""
    served = serve(FILE.format(cache=cache), Counting())

    async def both() -> list[httpx.Response]:
        return await asyncio.gather(served.ask("GET", "/a"), served.ask("GET", "/b"))

    assert [each.json()["count"] for each in served.run(both())] == [1, 1]
    assert purge_tags(served.app.running.states, ["b"]) == 1


def test_elements_have_the_tags_of_all_who_used_them(serve: Serve) -> None:
    """Those of a batch, too."""
    counts = count(1)

    def found(request: httpx.Request) -> httpx.Response:
        return httpx.Response(
            200, json=[{"id": one, "n": next(counts)} for one in request.url.params["ids"].split(",")]
        )

    served = serve(BATCHES, found)
    states = served.app.running.states

    def asked(path: str) -> list[int]:
        return [one["n"] for one in served.get(path).json()["x"]]

    assert (asked("/a?ids=1,2"), asked("/b?ids=2,3")) == ([1, 2], [2, 3])
    assert purge_tags(states, ["b"]) == 2
    assert asked("/a?ids=1,2,3") == [1, 4, 5]
    purge_tags(states, ["b"])
    assert asked("/b?ids=1,2") == [6, 7]
