"""One reading of a reply for all who are given it: who leaves, when it is over, and what it may not share."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from aggregator.errors import CallError, Cause
from aggregator.runtime import coding
from aggregator.runtime.calls.rereading import LongReading, judge_again, text_of
from aggregator.runtime.threads import Threads
from aggregator.transport import Reply


class Sender:
    """A call whose replies *read* reads; a result of it is what was read, or the cause of why it was not."""

    def __init__(self, read: Callable[[], Any]) -> None:
        self.routine = SimpleNamespace(judge=self)
        self.at_once = 0
        self._read = read

    def long_reading(self, reply: Reply) -> LongReading | None:
        """Return what reads *reply*, unless somebody has."""
        return None if text_of(reply, "so") is not None else LongReading("so", self._read)

    def takes_long(self, *_: object) -> bool:
        """Return that nothing else takes long."""
        return False

    def judge(self, _: object, reply: Reply, __: float, read: Callable[[], Any] | None = None) -> Any:
        """Return what was read."""
        try:
            return text_of(reply, "so") if read is None else read()
        except CallError as error:
            return error.cause


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch):
    """Yield the only thread."""
    one = Threads(1, name="judging", waiting=10)
    monkeypatch.setattr(coding, "JUDGING", one)
    yield one
    one.close()


async def told(read: Callable[[], Any], *, leaving: tuple[int, ...] = (), seconds: float = 60.0) -> list[Any]:
    """Return what three are told who use one reply that *read* reads; those *leaving* do so at once."""
    loop = asyncio.get_running_loop()
    sender: Any = Sender(read)
    frame: Any = SimpleNamespace(loop=loop, names=None)
    reply, ends, left = Reply(200, [], b"<a/>"), [loop.create_future() for _ in range(3)], []
    uses = [judge_again(sender, frame, reply, 0.0, loop.time() + seconds, end.set_result) for end in ends]
    for number in leaving:
        use = uses[number]
        assert use is not None
        use.cancel()
        left.append(ends[number])
    return list(await asyncio.gather(*(end for end in ends if end not in left)))


@pytest.mark.parametrize("leaving", [(), (0,), (1, 2)])
def test_all_are_told_of_one_reading(run, threads, leaving) -> None:
    """Whoever began it may leave: it goes on for the others."""
    read: list[int] = []

    def once() -> Any:
        read.append(1)
        return {"a": 1}

    assert run(told(once, leaving=leaving)) == [b'{"a":1}'] * (3 - len(leaving))
    assert read == [1]


def test_nothing_is_read_for_nobody(run, threads) -> None:
    """With the last one who waits the reading is given up; it does not begin behind others."""
    freed, read = threading.Event(), []

    async def main() -> None:
        last = asyncio.get_running_loop().create_future()
        threads.start(freed.wait, lambda _: None)
        await told(lambda: read.append(1), leaving=(0, 1, 2))
        threads.start(int, last.set_result)
        freed.set()
        await last

    run(main())
    assert read == []


def test_each_has_its_own_time(run, threads) -> None:
    """Who waits no longer is told so, though the thread goes on."""
    freed = threading.Event()
    try:
        assert run(told(freed.wait, seconds=0.01)) == [Cause.DEADLINE] * 3
    finally:
        freed.set()


def test_what_json_cannot_say_is_each_ones_own(run, threads) -> None:
    """One who changes what was read changes nothing of the others."""
    values = run(told(lambda: [float("inf")]))
    assert values == [[float("inf")]] * 3
    assert len({id(value) for value in values}) == 3


def test_all_are_told_why_it_cannot_be_read(run, threads) -> None:
    """One reading fails for all of them."""

    def refuse() -> Any:
        raise CallError(Cause.MALFORMED, "no")

    assert run(told(refuse)) == [Cause.MALFORMED] * 3
