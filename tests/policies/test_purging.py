"""What is purged is gone before the purging answer leaves, and does not come back from a call under way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from aggregator.policies.cache.purging import (
    REPLIES,
    purge_all,
    purge_endpoint,
    purge_key,
    purge_prefix,
    purge_tags,
    purge_upstream,
)
from tests.policies.conftest import Served
from tests.policies.test_flights import until

Serve = Callable[..., Served]
FILE = """
    upstreams:
      users: {url: "http://users.test"}
      shop: {url: "http://shop.test", cache: {ttl: 60s, tags: [shop]}}
    endpoints:
      GET /users/{id}: {call: {url: "users:/{id}", cache: {ttl: 60s, tags: ["user:{{ id }}", users]}}}
      GET /shop: {call: shop:/}
      PUT /users/{id}: {call: "PUT users:/{id}", purge: ["user:{{ id }}"]}
      POST /users: {body: {type: object}, call: {url: POST users:/, json: "{{ body }}"}, purge: "{{ call.tag }}"}
"""


class Counting:
    """An upstream that counts its replies, and waits with those for which *gate* is closed."""

    def __init__(self) -> None:
        self.count = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.status = 200

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.count += 1
        count = self.count
        if request.method == "GET":
            await self.gate.wait()
        return httpx.Response(self.status, json={"count": count, "tag": "users"})


def test_a_success_purges_by_its_tags(serve: Serve) -> None:
    """The next reader gets what is new; others keep what they have, and a failure purges nothing."""
    served = serve(FILE, upstream := Counting())
    counts = [served.get(f"/users/{name}").json()["count"] for name in "aba"]
    assert counts == [1, 2, 1]
    upstream.status = 500
    served.run(served.ask("PUT", "/users/a"))
    assert served.get("/users/a").json()["count"] == 1
    upstream.status = 200
    served.run(served.ask("PUT", "/users/a"))
    assert [served.get(f"/users/{name}").json()["count"] for name in "ab"] == [5, 2]


@pytest.mark.parametrize(("status", "count"), [(399, 2), (400, 1)])
def test_an_answer_below_400_is_a_success(serve: Serve, status: int, count: int) -> None:
    """What makes old what was kept is that, whatever status the file gives it; any other purges nothing."""
    served = serve(
        f"""
        upstreams: {{users: {{url: "http://users.test"}}}}
        endpoints:
          GET /a: {{call: {{url: users:/a, cache: {{ttl: 60s, tags: [a]}}}}}}
          PUT /a: {{respond: {{status: {status}}}, purge: [a]}}
        """,
        Counting(),
    )
    assert served.get("/a").json()["count"] == 1
    assert served.run(served.ask("PUT", "/a")).status_code == status
    assert served.get("/a").json()["count"] == count


def test_a_tag_may_come_from_the_answer(serve: Serve) -> None:
    """`purge` sees what the calls gave, also where the answer is made at leisure."""
    served = serve(FILE, Counting())
    assert served.get("/users/a").json()["count"] == 1
    served.run(served.ask("POST", "/users", json={}))
    assert served.get("/users/a").json()["count"] == 3


def test_purges_by_hand(serve: Serve) -> None:
    """By tag, by upstream, or all; each tells how much it forgot."""
    served = serve(FILE, Counting())
    states = served.app.running.states

    def fill() -> None:
        for path in ("/users/a", "/users/b", "/shop"):
            served.get(path)

    fill()
    assert [purge_tags(states, ["user:a"]), purge_tags(states, ["users"]), purge_tags(states, ["none"])] == [1, 1, 0]
    fill()
    assert [purge_upstream(states, "shop"), purge_upstream(states, "none"), purge_all(states)] == [1, 0, 2]
    assert [len(kept) for kept in states.each(REPLIES).values()] == [0, 0]


def test_a_purge_during_a_call_wins(serve: Serve) -> None:
    """What was under way is given to those who wait, and neither kept nor joined by others."""
    served = serve(FILE, upstream := Counting())

    async def ask() -> list[Any]:
        upstream.gate.clear()
        first = asyncio.ensure_future(served.ask("GET", "/users/a"))
        while not served.requests:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0)
        purge_tags(served.app.running.states, ["user:a"])
        second = asyncio.ensure_future(served.ask("GET", "/users/a"))
        while len(served.requests) < 2:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0)
        upstream.gate.set()
        answers = [await first, await second, await served.ask("GET", "/users/a")]
        return [answer.json()["count"] for answer in answers]

    assert served.run(ask()) == [1, 2, 2]


@pytest.mark.parametrize("cache", ["ttl: 1s", "rfc: true"])
def test_what_is_purged_stands_in_for_nothing(serve: Serve, cache: str) -> None:
    """Nor does it for a call that was under way when it was purged."""
    text = """
        upstreams: {up: {url: "http://up.test"}}
        endpoints: {GET /: {call: {url: up:/, cache: {CACHE, on_error: 1h, tags: [a]}}}}
    """
    gate, asked = asyncio.Event(), asyncio.Event()
    gate.set()

    async def respond(_: httpx.Request) -> httpx.Response:
        asked.set()
        is_up = gate.is_set()
        await gate.wait()
        return httpx.Response(200 if is_up else 503, json={}, headers={"cache-control": "max-age=1", "etag": '"1"'})

    served = serve(text.replace("CACHE", cache), respond)

    async def purged_meanwhile(tag: str) -> int:
        gate.clear()
        asked.clear()
        asking = asyncio.ensure_future(served.ask("GET", "/"))
        await asked.wait()
        purge_tags(served.app.running.states, [tag])
        gate.set()
        return (await asking).status_code

    assert served.get("/").status_code == 200
    served.now += 2
    assert [served.run(purged_meanwhile(tag)) for tag in ("b", "a")] == [200, 502]


def test_urls_are_purged(serve: Serve) -> None:
    """By the URL that was called, or how it begins: replies, and answers that they are a part of."""
    served = serve(
        """
        upstreams:
          users: {url: "http://users.test/v1", cache: 60s}
          rates: {url: "http://rates.test", cache: rfc}
        endpoints:
          GET /users/{id}: {call: "users:/{id}"}
          GET /both/{id}: {cache: 60s, fan_out: {user: "users:/{id}"}}
        """,
        Counting(),
    )

    def counts() -> list[int]:
        both = served.get("/both/a").json()["user"]["count"]
        return [both, *(served.get(f"/users/{name}").json()["count"] for name in ("a", "ab", "b"))]

    states = served.app.running.states
    assert counts() == [1, 1, 2, 3]
    assert purge_key(states, "http://users.test/v1/a") == 2
    assert counts() == [4, 4, 2, 3]
    assert purge_prefix(states, "http://users.test/v1/a") == 3
    assert counts() == [5, 5, 6, 3]
    assert purge_prefix(states, "http://users.test/v2") == purge_key(states, "http://users.test/v1/") == 0


def test_answers_have_the_tags_of_calls_that_keep_nothing(serve: Serve) -> None:
    """What is kept of a whole answer or part goes with the places that were called, whether replies are kept or not."""
    served = serve(
        """
        upstreams: {up: {url: "http://up.test"}}
        endpoints:
          GET /plain: {cache: 60s, call: up:/p}
          GET /listed: {cache: 60s, fan_out: {x: {for_each: "{{ [1] }}", url: "up:/p/{item}"}}}
          GET /negative: {cache: 60s, call: {url: up:/n, cache: {ttl: {404: 10s}, tags: [n]}}}
          GET /part: {fan_out: {x: {url: up:/q, last_good: 60s}}}
        """,
        Counting(),
    )
    states = served.app.running.states
    for path, purge, forgotten in (
        ("/plain", lambda: purge_key(states, "http://up.test/p"), 1),
        ("/listed", lambda: purge_prefix(states, "http://up.test/p/"), 1),
        ("/negative", lambda: purge_tags(states, ["n"]), 1),
        ("/negative", lambda: purge_key(states, "http://up.test/n"), 1),
        ("/part", lambda: purge_key(states, "http://up.test/q"), 1),
    ):
        served.get(path)
        calls = len(served.lines)
        assert (path, purge()) == (path, forgotten)
        served.get(path)
        assert len(served.lines) == calls + 1


def test_all_services_of_a_route_are_purged(serve: Serve) -> None:
    """Replies and answers of an upstream with routes by key are those of whichever service gave them."""
    served = serve(
        """
        upstreams:
          up: {route: {by: "{{ headers.to }}", to: {a: "http://a.test", b: "http://b.test"}}, cache: 60s}
          up2: {url: "http://c.test", cache: 60s}
        endpoints:
          GET /reply: {call: up:/}
          GET /answer: {cache: 60s, fan_out: {x: {url: up:/x, cache: none}}}
          GET /other: {call: up2:/}
        """,
        Counting(),
    )

    def counts() -> list[int]:
        replies = [served.get(path, headers={"to": to}).json() for to in "ab" for path in ("/reply", "/answer")]
        return [reply.get("count") or reply["x"]["count"] for reply in (*replies, served.get("/other").json())]

    assert counts() == counts() == [1, 2, 3, 4, 5]
    assert purge_upstream(served.app.running.states, "up") == 4
    assert counts() == [6, 7, 8, 9, 5]


FLOWN = """
    upstreams:
      users: {url: "http://users.test", coalesce: true}
      shop: {url: "http://shop.test", cache: 60s}
    endpoints:
      GET /users/{id}: {call: {url: "users:/{id}", cache: {ttl: 60s, tags: ["user:{{ id }}"]}}}
      GET /also/{id}: {call: {url: "users:/{id}", cache: {ttl: 60s, tags: [also]}}}
      GET /page/{id}: {cache: {ttl: 60s, tags: ["page:{{ id }}"]}, fan_out: {user: "users:/page/{id}", shop: shop:/}}
      GET /made/{id}: {cache: {ttl: 60s, tags: ["{{ user.tag }}"]}, fan_out: {user: "users:/made/{id}"}}
"""


@pytest.mark.parametrize(
    ("path", "purged", "joins"),
    [
        ("/users/7", "user:8", True),  # the tag of another
        ("/users/7", "user:7", False),
        ("/users/7", "also", True),  # a tag that an equal call of another endpoint has, of which nobody waits
        ("/page/7", "page:8", True),
        ("/page/7", "page:7", False),  # a tag of the answer that the call is for
        ("/page/7", "user:7", True),  # no call of that endpoint has such a tag
        ("/made/7", "users", False),  # its tag is that which the call will give
    ],
)
def test_a_purge_ends_only_the_flights_of_its_tags(serve: Serve, path: str, purged: str, joins: bool) -> None:
    """Who asks after a purge joins a call that was under way, unless what comes of it has the tag, or may have it."""
    served = serve(FLOWN, upstream := Counting())

    async def ask() -> int:
        upstream.gate.clear()
        asking = [asyncio.ensure_future(served.ask("GET", path))]
        await until(lambda: f"GET {path.removeprefix('/users')}" in served.lines)
        purge_tags(served.app.running.states, [purged])
        asking += [asyncio.ensure_future(served.ask("GET", path)) for _ in range(3)]
        for _ in range(30):
            await asyncio.sleep(0)
        upstream.gate.set()
        assert [answer.status_code for answer in await asyncio.gather(*asking)] == [200] * 4
        return served.lines.count(f"GET {path.removeprefix('/users')}")

    assert served.run(ask()) == (1 if joins else 2)


def test_an_endpoint_is_purged(serve: Serve) -> None:
    """Its kept answers are, for all that they were asked with; those of others stay, and so do replies."""
    served = serve(
        """
        upstreams: {up: {url: "http://up.test"}}
        endpoints:
          GET /a/{id}: {cache: 60s, call: "up:/{id}"}
          GET /b/{id}: {cache: 60s, call: "up:/{id}"}
        """,
        Counting(),
    )

    def counts() -> list[int]:
        return [served.get(path).json()["count"] for path in ("/a/1", "/a/2", "/b/1")]

    states = served.app.running.states
    assert counts() == [1, 2, 3]
    assert [purge_endpoint(states, key) for key in ("GET /a/{id}", "GET /a", "GET /a/1")] == [2, 0, 0]
    assert counts() == [4, 5, 3]
