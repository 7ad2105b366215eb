"""Calls with ``cache: rfc``: what is asked upstream, what is given out meanwhile, and what ends it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from aggregator.policies.cache.kept import Kept
from tests.policies.conftest import Served

Serve = Callable[..., Served]


class Origin:
    """An upstream with one thing that has a *tag*: 304 to who has it, else its *body* with *headers*."""

    def __init__(self, control: str = "max-age=10") -> None:
        self.tag, self.body, self.status = '"1"', 1, 200
        self.headers = {"cache-control": control}
        self.asked: list[tuple[str, int]] = []
        self.hold: asyncio.Event | None = None

    def __call__(self, request: httpx.Request) -> Any:
        return self._held(request) if self.hold is not None else self._answer(request)

    async def _held(self, request: httpx.Request) -> httpx.Response:
        assert self.hold is not None
        await self.hold.wait()
        return self._answer(request)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        answer = self._reply(request)
        self.asked.append((request.method, answer.status_code))
        return answer

    def _reply(self, request: httpx.Request) -> httpx.Response:
        if self.status != 200:
            return httpx.Response(self.status, json={"error": True})
        headers = self.headers | {"etag": self.tag}
        if self.tag in request.headers.get("if-none-match", ""):
            return httpx.Response(304, headers=headers)
        return httpx.Response(200, json=self.body, headers=headers)


async def until(is_so: Callable[[], bool]) -> None:
    """Return some turns of the loop after *is_so*."""
    for _ in range(10_000):
        await asyncio.sleep(0)
        if is_so():
            break
    for _ in range(100):
        await asyncio.sleep(0)


FILE = """
upstreams: {up: {url: "http://up.test", cache: rfc}}
endpoints:
  GET /a: {call: up:/a}
  GET /parts: {fan_out: {a: up:/a}}
  PUT /a: {call: "PUT up:/a"}
  POST /b: {call: "POST up:/b"}
"""


@pytest.fixture
def origin() -> Origin:
    return Origin()


def test_what_has_not_changed_is_not_sent_again(serve: Serve, origin: Origin) -> None:
    """A reply whose time is over is asked for by its entity tag; 304 makes it fresh again, with the fields it says."""
    served = serve(FILE, origin)
    assert served.get("/a").json() == 1
    served.now += 11
    origin.headers = {"cache-control": "max-age=60"}
    assert served.get("/a").json() == 1
    assert served.requests[1].headers["if-none-match"] == '"1"'
    served.now += 59
    assert served.get("/parts").json() == {"a": 1}
    assert origin.asked == [("GET", 200), ("GET", 304)]


def test_what_has_changed_is_kept_anew(serve: Serve, origin: Origin) -> None:
    """A 200 to the condition takes the place of what was kept."""
    served = serve(FILE, origin)
    served.get("/a")
    served.now += 11
    origin.tag, origin.body = '"2"', 2
    assert [served.get("/a").json(), served.get("/a").json()] == [2, 2]
    assert origin.asked == [("GET", 200), ("GET", 200)]


def test_a_304_that_speaks_of_another_reply(serve: Serve) -> None:
    """A 304 that names another entity tag says nothing of what is kept: it is asked for without a condition."""

    def respond(request: httpx.Request) -> httpx.Response:
        number = len(served.requests)
        if "if-none-match" in request.headers:
            return httpx.Response(304, headers={"etag": '"other"'})
        return httpx.Response(200, json=number, headers={"etag": '"1"', "cache-control": "max-age=10"})

    served = serve(FILE, respond)
    assert served.get("/a").json() == 1
    served.now += 11
    assert served.get("/a").json() == 3
    assert "if-none-match" not in served.requests[2].headers


def test_old_while_a_new_one_is_fetched(serve: Serve) -> None:
    """`stale-while-revalidate` gives the old reply out at once, and asks once in the background."""
    origin = Origin("max-age=10, stale-while-revalidate=30")
    served = serve(FILE, origin)
    served.get("/a")
    served.now += 15
    origin.tag, origin.body = '"2"', 2
    assert served.get("/a").json() == 1
    served.run(until(lambda: len(origin.asked) == 2))
    assert [served.get("/a").json(), len(origin.asked)] == [2, 2]
    served.now += 41
    assert served.get("/a").json() == 2
    assert origin.asked[-1] == ("GET", 304)


@pytest.mark.parametrize(
    ("control", "after", "status"),
    [
        ("max-age=10, stale-if-error=30", 15, 200),
        ("max-age=10, stale-if-error=30", 41, 502),
        ("max-age=10", 15, 502),
        ("max-age=10, must-revalidate, stale-if-error=30", 15, 502),
        ("s-maxage=10, stale-if-error=30", 15, 502),
    ],
)
def test_old_in_place_of_a_failure(serve: Serve, control: str, after: float, status: int) -> None:
    """`stale-if-error` lets it stand in for a 5xx, for that long, unless it has to be asked for again."""
    origin = Origin(control)
    served = serve(FILE, origin)
    served.get("/parts")
    origin.status = 503
    served.now += after
    answer = served.get("/parts")
    assert answer.status_code == status
    if status == 200:
        assert "state=stale" in answer.headers["aggregator-parts"]
        assert answer.headers["cache-control"] == "no-store"


def test_words_of_the_file_for_those_who_say_nothing(serve: Serve) -> None:
    """`on_error` of the file counts where the reply has no word of it, and never against `must-revalidate`."""
    text = FILE.replace("cache: rfc", "cache: {rfc: true, on_error: 1h}")
    for control, status in (("max-age=10", 200), ("max-age=10, must-revalidate", 502)):
        origin = Origin(control)
        served = serve(text, origin)
        served.get("/a")
        origin.status = 503
        served.now += 15
        assert served.get("/a").status_code == status


def test_a_reply_outlives_a_failure_to_ask_anew(serve: Serve, origin: Origin) -> None:
    """A 5xx is told to who asked, and what is kept is asked for by its entity tag the next time (RFC 9111 §4.3.3)."""
    served = serve(FILE, origin)
    served.get("/a")
    served.now += 11
    origin.status = 503
    assert served.get("/a").status_code == 502
    origin.status = 200
    assert served.get("/a").json() == 1
    assert [status for _, status in origin.asked] == [200, 503, 304]


@pytest.mark.parametrize("is_over", [False, True])
def test_many_who_wait_for_one_reply_keep_it_once(
    serve: Serve, origin: Origin, monkeypatch: pytest.MonkeyPatch, *, is_over: bool
) -> None:
    """Each of them has the reply, and the first one puts it where it is kept."""
    served = serve(FILE, origin)
    if is_over:
        served.get("/a")
        served.now += 11
    puts: list[bytes] = []
    put = Kept.put
    monkeypatch.setattr(Kept, "put", lambda kept, key, *rest: [puts.append(key), put(kept, key, *rest)])

    async def many() -> None:
        origin.hold = asyncio.Event()
        tasks = [asyncio.ensure_future(served.ask("GET", "/a")) for _ in range(10)]
        for _ in range(20):
            await asyncio.sleep(0)
        origin.hold.set()
        await asyncio.gather(*tasks)

    served.run(many())
    assert len(puts) == 1


def test_a_change_parts_ways_with_calls_for_its_place_alone(serve: Serve, origin: Origin) -> None:
    """Who asks after a change joins no call for that place from before; calls for other places are still joined."""
    served = serve(FILE + "  GET /b: {call: up:/b}\n", origin)

    async def change() -> None:
        origin.hold, asked = asyncio.Event(), len(served.requests)
        tasks = [asyncio.ensure_future(served.ask("GET", path)) for path in ("/a", "/b")]
        await until(lambda: len(served.requests) == asked + 2)
        held, origin.hold = origin.hold, None
        await served.ask("PUT", "/a")
        origin.hold = held
        tasks += [asyncio.ensure_future(served.ask("GET", path)) for path in ("/a", "/b")]
        await until(lambda: len(served.requests) == asked + 4)
        held.set()
        await asyncio.gather(*tasks)

    served.run(change())
    assert served.lines == ["GET /a", "GET /b", "PUT /a", "GET /a"]


def test_many_who_ask_at_once(serve: Serve, origin: Origin) -> None:
    """For a reply that is over, all who ask at once make one conditional call."""
    served = serve(FILE, origin)
    served.get("/a")
    served.now += 11

    async def many() -> list[Any]:
        origin.hold = asyncio.Event()
        tasks = [asyncio.ensure_future(served.ask("GET", "/a")) for _ in range(100)]
        for _ in range(20):
            await asyncio.sleep(0)
        origin.hold.set()
        return [(await task).json() for task in tasks]

    assert served.run(many()) == [1] * 100
    assert origin.asked == [("GET", 200), ("GET", 304)]


def test_a_change_ends_what_is_kept_of_its_place(serve: Serve, origin: Origin) -> None:
    """A success of an unsafe call, and not its failure, ends what is kept of its place and of those that it names."""
    served = serve(FILE, origin)

    def is_kept() -> bool:
        before = len(origin.asked)
        served.get("/a")
        return len(origin.asked) == before

    served.get("/a")
    assert is_kept()
    origin.status = 500
    served.run(served.ask("PUT", "/a"))
    assert is_kept()
    origin.status = 200
    served.run(served.ask("PUT", "/a"))
    assert (is_kept(), is_kept()) == (False, True)
    served.run(served.ask("POST", "/b"))
    assert is_kept()
    for place in ("/a", "http://up.test/a", "./a#x"):
        origin.headers |= {"location": place}
        served.run(served.ask("POST", "/b"))
        assert (is_kept(), is_kept()) == (False, True), place
    origin.headers |= {"location": "http://other.test/a"}
    served.run(served.ask("POST", "/b"))
    assert is_kept()


def test_what_may_not_be_kept_any_more(serve: Serve, origin: Origin) -> None:
    """A `no-store` in answer to a condition ends what was kept before."""
    served = serve(FILE, origin)
    served.get("/a")
    served.now += 11
    origin.headers, origin.tag = {"cache-control": "no-store"}, '"2"'
    served.get("/a")
    served.get("/a")
    assert "if-none-match" not in served.requests[2].headers


def test_repeated_calls_ask_on_the_same_condition(serve: Serve, origin: Origin) -> None:
    """With `retry` each attempt carries the condition."""
    served = serve(FILE.replace("cache: rfc", "cache: rfc, retry: 1"), origin)
    served.get("/a")
    served.now += 11
    origin.status = 503
    served.get("/a")
    assert [request.headers.get("if-none-match") for request in served.requests] == [None, '"1"', '"1"']


TRACED = """
telemetry: {traces: {}}
upstreams: {up: {url: "http://up.test", cache: rfc, forward: {headers: HEADERS}}}
endpoints: {GET /a: {call: up:/a}}
"""


@pytest.mark.parametrize("headers", ["all", "[traceparent, tracestate]"])
def test_traces_of_clients_tell_no_calls_apart(serve: Serve, origin: Origin, headers: str) -> None:
    """Each call has a context of its own, so that of the client is not sent, and in no key."""
    served = serve(TRACED.replace("HEADERS", headers), origin)
    for digit in "123":
        parent = f"00-{digit * 32}-{digit * 16}-01"
        assert served.get("/a", headers={"traceparent": parent, "tracestate": f"a={digit}"}).json() == 1
    assert origin.asked == [("GET", 200)]
