"""When somebody is asked about a credential, and how long the verdict is remembered, by a clock of the test."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest

from aggregator.identity.caller import Caller, Denied, Reason, Refused
from aggregator.runtime.admission.asked.asking import MOST, Asking, Unanswered
from aggregator.runtime.admission.schemes import Clocks, Unavailable

T = TypeVar("T")


class Time:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """Return what it shows."""
        return self.now


class Questions:
    """What is asked about credentials; each is answered by what the test says."""

    def __init__(self, life: float = 10.0) -> None:
        self.time = Time()
        self.asking = Asking("scheme", life, 60.0, Clocks(self.time, self.time))
        self.count = 0

    def ask(self, credential: bytes, said: Caller | Exception) -> Awaitable[Any]:
        """Return what comes of a question, as what it raises."""

        async def question() -> Caller:
            self.count += 1
            await asyncio.sleep(0)
            if isinstance(said, Exception):
                raise said
            return said

        async def outcome() -> Any:
            try:
                return await self.asking.settled(credential, question, math.inf)
            except (Refused, Unavailable) as error:
                return error

        return outcome()

    def known(self, credential: bytes) -> Any:
        """Return what is remembered of *credential*."""
        try:
            return self.asking.known(credential)
        except Refused as refused:
            return refused.reason


def run(test: Callable[[], Awaitable[T]]) -> T:
    """Return what *test* comes to."""

    async def main() -> T:
        return await test()

    return asyncio.run(main())


ADA = Caller("scheme", "ada")


@pytest.mark.parametrize(
    ("said", "life", "seconds", "known"),
    [
        (ADA, 10.0, 9.999, ADA),
        (ADA, 10.0, 10.0, None),
        (ADA, 0.0, 0.0, None),
        (Caller("scheme", "ada", until=1005.0), 10.0, 4.999, Caller("scheme", "ada", until=1005.0)),
        (Caller("scheme", "ada", until=1005.0), 10.0, 5.0, None),
        (Caller("scheme", "ada", until=1000.0), 10.0, 0.0, None),
        (Refused(Reason.UNKNOWN), 10.0, 9.999, Reason.UNKNOWN),
        (Refused(Reason.UNKNOWN), 10.0, 10.0, None),
        (Denied(403), 10.0, 9.999, Reason.FORBIDDEN),
        (Unanswered("it is away"), 10.0, 0.0, None),
    ],
)
def test_a_verdict_is_remembered_while_it_holds(
    said: Caller | Exception, life: float, seconds: float, known: Any
) -> None:
    """As long as the file says, and a caller no longer than it is one; that nobody answered is no verdict."""
    questions = Questions(life)

    async def test() -> None:
        await questions.ask(b"a", said)
        questions.time.now += seconds
        assert questions.known(b"a") == known
        assert questions.known(b"b") is None

    run(test)


def test_one_credential_is_asked_about_once_at_a_time() -> None:
    """All who wait for it hear the same, each with an error of its own; the next is asked about anew."""
    questions = Questions(0.0)

    async def test() -> None:
        first, second = await asyncio.gather(*(questions.ask(b"a", Refused(Reason.UNKNOWN)) for _ in range(2)))
        assert (first.reason, second.reason, questions.count) == (Reason.UNKNOWN, Reason.UNKNOWN, 1)
        assert first is not second
        await questions.ask(b"a", ADA)
        assert questions.count == 2

    run(test)


def test_so_many_credentials_are_asked_about_at_the_same_time() -> None:
    """One more is not known now, at once, and may be tried again after a second."""
    questions = Questions()

    async def test() -> None:
        found = await asyncio.gather(*(questions.ask(b"%d" % number, ADA) for number in range(MOST + 1)))
        assert found[:MOST] == [ADA] * MOST
        assert isinstance(found[MOST], Unavailable)
        assert (found[MOST].retry_after, questions.count) == (1.0, MOST)

    run(test)


def test_an_answer_that_does_not_come_says_when_to_come_again(caplog: pytest.LogCaptureFixture) -> None:
    """The caller hears the seconds, the log the reason."""
    caplog.set_level(logging.WARNING, "aggregator.auth")
    found = run(lambda: Questions().ask(b"a", Unanswered("it is away", 7.0)))
    assert isinstance(found, Unavailable)
    assert found.retry_after == 7.0
    told = [record.fields for record in caplog.records]  # type: ignore[attr-defined]
    assert told == [{"scheme": "scheme", "reason": "it is away"}]
