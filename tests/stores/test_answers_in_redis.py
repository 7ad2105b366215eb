"""Answers by idempotency key in a real server: one claim for all machines, fenced by its token."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from valkey import Valkey

from aggregator.errors import StoreError
from aggregator.stores.answers.table import Bounds, Held
from aggregator.stores.redis.answers.scripts import UNNOTE
from aggregator.stores.redis.answers.store import AnswersInRedis
from aggregator.stores.shared.address import store_address
from aggregator.stores.shared.plan import StorePlan

HAS_VALUE = "return redis.call('HEXISTS', 't:i:6b', 'value')"
MANY = Bounds(100, 1_000_000)
Test = Callable[[AnswersInRedis, AnswersInRedis], Awaitable[None]]


def on_two_machines(server: Valkey, test: Test) -> None:
    """Run *test* with the ways of two machines to *server*, which holds nothing."""
    server.ask("FLUSHALL")
    plan = StorePlan(store_address(server.url), timeout=60.0, prefix="t:")

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
        assert token != late
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
        await one.keep(b"k", token, b"value", 3600, MANY, b"s")
        valkey.age(1800)
        assert await other.forget(b"s") == 1

    on_two_machines(valkey, test)


def test_an_answer_whose_reply_is_lost_can_be_forgotten(valkey: Valkey) -> None:
    """What the server has kept, though nobody was told so, is found by its subject for as long as it is kept."""

    async def test(one: AnswersInRedis, other: AnswersInRedis) -> None:
        token = claimed(await one.claim(b"k", b"r", 30, b"s"))
        keeping = asyncio.create_task(one.keep(b"k", token, b"value", 3600, MANY, b"s"))
        while valkey.ask("EVAL", HAS_VALUE, "0") != b":1":  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(0)
        await one.aclose()
        await asyncio.gather(keeping, return_exceptions=True)
        valkey.age(1800)
        assert await other.forget(b"s") == 1

    on_two_machines(valkey, test)


def test_what_is_kept_of_a_subject_is_forgotten(valkey: Valkey) -> None:
    """By any machine, and with what is being made."""

    async def test(one: AnswersInRedis, other: AnswersInRedis) -> None:
        token = claimed(await one.claim(b"k", b"r", 30, b"s"))
        await one.keep(b"k", token, b"value", 60, MANY, b"s")
        making = claimed(await one.claim(b"l", b"r", 30, b"s"))
        claimed(await one.claim(b"m", b"r", 30, b"else"))
        assert await other.forget(b"s") == 2
        await one.keep(b"l", making, b"value", 60, MANY, b"s")
        claimed(await other.claim(b"k", b"r", 30))
        claimed(await other.claim(b"l", b"r", 30))
        assert held(await other.claim(b"m", b"r", 30)) == (b"r", None)
        assert await other.forget(b"s") == 0

    on_two_machines(valkey, test)


def test_answers_of_another_subject_stay(valkey: Valkey) -> None:
    """Of one whose key somebody else has sent, and of one who has the key after somebody else gave it back."""

    async def test(one: AnswersInRedis, other: AnswersInRedis) -> None:
        await one.keep(b"k", claimed(await one.claim(b"k", b"r", 60, b"ann")), b"of ann", 60, MANY, b"ann")
        held(await other.claim(b"k", b"r", 60, b"bob"))
        await other.release(b"l", claimed(await other.claim(b"l", b"r", 60, b"bob")))
        await one.keep(b"l", claimed(await one.claim(b"l", b"r", 60, b"ann")), b"of ann", 60, MANY, b"ann")
        assert await other.forget(b"bob") == 0
        assert held(await one.claim(b"k", b"r", 60)) == held(await one.claim(b"l", b"r", 60)) == (b"r", b"of ann")
        assert await other.forget(b"ann") == 2

    on_two_machines(valkey, test)


def test_many_answers_of_a_subject_are_forgotten(valkey: Valkey) -> None:
    """Page by page, and nothing is left of it."""

    async def test(one: AnswersInRedis, _: AnswersInRedis) -> None:
        await asyncio.gather(*(one.claim(b"%d" % number, b"r", 60, b"s") for number in range(1200)))
        assert await one.forget(b"s") == 1200
        assert valkey.ask("DBSIZE") == b":0"

    on_two_machines(valkey, test)


def test_keys_of_a_subject_go_when_their_time_is_over(valkey: Valkey) -> None:
    """What is kept of it beside its answers does not grow with those that are gone."""

    async def test(one: AnswersInRedis, _: AnswersInRedis) -> None:
        await one.claim(b"long", b"r", 3600, b"s")
        await asyncio.gather(*(one.claim(b"%d" % number, b"r", 60, b"s") for number in range(90)))
        assert valkey.ask("ZCARD", "t:iz:73") == b":91"
        valkey.age(600)
        await one.claim(b"next", b"r", 60, b"s")
        assert valkey.ask("ZCARD", "t:iz:73") == b":2"

    on_two_machines(valkey, test)


def test_a_key_that_is_noted_again_while_its_subject_is_forgotten_stays_noted(valkey: Valkey) -> None:
    """The answer that is made behind the first one can be forgotten, too."""

    async def test(one: AnswersInRedis, other: AnswersInRedis) -> None:
        await one.claim(b"k", b"r", 60, b"s")
        noted = valkey.whole("ZSCORE", "t:iz:73", "t:i:6b").strip()
        assert valkey.ask("DEL", "t:i:6b") == b":1"
        await other.claim(b"k", b"r", 60, b"s")
        assert valkey.ask("EVAL", UNNOTE, "1", "t:iz:73", "t:i:6b", noted) == b":1"
        assert await one.forget(b"s") == 1

    on_two_machines(valkey, test)


@pytest.mark.processes
def test_a_claim_whose_reply_is_late_is_given_back() -> None:
    """The client that was told so, and comes again, makes its answer: here, and at any other machine."""
    server = Valkey().start()

    async def main() -> None:
        plan = StorePlan(store_address(server.url), timeout=0.1, prefix="t:")
        one, other = AnswersInRedis(plan), AnswersInRedis(plan)
        try:
            claimed(await until_it_answers(lambda: one.claim(b"first", b"r", 30)))
            server.freeze()
            with pytest.raises(StoreError):
                await asyncio.gather(one.claim(b"k", b"r", 600), one.claim(b"l", b"r", 600))
            server.thaw()
            claimed(await until_it_answers(lambda: one.claim(b"k", b"r", 30)))
            while isinstance(await until_it_answers(lambda: other.claim(b"l", b"r", 30)), Held):  # noqa: ASYNC110 - the same
                await asyncio.sleep(0.01)
        finally:
            await one.aclose()
            await other.aclose()

    try:
        asyncio.run(main())
    finally:
        server.close()


async def until_it_answers(claim: Callable[[], Awaitable[Held | int]]) -> Held | int:
    """Return what *claim* comes to once the store is there."""
    while True:
        try:
            return await claim()
        except StoreError:
            await asyncio.sleep(0.01)


@pytest.mark.processes
def test_a_server_that_is_away_is_told_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    """Nothing is claimed meanwhile; it is told once, and once that it is there again."""
    server = Valkey()

    async def main() -> None:
        answers = AnswersInRedis(StorePlan(store_address(server.url), timeout=60.0, prefix="t:"))
        try:
            for _ in range(3):
                with pytest.raises(StoreError):
                    await answers.claim(b"k", b"r", 30)
            await asyncio.to_thread(server.start)
            claimed(await until_it_answers(lambda: answers.claim(b"k", b"r", 30)))
        finally:
            await answers.aclose()

    try:
        asyncio.run(main())
    finally:
        server.close()
    assert caplog.text.count("cannot be written") == 1
    assert caplog.text.count("can be written again") == 1
