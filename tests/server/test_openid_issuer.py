"""An OpenID issuer of our own: its keys rotate, it goes down, lies and lags; what becomes of tokens meanwhile."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient
from joserfc import jws
from joserfc.jwk import ECKey

from aggregator import create_app
from aggregator.exchange import Exchange
from aggregator.identity.caller import Caller, Refused
from aggregator.identity.tokens import TokenRules
from aggregator.plan.schemes import JwtPlan
from aggregator.runtime.admission.bearer import JwtScheme
from aggregator.runtime.admission.keysource import LIFE, SELDOM, FetchedKeys
from aggregator.runtime.admission.schemes import Clocks, Unavailable

ISSUER = "https://id.test"
NOW = 1_800_000_000.0


class Clock:
    """A clock that is set by hand."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        """Return the time."""
        return self.now


class Issuer:
    """An issuer with keys by name. *answer* takes the place of what it would say, *asked* counts what it was asked."""

    def __init__(self, *names: str) -> None:
        self.keys = {name: ECKey.generate_key("P-256", {"kid": name}) for name in names}
        self.answer: Callable[[httpx.Request], Awaitable[httpx.Response]] = self.says
        self.asked: list[str] = []

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer a request."""
        self.asked.append(request.url.path)
        return await self.answer(request)

    async def says(self, request: httpx.Request) -> httpx.Response:
        """Say the truth."""
        if request.url.path == "/.well-known/openid-configuration":
            return httpx.Response(200, json={"issuer": ISSUER, "jwks_uri": f"{ISSUER}/keys"})
        return httpx.Response(200, json={"keys": [key.as_dict(private=False) for key in self.keys.values()]})

    async def is_down(self, request: httpx.Request) -> httpx.Response:
        """Be down."""
        raise httpx.ConnectError("refused", request=request)

    async def lags(self, _: httpx.Request) -> httpx.Response:
        """Never answer."""
        await asyncio.sleep(3600)
        raise AssertionError

    def lies(self, **documents: httpx.Response) -> None:
        """Answer with *documents* in place of the metadata and the keys."""

        async def answer(request: httpx.Request) -> httpx.Response:
            is_metadata = request.url.path.startswith("/.well-known")
            told = documents.get("metadata" if is_metadata else "keys")
            return await self.says(request) if told is None else told

        self.answer = answer

    def rotate(self, *names: str) -> None:
        """Have other keys, those of the same names anew."""
        self.keys = {name: ECKey.generate_key("P-256", {"kid": name}) for name in names}

    def token(self, kid: str, **changes: Any) -> str:
        """Return a token that the key *kid* has signed."""
        claims = {"iss": ISSUER, "aud": "shop", "sub": "ada", "exp": NOW + 10_000} | changes
        return jws.serialize_compact({"alg": "ES256", "kid": kid}, json.dumps(claims), self.keys[kid])


class Rig:
    """The scheme, its clock, and an issuer."""

    def __init__(self, issuer: Issuer) -> None:
        self.steady = Clock(100.0)
        self.issuer = issuer
        self.client = httpx.AsyncClient(transport=httpx.MockTransport(issuer))
        self.keys = FetchedKeys(lambda: self.client, ISSUER, None, self.steady)
        plan = JwtPlan("customers", TokenRules(ISSUER, ("shop",)))
        self.scheme = JwtScheme(plan, self.keys, Clocks(Clock(NOW), self.steady))

    async def asks(self, token: str, patience: float = 10.0) -> str:
        """Return what *token* gets: ``200``, ``503``, or the reason of a 401."""
        exchange = Exchange("GET", "/", b"", [(b"authorization", f"Bearer {token}".encode())])
        exchange.deadline = asyncio.get_running_loop().time() + patience
        try:
            judged = self.scheme.judge(exchange)
            caller = judged if isinstance(judged, Caller) else await judged()
        except Refused as refused:
            return refused.reason.value
        except Unavailable as unavailable:
            return "503" if unavailable.retry_after >= 1 else "503 without a pause"
        assert caller.subject == "ada"
        return "200"

    async def later(self, seconds: float) -> None:
        """Let *seconds* go by, and what is under way end."""
        self.steady.now += seconds
        for _ in range(20):
            await asyncio.sleep(0)


def runs(test: Callable[[Rig], Awaitable[None]], *names: str) -> None:
    """Run *test* with an issuer that has keys of these names."""

    async def run() -> None:
        rig = Rig(Issuer(*names))
        await test(rig)
        await rig.keys.aclose()
        await rig.client.aclose()

    asyncio.run(run())


@pytest.mark.long
def test_one_look_for_all() -> None:
    """The metadata and the keys are fetched once, however many come at the same time, and not for the next."""

    async def test(rig: Rig) -> None:
        tokens = [rig.issuer.token("a", jti=str(number)) for number in range(20)] * 50
        assert await asyncio.gather(*map(rig.asks, tokens)) == ["200"] * 1000
        assert await rig.asks(rig.issuer.token("a", jti="x")) == "200"
        assert rig.issuer.asked == ["/.well-known/openid-configuration", "/keys"]
        assert rig.keys.describe() == {"issuer": ISSUER, "state": "fresh", "keys": 1, "skipped": 0, "age_seconds": 0}

    runs(test, "a")


def test_keys_rotate() -> None:
    """A new key is looked for when a token names it, at most once in ten seconds; the old one ends with the next look."""

    async def test(rig: Rig) -> None:
        old = rig.issuer.token("a")
        assert await rig.asks(old) == "200"
        before = rig.issuer.token("a", jti="before")
        rig.issuer.rotate("b")
        assert await rig.asks(rig.issuer.token("b")) == "unknown_key"
        assert len(rig.issuer.asked) == 2
        await rig.later(SELDOM)
        assert await rig.asks(rig.issuer.token("b")) == "200"
        assert len(rig.issuer.asked) == 4
        assert await rig.asks(before) == "unknown_key"
        assert await rig.asks(old) == "200"  # remembered until it ends
        assert len(rig.issuer.asked) == 4

    runs(test, "a")


def test_unknown_keys_cost_the_issuer_nothing() -> None:
    """A flood of tokens with made-up keys is one look in ten seconds."""

    async def test(rig: Rig) -> None:
        assert await rig.asks(rig.issuer.token("a")) == "200"
        other = Issuer(*(f"evil{number}" for number in range(5)))
        await rig.later(SELDOM)
        found = [await rig.asks(other.token(name)) for name in other.keys for _ in range(5)]
        assert set(found) == {"unknown_key"}
        assert len(rig.issuer.asked) == 4

    runs(test, "a")


def test_an_issuer_that_is_down_at_the_start() -> None:
    """Tokens get 503 until it is there; it is tried again after a pause that doubles up to ten seconds."""

    async def test(rig: Rig) -> None:
        rig.issuer.answer = rig.issuer.is_down
        tries = []
        for number in range(100):
            before = len(rig.issuer.asked)
            assert await rig.asks(rig.issuer.token("a")) == "503"
            tries += [number * 0.5] * (len(rig.issuer.asked) - before)
            await rig.later(0.5)
        assert tries == [0, 0.5, 1.5, 3.5, 7.5, 15.5, 25.5, 35.5, 45.5]
        assert rig.keys.describe()["state"] == "failing"
        rig.issuer.answer = rig.issuer.says
        await rig.later(10)
        assert await rig.asks(rig.issuer.token("a")) == "200"
        assert rig.keys.describe()["state"] == "fresh"

    runs(test, "a")


def test_an_issuer_that_goes_down() -> None:
    """What is known goes on, beyond its life too; a key that nobody knows is 503 then, and not 401."""

    async def test(rig: Rig) -> None:
        assert await rig.asks(rig.issuer.token("a")) == "200"
        rig.issuer.answer = rig.issuer.is_down
        await rig.later(LIFE)
        assert await rig.asks(rig.issuer.token("a", jti="1")) == "200"
        await rig.later(1)
        assert rig.keys.is_failing
        assert await rig.asks(rig.issuer.token("a", jti="2")) == "200"
        rig.issuer.rotate("a", "b")
        assert await rig.asks(rig.issuer.token("b")) == "503"
        assert await rig.asks(rig.issuer.token("a", aud="other")) == "wrong_signature"

    runs(test, "a")


def test_keys_are_renewed_behind_the_requests() -> None:
    """When they are due nobody waits: the request goes on with what is known."""

    async def test(rig: Rig) -> None:
        assert await rig.asks(rig.issuer.token("a")) == "200"
        rig.issuer.answer = rig.issuer.lags
        await rig.later(LIFE)
        assert await rig.asks(rig.issuer.token("a", jti="1")) == "200"

    runs(test, "a")


def test_an_issuer_that_lags() -> None:
    """Nobody waits for it beyond their own deadline."""

    async def test(rig: Rig) -> None:
        rig.issuer.answer = rig.issuer.lags
        assert await rig.asks(rig.issuer.token("a"), patience=0.0) == "503"

    runs(test, "a")


def metadata(**changes: Any) -> httpx.Response:
    """Return metadata with *changes*."""
    return httpx.Response(200, json={"issuer": ISSUER, "jwks_uri": f"{ISSUER}/keys"} | changes)


@pytest.mark.parametrize(
    "lie",
    [
        {"metadata": metadata(issuer="https://evil.test")},
        {"metadata": metadata(issuer=f"{ISSUER}/")},
        {"metadata": metadata(jwks_uri=None)},
        {"metadata": metadata(jwks_uri="http://id.test/keys")},
        {"metadata": httpx.Response(200, text="<html>")},
        {"metadata": httpx.Response(302, headers={"location": "https://evil.test"})},
        {"metadata": httpx.Response(200, content=b"[" * 100_000)},
        {"keys": httpx.Response(200, json={})},
        {"keys": httpx.Response(200, json=[])},
        {"keys": httpx.Response(500)},
        {"keys": httpx.Response(200, content=b'{"keys": [' + b" " * 600_000 + b"]}")},
    ],
)
def test_an_issuer_that_lies(lie: dict[str, httpx.Response]) -> None:
    """Metadata of another issuer, keys in the clear, redirects, and documents that are none, are no keys: 503."""

    async def test(rig: Rig) -> None:
        rig.issuer.lies(**lie)
        assert await rig.asks(rig.issuer.token("a")) == "503"
        assert rig.keys.is_failing

    runs(test, "a")


@pytest.mark.parametrize(
    "keys", [[], [{"kty": "oct", "k": "c2VjcmV0", "kid": "a"}], [{"kty": "RSA", "n": "AQ", "e": "AQAB"}, 7]]
)
def test_keys_that_cannot_be_used_are_skipped(keys: list[Any]) -> None:
    """Secrets, weak keys and garbage in a JWKS verify nothing, and what is left of it counts."""

    async def test(rig: Rig) -> None:
        rig.issuer.lies(keys=httpx.Response(200, json={"keys": keys}))
        assert await rig.asks(rig.issuer.token("a")) == "unknown_key"
        assert rig.keys.describe()["skipped"] == len(keys)

    runs(test, "a")


def test_a_slash_at_the_end_of_the_issuer(caplog: pytest.LogCaptureFixture) -> None:
    """It is a part of the name, and none of the path of the metadata."""

    async def run() -> None:
        issuer = Issuer("a")
        issuer.lies(metadata=metadata(issuer=f"{ISSUER}/"))
        async with httpx.AsyncClient(transport=httpx.MockTransport(issuer)) as client:
            keys = FetchedKeys(lambda: client, f"{ISSUER}/", None)
            assert len(await keys.renewed(asyncio.get_running_loop().time() + 5)) == 1
        assert issuer.asked[0] == "/.well-known/openid-configuration"

    with caplog.at_level(logging.WARNING):
        asyncio.run(run())
    assert not caplog.records


def test_the_process_tells_of_it(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The server starts and is ready without its issuer; `/readyz?verbose` and the log say that it is down."""
    issuer = Issuer("a")
    issuer.answer = issuer.is_down
    (tmp_path / "routes.yaml").write_text(
        "version: 1\n"
        f"auth: {{customers: {{jwt: {{issuer: '{ISSUER}', audience: shop}}}}}}\n"
        "endpoints:\n"
        "  GET /me: {auth: customers, respond: {body: '{{ auth.subject }}'}}\n"
        "  GET /open: {auth: none, respond: {body: ok}}\n"
    )
    app = create_app(tmp_path / "routes.yaml", transport=httpx.MockTransport(issuer), clock=lambda: NOW)
    with TestClient(app) as client, caplog.at_level(logging.WARNING, "aggregator.auth"):
        assert client.get("/readyz?verbose").json()["issuers"][0]["state"] == "unknown"
        refused = client.get("/me", headers={"authorization": f"Bearer {issuer.token('a')}"})
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        assert client.get("/open").status_code == 200
        told = client.get("/readyz?verbose")
        assert (told.status_code, told.json()["issuers"][0]["state"]) == (200, "failing")
        assert client.get("/readyz").status_code == 200
    fields = [record.__dict__["fields"] for record in caplog.records]
    assert (fields[0]["issuer"], fields[0]["reason"]) == (ISSUER, "ConnectError")
