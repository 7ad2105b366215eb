"""Whole answers that are kept: their keys, what a client gets of one, and what is never kept."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from aggregator.policies.cache.purging import ANSWERS
from aggregator.runtime.answers import compressing
from tests.policies.conftest import Served

Serve = Callable[..., Served]


class Counting:
    """An upstream whose replies tell how many it gave; *status* and *headers* of all may be set."""

    def __init__(self) -> None:
        self.count = 0
        self.status = 200
        self.headers: dict[str, str] = {}
        self.pause = 0.0

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.count += 1
        count = self.count
        await asyncio.sleep(self.pause)
        return httpx.Response(self.status, json={"n": count}, headers=self.headers)


@pytest.fixture
def upstream() -> Counting:
    return Counting()


UP = 'upstreams: {up: {url: "http://up.test"}}'


def test_an_answer_is_kept_for_its_time(serve: Serve, upstream: Counting) -> None:
    """Within the ttl nobody is called, on both ways; `Age` and `Cache-Status` tell, and then it is made anew."""
    served = serve(f"""
        {UP}
        endpoints:
          GET /a: {{cache: 10s, call: up:/a}}
          GET /b: {{cache: 10s, fan_out: {{x: up:/a, y: up:/b}}, response: {{etag: true}}}}
    """, upstream)  # fmt: skip
    for path in ("/a", "/b"):
        first, second = served.get(path), served.get(path)
        assert first.headers["cache-status"] == "aggregator; fwd=uri-miss; stored"
        assert (second.json(), second.headers["age"]) == (first.json(), "0")
        assert second.headers["cache-status"] == "aggregator; hit; ttl=10"
        served.now += 9
        assert served.get(path).headers["age"] == "9"
        served.now += 2
        assert served.get(path).json() != first.json()
    assert upstream.count == 6


def test_the_key_is_all_that_the_plan_reads(serve: Serve, upstream: Counting) -> None:
    """Path, query, headers and cookies that are read or passed on tell answers apart; what nobody reads does not."""
    served = serve(f"""
        {UP}
        endpoints:
          GET /a/{{id}}:
            cache: 60s
            call: {{url: "up:/{{id}}", query: {{q: "{{{{ query.q }}}}"}}, forward: {{headers: [x-lang]}}}}
            response: {{headers: {{x-c: "{{{{ cookies.c }}}}"}}}}
    """, upstream)  # fmt: skip

    def number(path: str, **headers: str) -> Any:
        return served.get(path, headers={name.replace("_", "-"): value for name, value in headers.items()}).json()["n"]

    assert number("/a/1") == number("/a/1?other=1") == number("/a/1", user_agent="x") == 1
    asked = [number("/a/2"), number("/a/1?q=1"), number("/a/1", x_lang="de"), number("/a/1", cookie="c=1")]
    assert asked == [2, 3, 4, 5]
    assert served.get("/a/1").headers["vary"] == "x-lang, cookie"


@pytest.mark.parametrize(
    ("read", "vary"),
    [
        ("forward: {headers: all}", "*"),
        ("forward: {headers: [all, cookie]}", "*"),
        ("headers: {x-from: '{{ request.client }}'}", "*"),
        ("forward: {headers: [x-lang]}, query: {c: '{{ cookies.c }}'}", "x-lang, cookie"),
        ("query: {h: '{{ request.method }}'}", None),
    ],
)
def test_other_caches_learn_what_tells_answers_apart(
    serve: Serve, upstream: Counting, read: str, vary: str | None
) -> None:
    """By `Vary`: where they cannot know it they keep nothing for others, and a cache of ours says so of what it kept."""
    served = serve(f"""
        {UP}
        endpoints:
          GET /a: {{cache: 60s, call: {{url: up:/, {read}}}, response: {{headers: {{x-a: b, cache-control: public}}}}}}
    """, upstream)  # fmt: skip
    answers = [served.get("/a") for _ in range(2)]
    assert [answer.headers.get("vary") for answer in answers] == [vary, vary]
    assert upstream.count == 1


@pytest.mark.parametrize("queries", [("a=1&b=2", "b=2&a=1"), ("a", "a="), ("a=1&b=2&a=3", "a=1&a=3&b=2")])
def test_a_query_is_told_apart_as_it_is_passed_on(serve: Serve, queries: tuple[str, str]) -> None:
    """Names that are passed on go upstream in the order and form in which they came, so these belong to the key."""
    text = """
        upstreams: {up: {url: "http://up.test"}}
        endpoints:
          GET /a: {call: {url: "up:/a", forward: {query: [a, b]}}, cache: 60s}
          GET /b: {fan_out: {x: {url: "up:/a", forward: {query: [a, b]}, last_good: 60s}}}
    """
    is_down = False

    def sent(request: httpx.Request) -> httpx.Response:
        return httpx.Response(503 if is_down else 200, json=request.url.query.decode())

    served = serve(text, sent)
    made = [served.get(f"/a?{query}").json() for query in queries]
    assert [served.get(f"/a?{query}&c=1").json() for query in queries] == made
    assert (len(set(made)), len(served.lines)) == (2, 2)
    assert [served.get(f"/b?{query}").json()["x"] for query in queries] == made
    is_down = True
    assert [served.get(f"/b?{query}").json()["x"] for query in queries] == made


def test_services_of_a_route_have_answers_apart(serve: Serve) -> None:
    """What tells whose service is called tells answers and last good values apart: no tenant gets another's."""
    down: set[str] = set()

    def tenant(request: httpx.Request) -> httpx.Response:
        return httpx.Response(503 if request.url.host in down else 200, json={"host": request.url.host})

    served = serve("""
        upstreams:
          up: {route: {by: "{{ headers['x-tenant'] }}", to: {a: "http://a.test", b: "http://b.test"}}}
        endpoints:
          GET /kept: {cache: 60s, call: up:/}
          GET /good: {fan_out: {x: {url: up:/, last_good: 1h, optional: true}}}
    """, tenant)  # fmt: skip
    a, b = {"x-tenant": "a"}, {"x-tenant": "b"}
    kept = [served.get("/kept", headers=each) for each in (a, b, a)]
    assert [answer.json()["host"] for answer in kept] == ["a.test", "b.test", "a.test"]
    assert (len(served.requests), kept[2].headers["vary"]) == (2, "x-tenant")
    assert served.get("/good", headers=a).json() == {"x": {"host": "a.test"}}
    down |= {"a.test", "b.test"}
    assert [served.get("/good", headers=each).json()["x"] for each in (a, b)] == [{"host": "a.test"}, None]


def test_a_mock_that_some_requests_meet_answers_no_others(serve: Serve) -> None:
    """Whoever may have the mock answer fills no cache with it: kept answers, replies and last good values are apart."""
    served = serve("""
        upstreams:
          kept:
            url: http://a.test
            cache: 60s
            mock: {when: "{{ headers['x-mock'] == 'y' }}", routes: {"GET /": {json: {mocked: true}}}}
          up:
            url: http://a.test
            mock: {when: "{{ headers['x-mock'] == 'y' }}", routes: {"GET /": {json: {mocked: true}}}}
        endpoints:
          GET /reply: {call: kept:/}
          GET /answer: {cache: 60s, call: up:/}
          GET /good: {fan_out: {x: {url: up:/, last_good: 1h}}, response: {select: x}}
    """, lambda _: httpx.Response(503 if served.requests[2:] else 200, json={"mocked": False}))  # fmt: skip
    mocked, real = {"x-mock": "y"}, {"x-mock": "n"}
    for path in ("/reply", "/answer"):
        found = [served.get(path, headers=each).json()["mocked"] for each in (mocked, real, mocked, real)]
        assert found == [True, False, True, False]
    assert served.get("/good", headers=mocked).json() == {"mocked": True}
    assert served.get("/good", headers=real).status_code == 502


def test_names_may_be_added_or_narrow(serve: Serve, upstream: Counting) -> None:
    """Where all is passed on, `query` and `vary` say what counts."""
    served = serve(f"""
        {UP}
        endpoints:
          GET /all: {{cache: 60s, call: {{url: up:/, forward: {{query: all}}}}}}
          GET /some: {{cache: {{ttl: 60s, query: [q]}}, call: {{url: up:/, forward: {{query: all}}}}}}
          GET /lang: {{cache: {{ttl: 60s, vary: [accept-language]}}, call: up:/}}
    """, upstream)  # fmt: skip
    assert [served.get(f"/all?{query}").json()["n"] for query in ("q=1", "q=1&x=2", "q=1")] == [1, 2, 1]
    assert [served.get(f"/some?{query}").json()["n"] for query in ("q=1", "q=1&x=2", "q=2")] == [3, 3, 4]
    german = served.get("/lang", headers={"accept-language": "de"})
    assert served.get("/lang").json() != german.json()
    assert german.headers["vary"] == "accept-language"


def test_each_caller_has_answers_apart(serve: Serve, upstream: Counting, tmp_path: Path) -> None:
    """Identity is in the key and the answer private, unless it is public; no answer passes by an identity check."""
    entries = [f"- {{name: {name}, sha256: {hashlib.sha256(name.encode()).hexdigest()}}}" for name in ("ada", "bob")]
    (tmp_path / "keys.yaml").write_text("\n".join(entries))
    served = serve(f"""
        {UP}
        auth: {{keys: {{api_key: {{header: x-api-key, keys: {{file: keys.yaml}}}}}}}}
        endpoints:
          GET /own: {{auth: keys, cache: 60s, call: up:/}}
          GET /all: {{auth: keys, cache: {{ttl: 60s, public: true}}, call: up:/}}
    """, upstream)  # fmt: skip
    ada, bob = {"x-api-key": "ada"}, {"x-api-key": "bob"}
    own = [served.get("/own", headers=each) for each in (ada, bob, ada)]
    assert [answer.json()["n"] for answer in own] == [1, 2, 1]
    assert own[2].headers["cache-control"] == "private"
    everybody = [served.get("/all", headers=each) for each in (ada, bob)]
    assert [answer.json()["n"] for answer in everybody] == [3, 3]
    assert "cache-control" not in everybody[1].headers
    assert served.statuses("/all", 1) == [401]


def test_conditions_and_parts_of_what_is_kept(serve: Serve, upstream: Counting) -> None:
    """An answer has a tag, by which a client gets 304; HEAD and one range come from the same; nobody is called."""
    served = serve(f"{UP}\nendpoints: {{GET /a: {{cache: 60s, call: up:/a}}}}", upstream)
    whole = served.get("/a", headers={"range": "bytes=0-1", "if-range": '"other"'})
    tag, body = whole.headers["etag"], whole.content
    assert (whole.status_code, body) == (200, b'{"n":1}')
    for asked in ({"if-none-match": tag}, {"if-none-match": tag, "range": "bytes=0-1"}):
        answer = served.get("/a", headers=asked)
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", tag)
    ranges = {"bytes=1-3": body[1:4], "bytes=4-": body[4:], "bytes=-2": body[-2:], "bytes=5-99": body[5:]}
    for wanted, piece in ranges.items():
        answer = served.get("/a", headers={"range": wanted})
        assert (answer.status_code, answer.content) == (206, piece)
    assert served.get("/a", headers={"range": "bytes=1-3", "if-range": tag}).headers["content-range"] == "bytes 1-3/7"
    beyond = served.get("/a", headers={"range": "bytes=7-"})
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, "bytes */7")
    for odd in ("bytes=3-1", "bytes=0-1,3-4", "lines=1-2", "bytes=-"):
        assert served.get("/a", headers={"range": odd}).status_code == 200
    assert served.run(served.ask("HEAD", "/a")).headers["etag"] == tag
    assert upstream.count == 1


def test_the_first_client_need_not_have_the_answer(serve: Serve, upstream: Counting) -> None:
    """What is kept was made whole, whatever the one for whom it was made had already."""
    served = serve(f"{UP}\nendpoints: {{GET /a: {{cache: 60s, call: up:/a, response: {{etag: true}}}}}}", upstream)
    assert served.get("/a", headers={"if-none-match": "*"}).status_code == 304
    assert (served.get("/a").status_code, upstream.count) == (200, 1)


def test_what_is_never_kept(serve: Serve, upstream: Counting) -> None:
    """Answers with a cookie, failures, and those with a part that stands in for a failed one."""
    served = serve(f"""
        {UP}
        endpoints:
          GET /cookie: {{cache: {{ttl: {{2xx: 60s}}}}, call: up:/, response: {{set_cookies: [{{name: a, value: b}}]}}}}
          GET /failed: {{cache: 60s, call: up:/}}
          GET /partial: {{cache: 60s, fan_out: {{x: {{url: up:/, optional: true}}}}}}
    """, upstream)  # fmt: skip
    assert [served.get("/cookie").json()["n"] for _ in range(2)] == [1, 2]
    upstream.status = 500
    assert served.statuses("/failed", 2) == [502, 502]
    assert [served.get("/partial").json() for _ in range(2)] == [{"x": None}] * 2
    assert upstream.count == 6


def test_what_came_with_a_cookie_is_never_kept(serve: Serve, upstream: Counting) -> None:
    """Also where the cookie is not passed on: what came with it may be for one client alone."""
    served = serve(f"""
        {UP}
        endpoints:
          GET /one: {{cache: 60s, call: up:/}}
          GET /more: {{cache: 60s, fan_out: {{x: up:/a, y: {{optional: true, url: up:/b}}}}}}
    """, upstream)  # fmt: skip
    upstream.headers = {"set-cookie": "session=1"}
    for path in ("/one", "/more"):
        answers = [served.get(path) for _ in range(2)]
        assert answers[0].json() != answers[1].json()
        assert "stored" not in answers[0].headers["cache-status"]


@pytest.mark.long
def test_one_run_for_a_thousand(serve: Serve, upstream: Counting) -> None:
    """1000 requests for one answer that is over make one run; with a cookie in it each makes its own."""
    served = serve(f"""
        {UP}
        endpoints:
          GET /a: {{cache: 10s, timeout: 60s, fan_out: {{x: {{url: up:/a, timeout: 60s}}}}}}
          GET /cookie: {{cache: 10s, call: up:/, response: {{set_cookies: [{{name: a, value: "{{{{ call.n }}}}"}}]}}}}
    """, upstream)  # fmt: skip
    upstream.pause = 0.05

    async def flood(path: str, times: int) -> list[httpx.Response]:
        return await asyncio.gather(*(served.ask("GET", path) for _ in range(times)))

    for count in (1, 2):
        answers = served.run(flood("/a", 1000))
        assert {answer.status_code for answer in answers} == {200}
        assert upstream.count == count
        served.now += 11
    assert sum("collapsed" in answer.headers["cache-status"] for answer in answers) == 999
    cookies = {answer.headers["set-cookie"] for answer in served.run(flood("/cookie", 3))}
    assert len(cookies) == 3


def test_old_answers(serve: Serve, upstream: Counting) -> None:
    """Within `stale` nobody waits for the next one; within `on_error` an old one stands in, which nobody may store."""
    served = serve(
        f"{UP}\nendpoints: {{GET /a: {{cache: {{ttl: 10s, stale: 10s, on_error: 1h}}, call: up:/a}}}}", upstream
    )

    async def ask() -> Any:
        answer = await served.ask("GET", "/a")
        await asyncio.sleep(0.02)
        return answer.json()["n"]

    assert served.get("/a").json()["n"] == 1
    served.now += 15
    assert served.run(ask()) == 1
    assert served.get("/a").json()["n"] == 2
    upstream.status = 503
    served.now += 100
    answer = served.get("/a")
    assert (answer.json()["n"], answer.headers["cache-control"], answer.headers["age"]) == (2, "no-store", "100")
    upstream.status = 404
    assert served.get("/a").status_code == 404


def test_who_leaves_and_what_fails(serve: Serve, upstream: Counting) -> None:
    """A failure is that of all who waited, each with a request id of its own."""
    served = serve(f"{UP}\nendpoints: {{GET /a: {{cache: 10s, call: up:/a}}}}", upstream)
    upstream.pause, upstream.status = 0.05, 500

    async def flood() -> list[httpx.Response]:
        asking = [served.ask("GET", "/a", headers={"x-request-id": f"id-{number}"}) for number in range(3)]
        return await asyncio.gather(*asking)

    answers = served.run(flood())
    assert [answer.status_code for answer in answers] == [502] * 3
    assert len({answer.json()["request_id"] for answer in answers}) == 3
    assert upstream.count == 1


def test_who_shares_a_run_gets_a_whole_answer(serve: Serve) -> None:
    """A 304 or a range for whoever began it is theirs alone."""
    gate, begun = asyncio.Event(), asyncio.Event()

    async def answer(_: httpx.Request) -> httpx.Response:
        begun.set()
        await gate.wait()
        return httpx.Response(200, json={"ok": True})

    served = serve(f"{UP}\nendpoints: {{GET /a: {{cache: 10s, call: up:/a}}}}", answer)

    async def ask(headers: dict[str, str]) -> list[httpx.Response]:
        gate.clear()
        begun.clear()
        served.now += 11
        first = asyncio.ensure_future(served.ask("GET", "/a", headers=headers))
        await begun.wait()
        second = asyncio.ensure_future(served.ask("GET", "/a"))
        for _ in range(30):
            await asyncio.sleep(0)
        gate.set()
        return [await first, await second]

    tag = served.run(ask({}))[0].headers["etag"]
    for headers, status in (({"if-none-match": tag}, 304), ({"range": "bytes=0-2"}, 206)):
        own, other = served.run(ask(headers))
        assert (own.status_code, other.status_code, other.json()) == (status, 200, {"ok": True})
        assert "collapsed" in other.headers["cache-status"]


def test_a_client_may_ask_past_it(serve: Serve, upstream: Counting) -> None:
    """Only where `obey` says so; the answer that it gets is kept for others."""
    served = serve(f"""
        {UP}
        endpoints:
          GET /a: {{cache: {{ttl: 60s, obey: [no-cache]}}, call: up:/a}}
          GET /b: {{cache: 60s, call: up:/b}}
    """, upstream)  # fmt: skip
    fresh = {"cache-control": "max-age=0, no-cache"}
    assert [served.get("/a", headers=each).json()["n"] for each in ({}, fresh, {})] == [1, 2, 2]
    assert [served.get("/b", headers=each).json()["n"] for each in ({}, fresh)] == [3, 3]


def test_background_calls_run_on_a_hit(serve: Serve, upstream: Counting) -> None:
    """They read what was kept, as they would have read what was just made."""
    served = serve(f"""
        {UP}
        endpoints:
          GET /a: {{cache: 60s, call: up:/a, background: {{url: POST up:/seen, json: "{{{{ call.n }}}}"}}}}
    """, upstream)  # fmt: skip

    async def twice() -> None:
        for _ in range(2):
            await served.ask("GET", "/a")
        await asyncio.sleep(0.05)

    served.run(twice())
    assert [request.content for request in served.requests if request.url.path == "/seen"] == [b"1", b"1"]


def test_no_old_shape_after_a_reload(serve: Serve, upstream: Counting) -> None:
    """An endpoint that has changed has other keys; one that has not keeps its answers."""
    text = UP + "\nendpoints: {GET /a: {cache: 60s, call: up:/a}, GET /b: {cache: 60s, call: up:/b, summary: ONE}}"
    served = serve(text, upstream)
    assert [served.get(path).json()["n"] for path in ("/a", "/b")] == [1, 2]
    served.reload(text.replace("ONE", "TWO"))
    assert [served.get(path).json()["n"] for path in ("/a", "/b")] == [1, 3]


def test_answers_have_the_tags_of_their_calls(serve: Serve, upstream: Counting) -> None:
    """A purge by a tag of a call, or by its own, forgets the answer; others stay."""
    served = serve("""
        upstreams: {up: {url: "http://up.test"}}
        endpoints:
          GET /a/{id}:
            cache: {ttl: 60s, tags: ["a:{{ id }}"]}
            fan_out: {x: {url: "up:/{id}", cache: {ttl: 60s, tags: ["x:{{ id }}"]}}}
          POST /x/{id}: {respond: {body: ok}, purge: "x:{{ id }}"}
          POST /a/{id}: {respond: {body: ok}, purge: "a:{{ id }}"}
    """, upstream)  # fmt: skip

    def number(name: str) -> Any:
        return served.get(f"/a/{name}").json()["x"]["n"]

    assert [number("1"), number("2")] == [1, 2]
    served.run(served.ask("POST", "/x/1"))
    assert [number("1"), number("2")] == [3, 2]
    served.run(served.ask("POST", "/a/1"))
    assert [served.get("/a/1").headers["cache-status"], number("1")] == ["aggregator; fwd=uri-miss; stored", 3]


@pytest.mark.parametrize(
    "call",
    [
        'url: "up:/", cache: {ttl: 60s, tags: ["x:{{ 6 / (query.n | int) }}"]}',
        'url: "up:/", cache: {rfc: true, tags: ["x:{{ 6 / (query.n | int) }}"]}',
        """url: "up:/?i={keys}", for_each: {in: "{{ [1] }}", batch: {key: n}},
           cache: {ttl: 60s, tags: ["x:{{ 6 / (query.n | int) + keys[0] }}"]}""",
    ],
)
def test_what_cannot_be_purged_is_not_kept(serve: Serve, caplog: pytest.LogCaptureFixture, call: str) -> None:
    """An answer with a call of which a tag cannot be made is not kept either: a purge by it would miss both."""

    def respond(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=[{"n": 1}, {"n": 2}], headers={"cache-control": "max-age=60"})

    served = serve(f"""
        {UP}
        endpoints:
          GET /a: {{cache: 60s, fan_out: {{x: {{{call}, last_good: 1h}}}}}}
    """, respond)  # fmt: skip
    assert [served.get("/a?n=0").headers["cache-status"] for _ in range(2)] == ["aggregator; fwd=uri-miss"] * 2
    assert "A tag could not be made, so nothing is kept." in caplog.text
    assert served.get("/a?n=6").headers["cache-status"].endswith("stored")
    assert served.get("/a?n=6").headers["cache-status"] == "aggregator; hit; ttl=60"


@pytest.mark.parametrize("cache", ["rfc", "100s"])
def test_the_age_of_an_answer_is_that_of_its_oldest_part(serve: Serve, upstream: Counting, cache: str) -> None:
    """`Age` counts what a part was kept before (RFC 9111 §4.2.3); where the file names a life it begins with the answer."""
    upstream.headers = {"cache-control": "max-age=100", "age": "5"}
    served = serve(f"""
        {UP}
        endpoints:
          GET /part: {{call: {{url: "up:/a", cache: {cache}}}}}
          GET /a: {{cache: 60s, fan_out: {{x: {{url: "up:/a", cache: {cache}}}, y: up:/b}}}}
          GET /b: {{cache: 60s, fan_out: {{x: {{url: "up:/a", cache: {cache}}}}}, response: {{cache_control: compute}}}}
          GET /c: {{cache: 60s, fan_out: {{x: {{url: "up:/a", cache: {cache}}}}}, response: {{cache_control: max-age=9}}}}
    """, upstream)  # fmt: skip
    served.get("/part")
    served.now += 50
    made = [served.get(path).headers for path in ("/a", "/b", "/c")]
    assert [headers.get("age") for headers in made] == ["55", None, None]
    assert [headers.get("cache-control") for headers in made] == [None, "max-age=45", "max-age=9"]
    served.now += 7
    kept = [served.get(path).headers for path in ("/a", "/b", "/c")]
    assert [headers["age"] for headers in kept] == ["62", "7", "7"]
    assert [headers["cache-status"] for headers in kept] == ["aggregator; hit; ttl=53"] * 3


def test_a_coded_body_is_made_once(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kept answer is coded for the first client that takes a coding; it takes no more bytes than there are."""
    served = serve("""
        server: {compress: {codings: [gzip], above: 1KiB}, cache: {max: 64KiB}}
        upstreams: {up: {url: "http://up.test"}}
        endpoints:
          GET /a: {cache: 1h, call: up:/a}
    """, lambda _: httpx.Response(200, json={"text": "a" * 5000}))  # fmt: skip
    coded: list[str] = []
    compress = compressing.compress
    monkeypatch.setattr(compressing, "compress", lambda body, name: [coded.append(name), compress(body, name)][1])
    answers = [served.get("/a", headers={"accept-encoding": name}) for name in ("gzip", "gzip", "identity", "gzip")]
    assert [answer.json() for answer in answers] == [{"text": "a" * 5000}] * 4
    assert [answer.headers.get("content-encoding") for answer in answers] == ["gzip", "gzip", None, "gzip"]
    assert coded == ["gzip"]
    kept = next(iter(served.app.running.states.each(ANSWERS).values()))
    assert 5000 < kept.size < 6600, "one body, one that is coded, and what an entry with three tags costs"
    assert served.get("/a", headers={"accept-encoding": "gzip", "range": "bytes=0-3"}).content == b'{"te'


@pytest.mark.parametrize("forward", ["{headers: [all, cookie]}", "{headers: [all, authorization]}"])
def test_what_is_passed_on_by_name_is_never_narrowed_away(serve: Serve, forward: str) -> None:
    """`vary` narrows what is passed on without a name; a credential that is named beside it still tells callers apart."""
    served = serve(f"""
        {UP}
        endpoints:
          GET /a:
            cache: {{ttl: 60s, vary: [x-lang], query: [q]}}
            call: {{url: "up:/a?me={{query.me}}", forward: {{headers: {forward[10:-1]}, query: all}}}}
    """, Echo())  # fmt: skip
    name = forward.split(", ")[1][:-2]

    def ask(query: str, **headers: str) -> int:
        return int(
            served.get(f"/a?{query}", headers={key.replace("_", "-"): value for key, value in headers.items()}).text
        )

    assert ask("me=1", **{name: "a"}) == 1
    assert ask("me=1&other=1", **{name: "a", "x_other": "1"}) == 1
    assert ask("me=1", **{name: "b"}) == 2
    assert ask("me=2", **{name: "a"}) == 3
    assert ask("me=1&q=1", **{name: "a"}) == 4
    assert ask("me=1", **{name: "a", "x_lang": "de"}) == 5


class Echo:
    """An upstream that answers with how often it was asked."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, _: httpx.Request) -> httpx.Response:
        self.count += 1
        return httpx.Response(200, json=self.count)
