"""Upstreams that are called with tokens of an authorization server, through the whole application."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from issuing import Issuer

from aggregator.plan.explaining.summary import route_member
from aggregator.policies.credentials.oauth.door import _Turn
from aggregator.policies.rate_limit.plan import CallRatePlan
from aggregator.policies.rate_limit.shared_pacing import build_pace
from aggregator.policies.registry import Registry
from aggregator.server.application.app import application
from aggregator.server.generations.plan_source import PlanFiles
from aggregator.stores.rate import Rate

UPSTREAM = """
upstreams:
  a:
    url: http://a.test
    auth: {oauth2: {token_url: "https://id.test/token", client_id: shop, client_secret: "${SECRET}", scope: read}}
  b: {url: http://b.test}
"""
ENDPOINTS = """
client: {timeout: 120s}
endpoints:
  GET /call: {call: a:/x}
  POST /call: {call: {url: "POST a:/x", forward: {body: true}}}
  POST /hasty: {call: {url: "POST a:/x", forward: {body: true}, timeout: 50ms}}
  GET /parts: {fan_out: {one: a:/x, many: {url: "a:/x?i={item}", for_each: "{{ [1, 2] }}"}}}
  GET /batch: {fan_out: {many: {url: "a:/x?i={keys}", for_each: {in: "{{ ['1', '2'] }}", batch: {key: id}}}}}
  GET /fallback: {call: {url: b:/x, fallback: [a:/x]}}
  GET /other: {call: {url: a:/x, fallback: [b:/x]}}
  GET /race: {fan_out: {fast: {race: [a:/x, a:/y]}}}
  GET /stream: {stream: true, call: a:/x}
  POST /stream: {stream: true, call: {url: "POST a:/x", forward: {body: true}}}
  GET /background: {respond: {body: 1}, background: [a:/x]}
  GET /redirect: {call: {url: a:/moved, redirects: 2}}
  GET /away: {call: {url: a:/away, redirects: 2}}
  GET /mapped: {call: {url: a:/x, status_map: {credentials: 503}}}
"""


class World:
    """An application, its upstreams and its issuer, in one loop; *refused* are tokens to which a says 401."""

    def __init__(self, path: Path, **env: str) -> None:
        self.path = path
        self.issuer = Issuer()
        self.requests: list[httpx.Request] = []
        self.refused: set[str] = set()
        self.app = application(PlanFiles(path, {"SECRET": "s3cr3t", **env}), httpx.MockTransport(self.answer))
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://gateway")

    async def answer(self, request: httpx.Request) -> httpx.Response:
        """Answer for everybody."""
        if request.url.host == "id.test":
            return await self.issuer(request)
        self.requests.append(request)
        where = {"/moved": "/x", "/away": "http://elsewhere.test/x"}.get(request.url.path)
        if where is not None:
            return httpx.Response(302, headers={"location": where})
        if request.url.host == "b.test" or request.url.path == "/bad":
            return httpx.Response(503)
        sent = request.headers.get("authorization", "")
        if not sent.startswith("Bearer token-") or sent.removeprefix("Bearer ") in self.refused:
            return httpx.Response(401, json={"error": "who are you"})
        return httpx.Response(200, json=[{"id": "1", "sent": sent}])

    @property
    def tokens(self) -> list[str | None]:
        """What was sent as ``Authorization``, one for each request."""
        return [request.headers.get("authorization", "").removeprefix("Bearer ") or None for request in self.requests]


@pytest.fixture
def world(tmp_path: Path) -> Callable[..., None]:
    """Runs a function of a world whose application serves ENDPOINTS, or another text."""

    def run(main: Callable[[World], Any], text: str = UPSTREAM + ENDPOINTS) -> None:
        path = tmp_path / "routes.yaml"
        path.write_text(f"version: 1\n{text}")

        async def whole() -> None:
            world = World(path)
            async with world.app.router.lifespan_context(world.app), world.client:
                await main(world)

        asyncio.run(whole())

    return run


@pytest.mark.parametrize(
    ("method", "path", "hosts"),
    [
        ("GET", "/call", "a"), ("POST", "/call", "a"), ("GET", "/parts", "aaa"), ("GET", "/batch", "a"),
        ("GET", "/fallback", "ba"), ("GET", "/race", "aa"), ("GET", "/stream", "a"), ("POST", "/stream", "a"),
        ("GET", "/background", "a"), ("GET", "/redirect", "aa"), ("GET", "/away", "a"),
    ],
)  # fmt: skip
def test_each_kind_of_call_carries_a_token(world, method: str, path: str, hosts: str) -> None:
    """One token for all calls to the upstream, and none for another one or for where a redirect leads away."""

    async def main(world: World) -> None:
        for _ in range(2):
            await world.client.request(method, path, content=b"{}" if method == "POST" else None)
            await world.app.running.queue.drain(1)
        assert "".join(request.url.host[0] for request in world.requests) == hosts * 2
        for request, token in zip(world.requests, world.tokens, strict=True):
            assert token == ("token-1" if request.url.host == "a.test" else None)
        assert len(world.issuer.asked) == 1

    world(main)


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "tokens"),
    [
        ("GET", "/call", None, 200, ["token-1", "token-2"]),
        ("POST", "/call", b"x" * 65_536, 200, ["token-1", "token-2"]),
        ("POST", "/call", b"x" * 65_537, 502, ["token-1"]),
        ("GET", "/stream", None, 200, ["token-1", "token-2"]),
        ("POST", "/stream", b"x", 502, ["token-1"]),
    ],
)
def test_after_a_401_a_call_is_made_once_more_with_another_token(world, method, path, body, status, tokens) -> None:
    """If its body is there still, and has 64 KiB at most."""

    async def main(world: World) -> None:
        world.refused = {"token-1"}
        answer = await world.client.request(method, path, content=body, headers={"content-type": "text/plain"})
        assert answer.status_code == status, answer.text
        assert world.tokens == tokens
        if body is not None:
            assert {request.content for request in world.requests} == {body}

    world(main)


@pytest.mark.parametrize("path", ["/call", "/stream"])
@pytest.mark.parametrize(
    ("rate", "status", "sent", "next_one"),
    [
        ("{rate: 1/h, burst: 1}", 502, ["token-1"], 503),
        ("{rate: 1/h, burst: 2}", 200, ["token-1", "token-2"], 503),
        ("{rate: 1000/s, burst: 1, wait: 5s}", 200, ["token-1", "token-2"], 200),
    ],
)
def test_the_second_request_keeps_to_the_rate_of_the_upstream(world, path, rate, status, sent, next_one) -> None:
    """It waits for a turn as any call does; where none comes in time, the 401 stands."""
    text = UPSTREAM.replace("url: http://a.test\n", f"url: http://a.test\n    rate_limit: {rate}\n")

    async def main(world: World) -> None:
        world.refused = {"token-1"}
        answer = await world.client.get(path)
        assert (answer.status_code, world.tokens) == (status, sent)
        assert (await world.client.get(path)).status_code == next_one

    world(main, text + ENDPOINTS)


def test_who_hangs_up_gives_the_turn_of_the_second_request_back() -> None:
    """A turn that nobody takes is there for the next call."""

    async def main() -> None:
        pace = build_pace("a", CallRatePlan(Rate(1, 3600.0, 1), wait=7200.0), "a", Registry().draft(), lambda: 0.0)
        assert pace.reserve(0.0) == 0.0
        wait = pace.reserve(9000.0)
        turn = _Turn(asyncio.get_running_loop().call_later(wait, pytest.fail), pace)
        turn.cancel()
        assert pace.reserve(9000.0) == wait

    asyncio.run(main())


def test_the_second_request_is_counted(world) -> None:
    """The answer says how many were sent: two after a 401, none when no token came."""

    async def main(world: World) -> None:
        world.refused = {"token-1"}
        answer = await world.client.get("/counted")
        one, lost = answer.headers["aggregator-parts"].split(", ")
        assert one.endswith(';attempts=2;met="401 200"')
        assert lost.endswith(";attempts=1")

    text = "endpoints: {GET /counted: {fan_out: {one: a:/x, lost: {url: b:/x, optional: true}}}}"
    world(main, UPSTREAM + text)


def test_an_upstream_that_refuses_every_token_says_401_as_ever(world) -> None:
    """One more try, and then its 401 is the failure; the server is not asked again for each of such calls."""

    async def main(world: World) -> None:
        world.refused = {f"token-{number}" for number in range(10)}
        for sent in (2, 1, 1):
            world.requests.clear()
            answer = await world.client.get("/call")
            assert (answer.status_code, answer.json()["cause"], answer.json()["upstream_status"]) == (
                502,
                "status",
                401,
            )
            assert len(world.requests) == sent
        assert len(world.issuer.asked) == 2

    world(main)


def test_the_same_token_again_is_not_tried(world) -> None:
    """A server that gives the token out that it gave before has no other one."""

    async def main(world: World) -> None:
        world.refused = {"token-x"}
        world.issuer.answer = lambda _: httpx.Response(200, json={"access_token": "token-x"})
        assert (await world.client.get("/call")).json()["upstream_status"] == 401
        assert (await world.client.get("/stream")).json()["upstream_status"] == 401
        assert world.tokens == ["token-x", "token-x"]

    world(main)


@pytest.mark.parametrize(
    ("method", "path", "status", "sent"),
    [
        ("GET", "/call", 502, ""), ("GET", "/parts", 502, ""), ("GET", "/stream", 502, ""), ("POST", "/call", 502, ""),
        ("GET", "/mapped", 503, ""), ("GET", "/other", 502, "b"),
    ],
)  # fmt: skip
def test_a_server_that_is_down_is_the_failure_of_the_call(world, method, path, status, sent) -> None:
    """With the cause `credentials`, by which alternatives and status maps go; the upstream hears nothing."""

    async def main(world: World) -> None:
        world.issuer.answer = lambda _: httpx.Response(500, text="canary")
        answer = await world.client.request(method, path)
        assert answer.status_code == status
        assert "".join(request.url.host[0] for request in world.requests) == sent
        if path != "/other":
            assert answer.json()["cause"] == "credentials"
            assert answer.json()["upstream"] == "a"
            assert answer.json()["detail"] == "Credentials for the upstream could not be had."
        if path == "/parts":
            assert "attempts=0" in answer.headers["aggregator-parts"]
        assert "canary" not in answer.text

    world(main)


def test_a_server_that_hangs_costs_the_time_of_the_call(world) -> None:
    """The deadline of the call covers the wait for its token."""

    async def main(world: World) -> None:
        world.issuer.gate = asyncio.Event()
        answer = await world.client.post("/hasty", content=b"")
        assert (answer.status_code, answer.json()["cause"]) == (502, "credentials")
        world.issuer.gate.set()

    world(main)


def test_many_requests_at_once_ask_once(world) -> None:
    """For the first token, and for the one after a 401."""

    async def main(world: World) -> None:
        world.refused = {"token-1"}
        answers = await asyncio.gather(*(world.client.get("/call") for _ in range(100)))
        assert {answer.status_code for answer in answers} == {200}
        assert len(world.issuer.asked) == 2
        assert len(world.requests) == 200

    world(main)


def test_a_token_outlives_a_reload_that_leaves_its_settings_alone(world) -> None:
    """Also one in the middle of a request for it; other settings ask for another one."""

    async def main(world: World) -> None:
        world.issuer.gate = asyncio.Event()
        waiting = asyncio.create_task(world.client.get("/call"))
        await world.issuer.came.wait()
        text = world.path.read_text()
        world.path.write_text(text.replace("GET /parts", "GET /pieces").replace("a:/x}", "a:/y}"))
        await world.app.running.reload()
        late = asyncio.create_task(world.client.get("/call"))
        world.issuer.gate.set()
        assert {(await waiting).status_code, (await late).status_code} == {200}
        assert (await world.client.get("/pieces")).status_code == 200
        assert len(world.issuer.asked) == 1
        world.path.write_text(text.replace("scope: read", "scope: write"))
        await world.app.running.reload()
        await world.client.get("/call")
        assert [form["scope"] for form in world.issuer.forms] == ["read", "write"]

    world(main)


def test_a_client_that_hangs_up_leaves_the_others_their_token(world) -> None:
    """Whoever asked first."""

    async def main(world: World) -> None:
        world.issuer.gate = asyncio.Event()
        first, second = (asyncio.create_task(world.client.get("/call")) for _ in range(2))
        await world.issuer.came.wait()
        first.cancel()
        await asyncio.sleep(0.01)
        world.issuer.gate.set()
        assert (await second).status_code == 200
        assert len(world.issuer.asked) == 1

    world(main)


def test_no_secret_is_told(world, caplog) -> None:
    """Neither by problems nor by the log, at any level."""

    async def main(world: World) -> None:
        caplog.set_level("DEBUG")
        await world.client.get("/call")
        world.issuer.answer = lambda _: httpx.Response(401, json={"error": "s3cr3t"})
        world.refused = {"token-1"}
        told = [(await world.client.get(path)).text for path in ("/call", "/stream", "/parts", "/-/config")]
        records = [vars(record) | {"message": record.getMessage()} for record in caplog.records]
        shown = json.dumps([told, records], default=str)
        assert "could not be had" in shown
        for secret in ("s3cr3t", "token-1", "c2hvcDpzM2NyM3Q="):
            assert secret not in shown

    world(main)


def test_how_the_token_is_can_be_asked(world) -> None:
    """``/-/config`` names the scheme and how its token is, and `routes` the scheme alone."""

    async def main(world: World) -> None:
        async def told() -> Any:
            return (await world.client.get("/-/config")).json()["credentials"]

        assert await told() == {"a": {"scheme": "oauth2", "token": "none", "failing": False}}
        world.issuer.answer = lambda _: httpx.Response(500)
        await world.client.get("/call")
        assert await told() == {"a": {"scheme": "oauth2", "token": "none", "failing": True}}

    world(main)

    async def good(world: World) -> None:
        await world.client.get("/call")
        told = (await world.client.get("/-/config")).json()["credentials"]["a"]
        assert told.pop("ends_in") in range(3590, 3601)
        assert told == {"scheme": "oauth2", "token": "good", "failing": False}
        call = next(route for route in world.app.running.plan.endpoints if route.key == "GET /call")
        assert route_member(call)["parts"][0]["auth"] == {"a": "oauth2"}

    world(good)


@pytest.mark.parametrize("path", ["/call", "/stream"])
def test_a_missing_token_says_nothing_of_the_upstream(world, path: str) -> None:
    """Its breaker counts neither a failure nor a success: two failures in a row stay so, with one such call between."""
    text = UPSTREAM.replace("url: http://a.test\n", "url: http://a.test\n    breaker: {failures: 2, pause: 1m}\n")

    async def main(world: World) -> None:
        tokens = world.app.running.states.find("tokens", "a")
        for bad, cause in ((True, "status"), (False, "credentials"), (True, "status"), (True, "breaker_open")):
            world.issuer.answer = None if bad else lambda _: httpx.Response(500)
            tokens._token, tokens.again = None, float("-inf")
            answer = await world.client.get(f"{path}/bad")
            assert answer.json()["cause"] == cause

    endpoints = "endpoints: {GET /call/bad: {call: a:/bad}, GET /stream/bad: {stream: true, call: a:/bad}}"
    world(main, text + endpoints)
