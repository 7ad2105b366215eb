"""Answers by idempotency key in a real server: one claim for all machines, fenced by its token."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from valkey import Valkey

from aggregator.errors import StoreError
from aggregator.stores.answers.table import Bounds, Held
from aggregator.stores.redis.answers.store import AnswersInRedis
from aggregator.stores.shared.address import store_address
from aggregator.stores.shared.plan import StorePlan

MANY = Bounds(100, 1_000_000)
Test = Callable[[AnswersInRedis, AnswersInRedis], Awaitable[None]]


def on_two_machines(server: Valkey, test: Test) -> None:
    """Run *test* with the ways of two machines to *server*, which holds nothing."""
    server.ask("FLUSHALL")
    plan = StorePlan(store_address(server.url), timeout=10.0, prefix="t:")

    async def main() -> None:
        one, other = AnswersInRedis(plan), AnswersInRedis(plan)
        try:
            await test(one, other)
        finally:
            await one.aclose()
            await other.aclose()

    asyncio.run(main())


def claimed(found: Held | int) -> int:
    """Return the token of a claim."""
    assert isinstance(found, int), found
    return found


def held(found: Held | int) -> tuple[bytes, bytes | None]:
    """Return the request and the value that are there."""
    assert isinstance(found, Held), found
    assert 0 < found.left <= 60
    return found.request, found.value


def test_one_machine_has_the_claim(valkey: Valkey) -> None:
    """Another is told for what, and gets the answer once it is there."""

    async def test(one: AnswersInRedis, other: AnswersInRedis) -> None:
        token = claimed(await one.claim(b"k", b"r", 30))
        assert held(await other.claim(b"k", b"else", 30)) == (b"r", None)
        assert await one.keep(b"k", token, b"value", 60, MANY) == 0
        assert held(await other.claim(b"k", b"r", 30)) == (b"r", b"value")
        claimed(await other.claim(b"l", b"r", 30))

    on_two_machines(valkey, test)


def test_a_late_holder_changes_nothing(valkey: Valkey) -> None:
    """Neither keeps it an answer in place of that of the next one, nor takes it the claim from them."""

    async def test(one: AnswersInRedis, other: AnswersInRedis) -> None:
        late = claimed(await one.claim(b"k", b"r", 0.001))
        while isinstance(token := await other.claim(b"k", b"r", 30), Held):  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(0)
        assert token > late
        await one.release(b"k", late)
        await one.keep(b"k", late, b"late", 60, MANY)
        assert held(await one.claim(b"k", b"r", 30)) == (b"r", None)
        await other.keep(b"k", token, b"value", 60, MANY)
        await other.keep(b"k", token, b"again", 60, MANY)
        await other.release(b"k", token)
        assert held(await one.claim(b"k", b"r", 30)) == (b"r", b"value")

    on_two_machines(valkey, test)


def test_a_claim_that_is_given_back_is_another_machine_s(valkey: Valkey) -> None:
    """So is that of an answer that is larger than all may be."""

    async def test(one: AnswersInRedis, other: AnswersInRedis) -> None:
        await one.release(b"k", claimed(await one.claim(b"k", b"r", 30)))
        token = claimed(await other.claim(b"k", b"r", 30))
        await other.keep(b"k", token, bytes(101), 60, Bounds(1, 100))
        claimed(await one.claim(b"k", b"r", 30))

    on_two_machines(valkey, test)


def test_a_subject_is_known_as_long_as_its_answer(valkey: Valkey) -> None:
    """Behind the time of the claim, too."""

    async def test(one: AnswersInRedis, other: AnswersInRedis) -> None:
        token = claimed(await one.claim(b"k", b"r", 30, b"s"))
        await one.keep(b"k", token, b"value", 3600, MANY)
        valkey.age(1800)
        assert await other.forget(b"s") == 1

    on_two_machines(valkey, test)


def test_what_is_kept_of_a_subject_is_forgotten(valkey: Valkey) -> None:
    """By any machine, and with what is being made."""

    async def test(one: AnswersInRedis, other: AnswersInRedis) -> None:
        token = claimed(await one.claim(b"k", b"r", 30, b"s"))
        await one.keep(b"k", token, b"value", 60, MANY)
        making = claimed(await one.claim(b"l", b"r", 30, b"s"))
        claimed(await one.claim(b"m", b"r", 30, b"else"))
        assert await other.forget(b"s") == 2
        await one.keep(b"l", making, b"value", 60, MANY)
        claimed(await other.claim(b"k", b"r", 30))
        claimed(await other.claim(b"l", b"r", 30))
        assert held(await other.claim(b"m", b"r", 30)) == (b"r", None)
        assert await other.forget(b"s") == 0

    on_two_machines(valkey, test)


@pytest.mark.processes
def test_a_server_that_is_away_is_told_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    """Nothing is claimed meanwhile; it is told once, and once that it is there again."""
    server = Valkey()

    async def main() -> None:
        answers = AnswersInRedis(StorePlan(store_address(server.url), timeout=10.0, prefix="t:"))
        try:
            for _ in range(3):
                with pytest.raises(StoreError):
                    await answers.claim(b"k", b"r", 30)
            await asyncio.to_thread(server.start)
            claim: Held | int | None = None
            while claim is None:
                try:
                    claim = await answers.claim(b"k", b"r", 30)
                except StoreError:
                    await asyncio.sleep(0.01)
            claimed(claim)
        finally:
            await answers.aclose()

    try:
        asyncio.run(main())
    finally:
        server.close()
    assert caplog.text.count("cannot be written") == 1
    assert caplog.text.count("can be written again") == 1
