"""Replies that are kept: for whom, how long, and what stands in for a failure."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import httpx
import pytest

from aggregator.codecs import json as json_codec
from tests.policies.conftest import Served

Serve = Callable[..., Served]


class Counting:
    """An upstream whose replies tell how many it gave to a path; *status* and *headers* of all may be set."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.status = 200
        self.headers: dict[str, str] = {}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        self.counts[path] = self.counts.get(path, 0) + 1
        body = {"path": path, "count": self.counts[path]}
        return httpx.Response(self.status, json=body, headers=self.headers)


@pytest.fixture
def upstream() -> Counting:
    return Counting()


def test_a_reply_is_kept_for_its_time(serve: Serve, upstream: Counting) -> None:
    """Whoever asks within the ttl of its status gets the same reply, over endpoints; then it is fetched anew."""
    served = serve("""
        upstreams: {up: {url: "http://up.test", cache: {ttl: {200: 60s, 404: 10s}}}}
        endpoints:
          GET /a: {call: up:/x}
          GET /b: {fan_out: {x: up:/x}, response: {body: "{{ x.count }}"}}
    """, upstream)  # fmt: skip
    assert (served.get("/a").json()["count"], served.get("/b").json()) == (1, 1)
    served.now += 59.9
    assert served.get("/a").json()["count"] == 1
    served.now += 0.2
    assert served.get("/b").json() == 2
    upstream.status = 404
    served.now += 60
    assert served.statuses("/a", 2) == [404, 404]
    served.now += 10
    assert served.statuses("/a", 1) == [404]
    assert upstream.counts == {"/x": 4}


def test_the_key_is_what_is_sent(serve: Serve, upstream: Counting) -> None:
    """Another target, method, header or body is another call; what calls do not send makes no difference."""
    served = serve("""
        upstreams: {up: {url: "http://up.test", cache: 60s}}
        endpoints:
          GET /a/{x}: {call: {url: "up:/{x}", headers: {x-lang: "{{ headers['accept-language'] }}"}}}
          GET /q: {call: {url: "POST up:/q", json: {q: "{{ query.q }}"}, cache: {ttl: 60s, methods: [POST]}}}
          HEAD /h/{x}: {call: "HEAD up:/{x}"}
    """, upstream)  # fmt: skip
    german, french = {"accept-language": "de"}, {"accept-language": "fr"}
    assert [served.get("/a/x", headers=each).json()["count"] for each in (german, french, german)] == [1, 2, 1]
    assert served.get("/a/y", headers=german).json()["count"] == 1
    assert served.get("/a/x?more=1", headers=german | {"cookie": "a=b"}).json()["count"] == 1
    assert [served.get(f"/q?q={q}").json()["count"] for q in ("1", "2", "1")] == [1, 2, 1]
    assert served.run(served.ask("HEAD", "/h/x")).status_code == 200
    assert served.lines.count("HEAD /x") == 1


def test_pieces_of_a_key_carry_their_lengths(serve: Serve, upstream: Counting) -> None:
    """What moves from one piece of a request into the next one is another request."""
    served = serve("""
        upstreams: {up: {url: "http://up.test", cache: {ttl: 60s}}}
        endpoints:
          GET /a: {call: {url: "up:/x", headers: {a: "{{ query.a }}", b: "{{ query.b }}"}}}
    """, upstream)  # fmt: skip
    asked = ("a=1&b=23", "a=12&b=3", "a=123&b=", "a=&b=123")
    assert [served.get(f"/a?{query}").json()["count"] for query in asked] == [1, 2, 3, 4]


def test_what_is_never_kept(serve: Serve, upstream: Counting) -> None:
    """Replies with a cookie, parts of a body, statuses without a ttl, bodies that are not what they claim."""
    served = serve("""
        upstreams: {up: {url: "http://up.test", cache: {ttl: {2xx: 60s}}}}
        endpoints: {GET /a: {call: up:/x}, GET /j: {fan_out: {x: {url: up:/j, success: {when: "{{ this.body.never }}"}}}}}
    """, upstream)  # fmt: skip
    upstream.headers = {"set-cookie": "a=b"}
    assert [served.get("/a").json()["count"] for _ in range(2)] == [1, 2]
    upstream.headers, upstream.status = {"content-range": "bytes 0-1/9"}, 206
    assert served.statuses("/a", 2) == [206, 206]
    upstream.headers, upstream.status = {}, 500
    assert served.statuses("/a", 2) == [502, 502]
    upstream.status = 200
    assert served.statuses("/j", 2) == [502, 502]
    assert upstream.counts == {"/x": 6, "/j": 2}


def test_a_call_has_the_last_word(serve: Serve, upstream: Counting) -> None:
    """`cache` of a call counts in place of the upstream's; `none` and `0s` are off; an unsafe call is never kept so."""
    served = serve("""
        upstreams: {up: {url: "http://up.test", cache: 60s}}
        endpoints:
          GET /off: {call: {url: up:/off, cache: 0s}}
          GET /none: {call: {url: up:/none, cache: none}}
          GET /long: {call: {url: up:/long, cache: 1h}}
          POST /post: {call: "POST up:/post"}
    """, upstream)  # fmt: skip
    for path in ("/off", "/off", "/none", "/none", "/long"):
        assert served.get(path).status_code == 200
    served.now += 3000
    assert served.get("/long").json()["count"] == 1
    for _ in range(2):
        served.run(served.ask("POST", "/post"))
    assert upstream.counts == {"/off": 2, "/none": 2, "/long": 1, "/post": 2}


def test_an_old_reply_is_given_out_while_a_new_one_is_fetched(serve: Serve, upstream: Counting) -> None:
    """Within `stale` nobody waits: one call fetches what the next ones get."""
    served = serve("""
        upstreams: {up: {url: "http://up.test", cache: {ttl: 10s, stale: 30s}}}
        endpoints: {GET /a: {call: up:/x}}
    """, upstream)  # fmt: skip

    async def several() -> list[int]:
        answers = await asyncio.gather(*(served.ask("GET", "/a") for _ in range(5)))
        await asyncio.sleep(0.05)
        return [answer.json()["count"] for answer in answers]

    assert served.get("/a").json()["count"] == 1
    served.now += 20
    assert served.run(several()) == [1] * 5
    assert (served.get("/a").json()["count"], upstream.counts) == (2, {"/x": 2})
    served.now += 40
    assert served.get("/a").json()["count"] == 3


def test_a_reply_stands_in_for_a_failure(serve: Serve, upstream: Counting) -> None:
    """Within `on_error` an old reply is the part, which says so and is never stored; a 4xx is never hidden."""
    served = serve("""
        upstreams: {up: {url: "http://up.test", cache: {ttl: 10s, on_error: 1h}}}
        endpoints:
          GET /a: {fan_out: {x: up:/x}, response: {cache_control: "max-age=60"}}
    """, upstream)  # fmt: skip
    assert served.get("/a").json()["x"]["count"] == 1
    served.now += 100
    upstream.status = 503
    answer = served.get("/a")
    assert (answer.status_code, answer.json()["x"]["count"]) == (200, 1)
    assert answer.headers["aggregator-parts"].startswith("x;state=stale;status=200;cause=status;age=100;")
    assert answer.headers["cache-control"] == "no-store"
    upstream.status = 410
    assert served.get("/a").status_code == 502
    upstream.status = 503
    served.now += 3600
    assert served.get("/a").status_code == 502


@pytest.mark.long
def test_one_call_for_a_thousand(serve: Serve) -> None:
    """Of 1000 requests for a key that is not there, or over, one makes the call, and all get its reply."""
    served = serve("""
        upstreams: {up: {url: "http://up.test", cache: 10s, timeout: 60s}}
        endpoints: {GET /a: {call: up:/x}}
    """, _slowly)  # fmt: skip

    async def flood() -> set[int]:
        return {answer.status_code for answer in await asyncio.gather(*(served.ask("GET", "/a") for _ in range(1000)))}

    for calls in (1, 2):
        assert served.run(flood()) == {200}
        assert len(served.requests) == calls
        served.now += 11


def test_one_call_over_a_reload(serve: Serve) -> None:
    """Requests of the generation before and of the one behind a reload wait for the same call."""
    text = """
        upstreams: {up: {url: "http://up.test", cache: 10s}}
        endpoints: {GET /a: {call: up:/x}, GET /b: {respond: {body: BODY}}}
    """
    gate = asyncio.Event()

    async def gated(_: httpx.Request) -> httpx.Response:
        await gate.wait()
        return httpx.Response(200, json={"ok": True})

    served = serve(text, gated)

    async def flood() -> list[int]:
        before = [asyncio.ensure_future(served.ask("GET", "/a")) for _ in range(50)]
        while not served.requests:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0)
        await served.load(text.replace("BODY", "new"))
        assert (await served.ask("GET", "/b")).json() == "new"
        behind = [asyncio.ensure_future(served.ask("GET", "/a")) for _ in range(50)]
        for _ in range(100):
            await asyncio.sleep(0)
        gate.set()
        return [answer.status_code for answer in await asyncio.gather(*before, *behind)]

    assert served.run(flood()) == [200] * 100
    assert len(served.requests) == 1


async def _slowly(_: httpx.Request) -> httpx.Response:
    await asyncio.sleep(0.05)
    return httpx.Response(200, json={"ok": True})


def test_items_are_kept_one_by_one(serve: Serve, upstream: Counting) -> None:
    """Inside `for_each` each item is a call of its own, and its reply is kept."""
    served = serve("""
        upstreams: {up: {url: "http://up.test", cache: 60s}}
        endpoints:
          GET /a:
            query: {ids: {type: array, items: {type: string}}}
            fan_out: {x: {for_each: "{{ query.ids }}", url: "up:/{item}"}}
    """, upstream)  # fmt: skip
    served.get("/a?ids=1&ids=2")
    assert [item["count"] for item in served.get("/a?ids=2&ids=3").json()["x"]] == [1, 1]
    assert upstream.counts == {"/1": 1, "/2": 1, "/3": 1}


def test_what_is_kept_outlives_a_reload(serve: Serve, upstream: Counting) -> None:
    """A reload keeps the replies; those of an upstream that has moved are not those of the new place."""
    text = """
        upstreams: {{up: {{url: "http://{}.test", cache: 60s}}}}
        endpoints: {{GET /a: {{call: up:/x, response: {{headers: {{x-n: "{}"}}}}}}}}
    """
    served = serve(text.format("up", 1), upstream)
    assert served.get("/a").json()["count"] == 1
    served.reload(text.format("up", 2))
    assert (served.get("/a").json()["count"], served.get("/a").headers["x-n"]) == (1, "2")
    served.reload(text.format("moved", 2))
    assert served.get("/a").json()["count"] == 2


def test_an_answer_with_an_old_item_is_not_for_others(serve: Serve, upstream: Counting) -> None:
    """An item that something old stands in for is told, and the answer is neither stored by clients nor kept."""
    served = serve("""
        upstreams: {up: {url: "http://up.test", cache: {ttl: 60s, on_error: 1h}}}
        endpoints:
          GET /a:
            cache: 10s
            fan_out: {x: {for_each: "{{ ['a', 'b'] }}", url: "up:/{item}"}}
    """, upstream)  # fmt: skip
    assert "cache-control" not in served.get("/a").headers
    served.now += 61
    upstream.status = 500
    for _ in range(2):
        answer = served.get("/a")
        assert answer.headers["cache-control"] == "no-store"
        assert "lost=2;cause=status" in answer.headers["aggregator-parts"]
    assert upstream.counts == {"/a": 3, "/b": 3}


def test_a_kept_reply_is_proved_to_be_json_once(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever gets the same reply, of whichever endpoint, does not scan its body again; one that is none never passes."""
    bodies = {"/good": b'{"n":[1,2]}', "/bad": b'{"n":[1,2}'}
    served = serve("""
        upstreams: {up: {url: "http://up.test", cache: 60s}}
        endpoints: {"GET /a/{p}": {call: "up:/{p}"}, "GET /b/{p}": {fan_out: {x: "up:/{p}"}}}
    """, lambda request: httpx.Response(200, content=bodies[request.url.path], headers={"content-type": "application/json"}))  # fmt: skip
    scanned: list[bytes] = []
    fault_in = json_codec.fault_in
    monkeypatch.setattr(json_codec, "fault_in", lambda body: [scanned.append(body), fault_in(body)][1])
    answers = [served.get(path) for path in ("/a/good", "/b/good", "/a/good")]
    assert [answer.json() for answer in answers] == [{"n": [1, 2]}, {"x": {"n": [1, 2]}}, {"n": [1, 2]}]
    assert scanned == [bodies["/good"]]
    assert [served.get(path).status_code for path in ("/a/bad", "/a/bad", "/b/bad")] == [502] * 3


def test_a_call_that_cannot_be_written_fails_in_its_own_words(serve: Serve, upstream: Counting) -> None:
    """Nothing is kept of it, and nothing is asked."""
    call = "{call: {url: 'up:/x', query: {n: \"{{ query.n + 1 }}\"}CACHE}}"
    endpoints = f"GET /a: {call.replace('CACHE', ', cache: 60s')}, GET /b: {call.replace('CACHE', '')}"
    served = serve(f"""
        upstreams: {{up: {{url: "http://up.test"}}}}
        endpoints: {{{endpoints}}}
    """, upstream)  # fmt: skip
    kept, plain = served.get("/a?n=x"), served.get("/b?n=x")
    assert (kept.status_code, kept.json()["detail"]) == (plain.status_code, plain.json()["detail"])
    assert kept.status_code >= 400
    assert upstream.counts == {}
