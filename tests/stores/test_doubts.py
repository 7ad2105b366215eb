"""Claims of which nobody knows whether they are there: they are given back before the next claim, or once the store is there."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from nodes import until

from aggregator.errors import StoreError
from aggregator.stores.redis.answers import doubts
from aggregator.stores.redis.answers.doubts import Doubts

SLEEP = asyncio.sleep


class Claims:
    """What is given back, while the store is there."""

    def __init__(self, *, is_away: bool = False) -> None:
        self.back: list[tuple[bytes, int]] = []
        self.is_away = is_away
        self.tries = 0

    async def release(self, key: bytes, token: int) -> None:
        """Give back, or fail."""
        self.tries += 1
        if self.is_away:
            raise StoreError("It is away.")
        self.back.append((key, token))


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the pauses that are made from now on, which take no time."""
    made: list[float] = []

    async def sleep(seconds: float) -> None:
        made.append(seconds)
        await SLEEP(0)

    monkeypatch.setattr(doubts.asyncio, "sleep", sleep)
    return made


def doubted(test: Callable[[Claims, Doubts], Awaitable[None]]) -> None:
    """Run *test* with claims, and those in doubt."""

    async def main() -> None:
        claims = Claims()
        found = Doubts(claims.release)
        try:
            await test(claims, found)
        finally:
            await found.aclose()

    asyncio.run(main())


def test_a_key_is_settled_before_its_next_claim() -> None:
    """All its claims are given back, each once; others are let alone until the store has been looked for."""

    async def test(claims: Claims, found: Doubts) -> None:
        for key, token in ((b"k", 1), (b"k", 2), (b"l", 3)):
            found.add(key, token)
        await found.settle(b"k")
        await found.settle(b"k")
        await found.settle(b"unknown")
        assert claims.back == [(b"k", 1), (b"k", 2)]

    doubted(test)


def test_what_nobody_asks_for_again_is_given_back_too(pauses: list[float]) -> None:
    """A second after each other, for as long as the store is away; then nothing is tried any more, until there is more."""

    async def test(claims: Claims, found: Doubts) -> None:
        claims.is_away = True
        found.add(b"k", 1)
        found.add(b"l", 2)
        await until(lambda: claims.tries == 3)
        claims.is_away = False
        await until(lambda: len(claims.back) == 2)
        assert claims.back == [(b"k", 1), (b"l", 2)]
        assert pauses == [1.0] * (claims.tries - 1)
        for _ in range(9):
            await SLEEP(0)
        found.add(b"m", 3)
        await until(lambda: len(claims.back) == 3)
        assert pauses == [1.0] * (claims.tries - 1)

    doubted(test)


def test_what_could_not_be_settled_stays_in_doubt() -> None:
    """A claim that fails for it is refused, and so is the next one."""

    async def test(claims: Claims, found: Doubts) -> None:
        claims.is_away = True
        found.add(b"k", 1)
        for _ in range(2):
            with pytest.raises(StoreError, match="away"):
                await found.settle(b"k")
        claims.is_away = False
        await found.settle(b"k")
        assert claims.back == [(b"k", 1)]

    doubted(test)


def test_so_many_keys_may_be_in_doubt() -> None:
    """Ten thousand; claims of others end by themselves, and those that are in doubt have room for another one."""

    async def test(claims: Claims, found: Doubts) -> None:
        for number in range(10_001):
            found.add(b"%d" % number, 1)
        found.add(b"0", 2)
        for key in (b"10000", b"9999", b"0"):
            await found.settle(key)
        assert claims.back == [(b"9999", 1), (b"0", 1), (b"0", 2)]

    doubted(test)


def test_nothing_is_tried_any_more_at_the_end() -> None:
    """Neither at once nor later."""

    async def test(claims: Claims, found: Doubts) -> None:
        found.add(b"k", 1)
        await found.aclose()
        await found.settle(b"k")
        assert claims.tries == 0

    doubted(test)
