"""The metrics of a worker on their way to the supervisor: piece by piece, and given up when that does not read."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest

from aggregator.server.generations.running import Running
from aggregator.server.metrics import page
from aggregator.server.metrics.page import PATH
from aggregator.server.workers import answering
from aggregator.server.workers.answering import Answering
from aggregator.server.workers.channel import Channel
from aggregator.server.workers.messages import Ask, Beat, Counted, Message, Told
from aggregator.telemetry.metrics.families import FAMILIES

SAMPLES = 20_000
"""Their text fills the buffers of a channel several times."""


class Outbox:
    """Durable effects of which nothing is known."""

    async def look(self, seconds: float) -> None:
        """Do nothing."""


class Counting:
    """A process that counts."""

    metrics = object()
    outbox = Outbox()


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Answering:
    """What answers of a worker with many samples."""
    samples = [(f'endpoint="GET /{number}"', number) for number in range(SAMPLES)]
    monkeypatch.setattr(page, "sample_all", lambda *_: iter([(FAMILIES[0], samples)]))
    return Answering(cast("Running", Counting()), cast("Any", None))


@asynccontextmanager
async def ends() -> AsyncIterator[tuple[Channel, Channel]]:
    """Yield both ends of a channel."""
    ours, theirs = socket.socketpair()
    one, other = await Channel.over(ours), await Channel.over(theirs)
    try:
        yield one, other
    finally:
        one.close()
        other.close()


async def until_told(channel: Channel) -> list[Message]:
    """Return what comes, up to the first ``Told``."""
    found: list[Message] = []
    while not found or not isinstance(found[-1], Told):
        message = await channel.receive()
        assert message is not None
        found.append(message)
    return found


async def answer(worker: Answering, channel: Channel, number: int) -> None:
    """Let *worker* answer what it counts, as a worker does."""
    channel.send(await worker.answer(Ask(number, PATH), channel))


def test_metrics_go_in_pieces_and_other_messages_between_them(worker: Answering) -> None:
    """A heartbeat does not wait until megabytes were written."""

    async def main() -> list[Message]:
        async with ends() as (near, far):
            telling = asyncio.create_task(answer(worker, near, 7))
            first = await far.receive()
            assert isinstance(first, Counted)
            near.send(Beat())
            found = [first, *await until_told(far)]
            await telling
            return found

    told = asyncio.run(main())
    pieces = [one for one in told if isinstance(one, Counted)]
    assert [one.is_last for one in pieces] == [False] * (len(pieces) - 1) + [True]
    assert {one.number for one in pieces} == {7}
    assert max(len(one.piece) for one in pieces) < 64 * 1024
    assert b"".join(one.piece for one in pieces).count(b"\n") == SAMPLES + 2
    assert told.index(Beat()) < len(told) - 3
    assert told[-1] == Told(7, 200, b"")


def test_the_pieces_of_a_text_follow_each_other(worker: Answering) -> None:
    """Two questions at once are answered one after the other."""

    async def main() -> list[Message]:
        async with ends() as (near, far):
            telling = asyncio.gather(answer(worker, near, 1), answer(worker, near, 2))
            found = [*await until_told(far), *await until_told(far)]
            await telling
            return found

    numbers = [one.number for one in asyncio.run(main()) if isinstance(one, Counted)]
    assert numbers == sorted(numbers)
    assert set(numbers) == {1, 2}


def test_who_is_not_read_gives_up_and_answers_the_next_question(
    worker: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of a text waits for ever in a worker whose supervisor stands still; half a text is no answer."""
    monkeypatch.setattr(answering, "TO_COUNT", 0.05)

    async def main() -> tuple[list[Message], list[Message]]:
        async with ends() as (near, far):
            await answer(worker, near, 1)
            monkeypatch.undo()
            monkeypatch.setattr(page, "sample_all", lambda *_: iter([(FAMILIES[0], [("", 1)])]))
            late = await until_told(far)
            await answer(worker, near, 2)
            return late, await until_told(far)

    late, next_one = asyncio.run(main())
    assert late[-1] == Told(1, 503, b"")
    assert not any(isinstance(one, Counted) and one.is_last for one in late)
    assert next_one[-1] == Told(2, 200, b"")
    assert isinstance(next_one[-2], Counted)
    assert next_one[-2].is_last


def test_a_supervisor_that_is_gone_keeps_nobody(worker: Answering) -> None:
    """The worker ends what it tells, and goes on to stop."""

    async def main() -> bool:
        async with ends() as (near, far):
            telling = asyncio.create_task(worker.count(near))
            await far.receive()
            far.close()
            return await telling

    assert asyncio.run(main())
