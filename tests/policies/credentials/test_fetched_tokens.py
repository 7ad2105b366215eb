"""The token of an upstream: asked for once for all, ahead of its end, and as long as somebody or nobody waits."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Coroutine
from typing import Any

import httpx
import pytest
from issuing import TOKEN_URL, Clock, Issuer

from aggregator.errors import CallError, Cause
from aggregator.policies.credentials.compiling import compile_credentials
from aggregator.policies.credentials.oauth import tokens as module
from aggregator.policies.credentials.oauth.refreshing import held_refresh_token
from aggregator.policies.credentials.oauth.telling import Logged
from aggregator.policies.credentials.oauth.tokens import Token, Tokens
from aggregator.policies.credentials.plan import OauthPlan
from aggregator.policies.credentials.settings import CredentialSettings
from aggregator.policies.registry import Registry


def plan(**settings: Any) -> OauthPlan:
    """Return a plan with *settings* beside the usual ones."""
    usual = {"token_url": TOKEN_URL, "client_id": "shop:1", "client_secret": "s e/c+ret"}
    found = compile_credentials(CredentialSettings.model_validate({"oauth2": usual | settings}))
    assert isinstance(found, OauthPlan)
    return found


class Rig:
    """Tokens, the issuer that makes them, and the clock that both go by."""

    def __init__(self, **settings: Any) -> None:
        self.issuer, self.clock = Issuer(), Clock()
        client = self.issuer.client()
        made = plan(**settings)
        refresh_token = held_refresh_token(made, Registry().draft())
        self.tokens = Tokens(made, lambda: client, Logged("ledger"), self.clock, refresh_token=refresh_token)

    async def token(self, deadline: float | None = None) -> str:
        """Return the token that a call gets; raises ``CallError``."""
        token = self.tokens.now() or await self.fetched(deadline)
        return token.line.decode().removeprefix("authorization: Bearer ").removesuffix("\r\n")

    async def fetched(self, deadline: float | None = None) -> Token:
        """Return the token that is on its way; raises ``CallError``."""
        future: asyncio.Future[Token | CallError] = asyncio.get_running_loop().create_future()
        waiter = self.tokens.ask(future.set_result, deadline)
        try:
            outcome = await future
        finally:
            waiter.cancel()
        if isinstance(outcome, CallError):
            raise outcome
        return outcome

    async def settled(self) -> None:
        """Wait until no request is under way."""
        while (request := self.tokens.request) is not None:
            await asyncio.wait([request])


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run *main*."""
    asyncio.run(main)


@pytest.mark.parametrize(
    ("settings", "form", "authorization"),
    [
        ({}, {"grant_type": "client_credentials"}, "Basic c2hvcCUzQTE6cytlJTJGYyUyQnJldA=="),
        (
            {"client_auth": "post", "scope": ["a", "b"], "audience": "urn:x", "resource": "https://a.test/"},
            {
                "grant_type": "client_credentials", "client_id": "shop:1", "client_secret": "s e/c+ret",
                "scope": "a b", "audience": "urn:x", "resource": "https://a.test/",
            },
            None,
        ),
        (
            {"grant": "refresh_token", "refresh_token": "r&1", "client_secret": None},
            {"grant_type": "refresh_token", "client_id": "shop:1", "refresh_token": "r&1"},
            None,
        ),
    ],
)  # fmt: skip
def test_the_request_is_that_of_the_rfc(settings, form, authorization) -> None:
    """A form by POST; id and secret are encoded before they are joined (RFC 6749 §2.3.1, §4.4.2, §6)."""

    async def main() -> None:
        rig = Rig(**settings)
        assert await rig.token() == "token-1"
        (request,) = rig.issuer.asked
        assert (request.method, str(request.url)) == ("POST", TOKEN_URL)
        assert request.headers["content-type"] == "application/x-www-form-urlencoded"
        assert request.headers.get("authorization") == authorization
        assert rig.issuer.forms == [form]

    run(main())


def test_a_thousand_callers_make_one_request() -> None:
    """All wait for the same answer, and all get it."""

    async def main() -> None:
        rig = Rig()
        rig.issuer.gate = asyncio.Event()
        callers = [asyncio.create_task(rig.token()) for _ in range(1000)]
        await asyncio.sleep(0.01)
        rig.issuer.gate.set()
        assert set(await asyncio.gather(*callers)) == {"token-1"}
        assert len(rig.issuer.asked) == 1

    run(main())


def test_a_leader_that_leaves_hands_on() -> None:
    """Who asked first may go: those behind it get the token, by the same request; so does who comes when all left."""

    async def main() -> None:
        rig = Rig()
        rig.issuer.gate = asyncio.Event()
        callers = [asyncio.create_task(rig.token()) for _ in range(3)]
        await asyncio.sleep(0.01)
        callers[0].cancel()
        await asyncio.sleep(0)
        rig.issuer.gate.set()
        assert await asyncio.gather(*callers[1:]) == ["token-1", "token-1"]
        rig.clock.now += 10_000
        rig.issuer.gate = asyncio.Event()
        alone = asyncio.create_task(rig.token())
        await asyncio.sleep(0.01)
        alone.cancel()
        rig.issuer.gate.set()
        await rig.settled()
        assert rig.tokens.now() is not None
        assert len(rig.issuer.asked) == 2

    run(main())


@pytest.mark.parametrize(("life", "ahead"), [(3600, 60), (100, 10), (7, 0.7)])
def test_it_is_renewed_ahead_of_its_end_behind_the_calls(life: float, ahead: float) -> None:
    """A tenth of its life and at most a minute ahead; meanwhile calls go on with it, and nobody waits."""

    async def main() -> None:
        rig = Rig()
        rig.issuer.life = life
        assert await rig.token() == "token-1"
        rig.clock.now += life - ahead - 0.01
        assert await rig.token() == "token-1"
        assert rig.tokens.request is None
        rig.clock.now += 0.02
        known = rig.tokens.now()
        assert known is not None
        assert b"token-1" in known.line
        await rig.settled()
        assert await rig.token() == "token-2"
        assert len(rig.issuer.asked) == 2

    run(main())


def test_how_a_token_is_is_told() -> None:
    """There is none, it is good, due from a tenth of its life on, and none from its end on; and whether requests fail."""

    async def main() -> None:
        rig = Rig()
        rig.issuer.life = 100
        assert rig.tokens.describe() == {"token": "none", "failing": False}
        await rig.token()
        begun, told = rig.clock.now, {}
        for age in (0, 89, 90, 99, 100):
            rig.clock.now = begun + age
            told[age] = rig.tokens.describe()
        assert told == {
            0: {"token": "good", "ends_in": 100, "failing": False},
            89: {"token": "good", "ends_in": 11, "failing": False},
            90: {"token": "due", "ends_in": 10, "failing": False},
            99: {"token": "due", "ends_in": 1, "failing": False},
            100: {"token": "none", "failing": False},
        }
        rig.issuer.answer = dies
        with pytest.raises(CallError):
            await rig.token()
        assert rig.tokens.describe() == {"token": "none", "failing": True}
        rig.clock.now = begun + 95
        assert rig.tokens.describe() == {"token": "due", "ends_in": 5, "failing": True}

    run(main())


def test_a_server_that_is_down_while_it_is_due_stops_nobody() -> None:
    """The token goes on to its end; the server is asked again after pauses that double up to ten seconds."""

    async def main() -> None:
        rig = Rig()
        assert await rig.token() == "token-1"
        rig.issuer.answer = lambda _: httpx.Response(503)
        rig.clock.now += 3541
        pauses = []
        for _ in range(7):
            assert await rig.token() == "token-1"
            await rig.settled()
            pauses.append(rig.tokens.again - rig.clock.now)
            assert await rig.token() == "token-1"
            assert rig.tokens.request is None
            rig.clock.now = rig.tokens.again
        assert pauses == [0.5, 1, 2, 4, 8, 10, 10]
        rig.clock.now += 100
        with pytest.raises(CallError) as caught:
            await rig.token()
        assert caught.value.cause is Cause.CREDENTIALS

    run(main())


def answer_with(status: int, **body: Any) -> httpx.Response:
    """Return an answer of the server in place of a good one."""
    return httpx.Response(status, json=body)


def dies(request: httpx.Request) -> httpx.Response:
    """Let the connection die."""
    raise httpx.ConnectError("refused", request=request)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (lambda _: answer_with(400, error="invalid_client"), "answered 400 (invalid_client)"),
        (lambda _: answer_with(401, error="canary"), "answered 401"),
        (lambda _: httpx.Response(500, text="canary"), "answered 500"),
        (lambda _: httpx.Response(302, headers={"location": "https://canary.test"}), "answered 302"),
        (lambda _: httpx.Response(200, html="<p>canary</p>"), "no JSON object"),
        (lambda _: httpx.Response(200, content=b" " * 70_000), "larger than"),
        (lambda _: httpx.Response(200, content=b"canary", headers={"content-encoding": "gzip"}), "coding"),
        (lambda _: answer_with(200, access_token="canary\r\nx: y"), "cannot be sent"),
        (lambda _: answer_with(200, access_token="canary", expires_in=0), "ended already"),
        (dies, "no answer"),
        (lambda _: 1 / 0, "a fault of the program: ZeroDivisionError"),
    ],
)
def test_a_failure_is_told_without_what_the_server_said(answer, reason: str, caplog) -> None:
    """Every call that waits fails with the cause `credentials`; the next ones fail at once until the pause is over."""
    caplog.set_level(logging.DEBUG)

    async def main() -> None:
        rig = Rig()
        rig.issuer.answer = answer
        for error in await asyncio.gather(rig.token(), rig.token(), return_exceptions=True):
            assert isinstance(error, CallError)
            assert (error.cause, error.retry_after) == (Cause.CREDENTIALS, 0.5)
        with pytest.raises(CallError):
            await rig.token()
        assert len(rig.issuer.asked) == 1
        rig.issuer.answer = None
        rig.clock.now += 0.5
        assert await rig.token() == "token-2"

    run(main())
    told = [record for record in caplog.records if record.name == "aggregator.credentials"]
    assert [record.getMessage() for record in told] == [
        "A token for an upstream could not be had.", "Tokens for an upstream can be had again.",
    ]  # fmt: skip
    assert reason in json.dumps(vars(told[0]), default=str)
    assert "canary" not in json.dumps([vars(record) for record in told], default=str)


def test_a_server_that_hangs_costs_a_call_its_own_time(monkeypatch) -> None:
    """Each call waits until its own deadline; the request is given up after a time of its own, and made again."""
    monkeypatch.setattr("aggregator.policies.credentials.oauth.asking.LONGEST", 0.05)

    async def main() -> None:
        rig = Rig()
        rig.issuer.gate = asyncio.Event()
        loop = asyncio.get_running_loop()
        with pytest.raises(CallError, match="in time"):
            await rig.token(loop.time() + 0.001)
        with pytest.raises(CallError, match="could not be had"):
            await rig.token(loop.time() + 30)
        rig.issuer.gate.set()
        rig.clock.now += 1
        assert await rig.token() == "token-2"

    run(main())


def test_a_connection_that_dies_is_tried_once_more_but_not_with_a_refresh_token() -> None:
    """Our own credentials may come twice; a refresh token that does may count as stolen."""

    def swallow(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadError("reset", request=request)

    async def main() -> None:
        rig = Rig()
        rig.issuer.answer = swallow
        with pytest.raises(CallError):
            await rig.token()
        assert len(rig.issuer.asked) == 2
        rig = Rig(grant="refresh_token", refresh_token="r")
        rig.issuer.answer = swallow
        with pytest.raises(CallError):
            await rig.token()
        assert len(rig.issuer.asked) == 1

    run(main())


def test_a_refresh_token_that_comes_takes_the_place_of_the_last() -> None:
    """Until the server refuses it: then the one of the file is tried, which may be newer."""

    async def main() -> None:
        rig = Rig(grant="refresh_token", refresh_token="first")
        rig.issuer.more = {"refresh_token": "second"}
        assert await rig.token() == "token-1"
        rig.clock.now += 4000
        rig.issuer.answer = lambda _: answer_with(400, error="invalid_grant")
        with pytest.raises(CallError):
            await rig.token()
        rig.issuer.answer = None
        rig.clock.now += 4000
        assert await rig.token() == "token-3"
        assert [form["refresh_token"] for form in rig.issuer.forms] == ["first", "second", "first"]
        rig = Rig()
        rig.issuer.more = {"refresh_token": "unasked"}
        await rig.token()
        rig.clock.now += 4000
        await rig.token()
        assert [form.get("refresh_token") for form in rig.issuer.forms] == [None, None]

    run(main())


def test_an_upstream_that_refuses_each_token_has_one_asked_for_in_ten_seconds() -> None:
    """The first 401 has another one made, for all who were refused; the next 401s wait for their turn."""

    async def main() -> None:
        rig = Rig()
        await rig.token()
        first = rig.tokens.now()
        assert first is not None
        assert [rig.tokens.replaces(first) for _ in range(3)] == [True, True, True]
        assert rig.tokens.now() is first
        await rig.settled()
        second = rig.tokens.now()
        assert second is not None
        assert second is not first
        assert rig.tokens.replaces(first)
        assert not rig.tokens.replaces(second)
        rig.clock.now += module.SELDOM
        assert rig.tokens.replaces(second)
        await rig.settled()
        assert len(rig.issuer.asked) == 3

    run(main())


@pytest.mark.parametrize("jump", [-1000.0, 1e9])
def test_a_clock_that_jumps_leaves_no_call_without_a_token(jump: float) -> None:
    """The clock is a steady one; should it jump all the same, the token is kept or asked for anew."""

    async def main() -> None:
        rig = Rig()
        await rig.token()
        rig.clock.now += jump
        assert await rig.token() in ("token-1", "token-2")

    run(main())


def test_more_than_may_wait_are_refused(monkeypatch) -> None:
    """What waits is bounded; the one beyond fails at once."""
    monkeypatch.setattr("aggregator.policies.credentials.oauth.waiting.MOST", 2)

    async def main() -> None:
        rig = Rig()
        rig.issuer.gate = asyncio.Event()
        callers = [asyncio.create_task(rig.token()) for _ in range(2)]
        await asyncio.sleep(0.01)
        with pytest.raises(CallError) as caught:
            await rig.token()
        assert caught.value.cause is Cause.QUEUE_FULL
        rig.issuer.gate.set()
        await asyncio.gather(*callers)

    run(main())
