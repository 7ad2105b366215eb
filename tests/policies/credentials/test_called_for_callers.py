"""Upstreams that are called in the name of the caller, whose token is exchanged for one of theirs (RFC 8693)."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from issuing import Issuer
from joserfc import jws
from joserfc.jwk import ECKey

from aggregator.config.loading import load_config
from aggregator.errors import ConfigError
from aggregator.policies.credentials.oauth.exchanging import CallerTokens
from aggregator.policies.credentials.plan import OauthPlan
from aggregator.server.application.app import application
from aggregator.server.generations.plan_source import PlanFiles

FILE = """
version: 1
auth:
  customers: {jwt: {issuer: https://id.test, audience: shop, key: {file: issuer.pem}}}
  pages: {jwt: {issuer: https://id.test, audience: shop, key: {file: issuer.pem}, from: {cookie: session}}}
upstreams:
  a:
    url: http://a.test
    auth:
      oauth2:
        grant: token_exchange
        token_url: https://id.test/token
        client_id: shop
        client_secret: "${SECRET}"
        audience: ledger
        scope: [read, write]
defaults: {endpoint: {auth: {any: [customers, pages]}}}
endpoints:
  GET /x: {call: a:/x}
  GET /kept: {call: {url: a:/x, cache: 1m}}
  GET /good: {fan_out: {x: {url: a:/good, last_good: 1h}}}
  GET /group: {fan_out: {x: {fan_out: {y: a:/good}, last_good: 1h}}}
  GET /joined: {call: {url: a:/x, coalesce: true}}
  GET /stream: {stream: true, call: a:/x}
  GET /background: {respond: {body: 1}, background: [a:/x]}
  GET /redirect: {call: {url: a:/moved, redirects: 1}}
  GET /maybe: {auth: {any: [customers], optional: true}, call: a:/x}
  GET /maybe/stream: {auth: {any: [customers], optional: true}, stream: true, call: a:/x}
"""


@pytest.fixture(scope="module")
def key() -> ECKey:
    """The key of the issuer."""
    return ECKey.generate_key("P-256")


class World:
    """An application, the issuer whose tokens it exchanges, and what came to the upstream."""

    def __init__(self, folder: Path, key: ECKey) -> None:
        self.key = key
        self.issuer = Issuer()
        self.requests: list[httpx.Request] = []
        self.is_down = False
        self.app = application(
            PlanFiles(folder / "routes.yaml", {"SECRET": "s3cr3t"}), httpx.MockTransport(self.answer)
        )
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="https://gateway")

    async def answer(self, request: httpx.Request) -> httpx.Response:
        """Answer for everybody."""
        if request.url.host == "id.test":
            return await self.issuer(request)
        self.requests.append(request)
        if self.is_down:
            return httpx.Response(503)
        if request.url.path == "/moved":
            return httpx.Response(302, headers={"location": "/x"})
        return httpx.Response(200, json={"sent": request.headers.get("authorization")})

    def token(self, subject: str, **claims: Any) -> str:
        """Return a token of *subject*."""
        claims = {"iss": "https://id.test", "aud": "shop", "sub": subject, "exp": time.time() + 300, **claims}
        return jws.serialize_compact({"alg": "ES256"}, json.dumps(claims), self.key)

    async def ask(self, token: str, path: str = "/x") -> httpx.Response:
        """Return the answer to the caller with *token*."""
        return await self.client.get(path, headers={"authorization": f"Bearer {token}"})


@pytest.fixture
def world(tmp_path: Path, key: ECKey) -> Callable[..., None]:
    """Runs a function of a world."""
    (tmp_path / "routes.yaml").write_text(FILE)
    (tmp_path / "issuer.pem").write_bytes(key.as_pem(private=False))

    def run(main: Callable[[World], Any]) -> None:
        async def whole() -> None:
            world = World(tmp_path, key)
            async with world.app.router.lifespan_context(world.app), world.client:
                await main(world)

        asyncio.run(whole())

    return run


def test_each_caller_has_a_token_of_their_own(world) -> None:
    """The one of the caller is exchanged once, with what the RFC wants in the request."""

    async def main(world: World) -> None:
        ada, bob = world.token("ada"), world.token("bob")
        for token, sent in ((ada, "token-1"), (bob, "token-2"), (ada, "token-1"), (bob, "token-2")):
            assert (await world.ask(token)).json() == {"sent": f"Bearer {sent}"}
        assert world.issuer.forms == [
            {
                "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
                "scope": "read write",
                "audience": "ledger",
                "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
                "subject_token": token,
            }
            for token in (ada, bob)
        ]
        other = await world.ask(world.token("ada", jti="another session"))
        assert other.json() == {"sent": "Bearer token-3"}

    world(main)


@pytest.mark.parametrize("path", ["/x", "/stream", "/background", "/redirect", "/kept", "/joined"])
def test_every_kind_of_call_is_made_in_their_name(world, path: str) -> None:
    """What is kept or joined, too, belongs to one caller."""

    async def main(world: World) -> None:
        tokens = [world.token(name) for name in ("ada", "bob")]
        answers = await asyncio.gather(*(world.ask(token, path) for token in tokens * 2))
        await world.app.running.queue.drain(1)
        assert {answer.status_code for answer in answers} == {200}
        assert {request.headers["authorization"] for request in world.requests} == {"Bearer token-1", "Bearer token-2"}
        if path != "/background":
            first, second, third, fourth = (answer.json()["sent"] for answer in answers)
            assert first == third != second == fourth
        assert len(world.issuer.asked) == 2

    world(main)


@pytest.mark.parametrize("path", ["/good", "/group"])
def test_a_last_good_value_is_that_of_its_caller(world, path: str) -> None:
    """It stands in for the caller in whose name it was fetched, and for nobody else."""

    async def main(world: World) -> None:
        ada, bob = world.token("ada"), world.token("bob")
        good = await world.ask(ada, path)
        world.is_down = True
        answers = [await world.ask(token, path) for token in (ada, bob)]
        assert [answer.status_code for answer in answers] == [200, 502]
        assert answers[0].json() == good.json()

    world(main)


def test_a_token_in_a_cookie_is_exchanged_too(world) -> None:
    """Wherever the scheme that admits finds it."""

    async def main(world: World) -> None:
        token = world.token("ada")
        answer = await world.client.get("/x", headers={"cookie": f"session={token}"})
        assert answer.json() == {"sent": "Bearer token-1"}
        assert world.issuer.forms[0]["subject_token"] == token

    world(main)


@pytest.mark.parametrize("path", ["/maybe", "/maybe/stream"])
def test_a_caller_without_a_token_has_nothing_to_exchange(world, path: str) -> None:
    """The call fails with the cause `credentials`; the upstream and the issuer hear nothing."""

    async def main(world: World) -> None:
        answer = await world.client.get(path)
        assert (answer.status_code, answer.json()["cause"]) == (502, "credentials")
        assert (world.requests, world.issuer.asked) == ([], [])

    world(main)


def test_a_caller_whose_token_is_refused_stops_no_other(world, caplog, monkeypatch) -> None:
    """Each has a pause of their own; the log says it once, with nothing of any token."""
    for name in ("_FIRST_PAUSE", "_LONGEST_PAUSE"):
        monkeypatch.setattr(f"aggregator.policies.credentials.oauth.tokens.{name}", 600.0)

    async def main(world: World) -> None:
        def answer(request: httpx.Request) -> httpx.Response:
            if bad in request.content.decode():
                return httpx.Response(400, json={"error": "invalid_grant", "error_description": bad})
            return httpx.Response(200, json={"access_token": "fine"})

        caplog.set_level("DEBUG")
        bad, good = world.token("mallory"), world.token("ada")
        world.issuer.answer = answer
        for _ in range(3):
            assert (await world.ask(bad)).json()["cause"] == "credentials"
            assert (await world.ask(good)).json() == {"sent": "Bearer fine"}
        assert len(world.issuer.asked) == 2
        told = [vars(record) for record in caplog.records if record.name == "aggregator.credentials"]
        assert [record["msg"] for record in told] == ["Tokens of callers could not be exchanged."]
        shown = json.dumps([vars(record) for record in caplog.records], default=str)
        assert "invalid_grant" in shown
        for secret in (bad, good, 'fine"', "s3cr3t"):
            assert secret not in shown

    world(main)


def test_what_is_remembered_of_callers_is_bounded(monkeypatch) -> None:
    """Who was seen longest ago is forgotten first; identities never run into each other."""
    monkeypatch.setattr("aggregator.policies.credentials.oauth.exchanging.MOST", 2)
    issuer = Issuer()
    tokens = CallerTokens("a", OauthPlan("https://id.test/token", ()), issuer.client)
    first, second = tokens.of("1:a", "x"), tokens.of("1:b", "x")
    assert tokens.of("1:a", "x") is first
    assert tokens.of("1:", "ax") is not first
    assert tokens.of("1:a", "x") is first
    assert tokens.of("1:b", "x") is not second


@pytest.mark.parametrize(
    ("auth", "level"),
    [("none", "error"), ("keys", "error"), ("customers", None), ("{any: [customers, keys]}", "warning"),
     ("{all: [keys, customers]}", None)],
)  # fmt: skip
def test_check_finds_callers_without_a_token(tmp_path: Path, key: ECKey, auth: str, level: str | None) -> None:
    """An endpoint has to ask for one where its calls are made in the name of the caller."""
    text = FILE.replace("upstreams:", "  keys: {api_key: {header: x-key, keys: {file: keys.yaml}}}\nupstreams:")
    text = text.partition("endpoints:")[0].replace("${SECRET}", "${SECRET:-x}")
    (tmp_path / "routes.yaml").write_text(f"{text}endpoints:\n  GET /x: {{auth: {auth}, call: a:/x}}\n")
    (tmp_path / "issuer.pem").write_bytes(key.as_pem(private=False))
    (tmp_path / "keys.yaml").write_text("[]")
    try:
        found = load_config(tmp_path / "routes.yaml", {}).warnings
    except ConfigError as error:
        found = error.diagnostics
    assert [problem.level for problem in found if problem.code == "credentials"] == ([level] if level else [])
