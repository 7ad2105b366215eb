"""When an issuer is asked for its keys, by a clock of the test."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from joserfc.jwk import ECKey

from aggregator.runtime.admission.keysource import LIFE, SELDOM, FetchedKeys
from aggregator.runtime.admission.schemes import Unavailable

ISSUER = "https://id.test"


class Time:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """Return what it shows."""
        return self.now


class Issuer:
    """An issuer at which every look is counted; its answers are those of the test, its keys unless it says others."""

    def __init__(self) -> None:
        key = ECKey.generate_key("P-256", {"alg": "ES256", "use": "sig", "kid": "1"})
        self.jwks: Any = {"keys": [key.as_dict(private=False)]}
        self.metadata: Any = {"issuer": ISSUER, "jwks_uri": f"{ISSUER}/jwks"}
        self.status = 200
        self.asked: list[str] = []
        self.time = Time()
        self.closed: asyncio.Event | None = None
        """What has to be set before it answers; None for at once."""
        self.client = httpx.AsyncClient(transport=httpx.MockTransport(self._answer))

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url.path)
        if self.closed is not None:
            await self.closed.wait()
        said = self.metadata if "well-known" in request.url.path else self.jwks
        return httpx.Response(self.status, json=said)

    def keys(self, issuer: str = ISSUER, place: str | None = f"{ISSUER}/jwks") -> FetchedKeys:
        """Return the source of its keys."""
        return FetchedKeys(lambda: self.client, issuer, place, self.time)


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    """Yield an issuer."""
    made = Issuer()
    yield made
    asyncio.run(made.client.aclose())


async def looked(keys: FetchedKeys) -> Any:
    """Return the keys after another look where one is due, or what is raised."""
    try:
        return await keys.renewed(math.inf)
    except Unavailable as error:
        return error.retry_after


async def settle() -> None:
    """Let a look that has begun come to its end."""
    for _ in range(20):
        await asyncio.sleep(0)


def test_keys_are_looked_at_anew_once_they_are_old(issuer: Issuer) -> None:
    """Behind the back of a request, which has those that are known; not a moment before."""

    async def main() -> None:
        keys = issuer.keys()
        assert (keys.now(), keys.describe()["state"], issuer.asked) == (None, "unknown", [])
        known = await looked(keys)
        assert (keys.now(), issuer.asked) == (known, ["/jwks"])
        issuer.time.now += LIFE - 0.001
        assert keys.now() is known
        await settle()
        assert issuer.asked == ["/jwks"]
        assert keys.describe() == {"issuer": ISSUER, "state": "fresh", "keys": 1, "skipped": 0, "age_seconds": 600}
        issuer.time.now += 0.001
        assert keys.now() is known
        await settle()
        assert (issuer.asked, keys.describe()["age_seconds"]) == (["/jwks", "/jwks"], 0)

    asyncio.run(main())


@pytest.mark.parametrize(("seconds", "looks"), [(SELDOM - 0.001, 1), (SELDOM, 2)])
def test_a_key_that_nobody_knows_is_seldom_looked_for(issuer: Issuer, seconds: float, looks: int) -> None:
    """Anybody can name one: once in ten seconds."""

    async def main() -> None:
        keys = issuer.keys()
        await looked(keys)
        issuer.time.now += seconds
        await looked(keys)
        assert len(issuer.asked) == looks

    asyncio.run(main())


def test_an_issuer_that_fails_is_asked_less_and_less(issuer: Issuer) -> None:
    """After half a second, and twice as long each time, up to ten; who waits hears when to come again."""

    async def main() -> None:
        keys = issuer.keys()
        issuer.status = 500
        told = []
        for pause in (0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0):
            told.append(await looked(keys))
            assert keys.is_failing
            count = len(issuer.asked)
            issuer.time.now += pause - 0.001
            assert await looked(keys) == told[-1]
            assert len(issuer.asked) == count
            issuer.time.now += 0.001
        assert told == [1.0, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0]
        issuer.status = 200
        assert len(await looked(keys)) == 1
        assert (keys.is_failing, keys.describe()["state"]) == (False, "fresh")

    asyncio.run(main())


def test_keys_that_are_known_are_good_while_their_issuer_fails(issuer: Issuer) -> None:
    """For the tokens that they verify; a key that is not among them is unknown for want of an answer."""

    async def main() -> None:
        keys = issuer.keys()
        known = await looked(keys)
        issuer.status = 500
        issuer.time.now += LIFE
        assert await looked(keys) == 1.0
        assert (keys.now(), keys.describe()["state"], keys.describe()["age_seconds"]) == (known, "failing", 600)
        issuer.time.now += 0.5
        issuer.status = 200
        assert keys.now() is known
        await settle()
        assert keys.describe()["state"] == "fresh"

    asyncio.run(main())


@pytest.mark.parametrize(
    ("metadata", "jwks", "asked", "reason"),
    [
        ({"issuer": ISSUER, "jwks_uri": f"{ISSUER}/k"}, None, ["/.well-known/openid-configuration", "/k"], None),
        ({"issuer": f"{ISSUER}/"}, None, ["/.well-known/openid-configuration"], "the metadata name another issuer"),
        ([], None, ["/.well-known/openid-configuration"], "the metadata name another issuer"),
        ({"issuer": ISSUER}, None, ["/.well-known/openid-configuration"], "the metadata name no jwks_uri"),
        ({"issuer": ISSUER, "jwks_uri": 1}, None, ["/.well-known/openid-configuration"], "the metadata name no jwks_uri"),
        ({"issuer": ISSUER, "jwks_uri": "http://id.test/k"}, None, ["/.well-known/openid-configuration"],
         "the metadata name a jwks_uri in the clear"),
    ],
)  # fmt: skip
def test_where_the_keys_are_is_said_by_the_very_issuer(
    issuer: Issuer, caplog: pytest.LogCaptureFixture, metadata: Any, jwks: Any, asked: list[str], reason: str | None
) -> None:
    """As its metadata say, which name it; the log tells what is wrong with them."""
    caplog.set_level(logging.INFO, "aggregator.auth")
    issuer.metadata = metadata
    found = asyncio.run(looked(issuer.keys(place=None)))
    assert issuer.asked == asked
    assert (found == 1.0) is (reason is not None)
    told = [record.fields for record in caplog.records]  # type: ignore[attr-defined]
    assert told == ([] if reason is None else [{"issuer": ISSUER, "reason": reason, "retry_in": 0.5}])


def test_nobody_waits_for_keys_beyond_its_time(issuer: Issuer) -> None:
    """The look goes on, for those who come next."""

    async def main() -> None:
        keys, issuer.closed = issuer.keys(), asyncio.Event()
        with pytest.raises(Unavailable):
            await keys.renewed(asyncio.get_running_loop().time() - 1.0)
        assert keys.now() is None
        issuer.closed.set()
        await settle()
        assert keys.now() is not None

    asyncio.run(main())
