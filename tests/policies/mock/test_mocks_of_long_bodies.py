"""A mock that answers a long body has a thread write what it plays: within the time of the call, whatever becomes of it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from aggregator.errors import CallError, Cause
from aggregator.policies.mock.door import MockDoor
from aggregator.policies.mock.script import Act
from aggregator.transport import Reply

LONG = b"x" * 100_000
INNER = SimpleNamespace(settings=None)
"""The way to the upstream, which nobody goes."""


class Scripted:
    """A script that *acts*."""

    def __init__(self, acts: Any) -> None:
        self.act = acts


def outcome_of(
    acts: Any, seconds: float = 60.0, told_first: Callable[[], object] = lambda: None
) -> list[Reply | CallError]:
    """Return all that a call of so many *seconds* is told, once it is told something; *told_first* is called then."""

    async def run() -> list[Reply | CallError]:
        loop = asyncio.get_running_loop()
        told: list[Reply | CallError] = []
        is_told = asyncio.Event()

        def done(outcome: Reply | CallError) -> None:
            told.append(outcome)
            is_told.set()

        door = MockDoor(INNER, Scripted(acts))  # type: ignore[arg-type]
        door.start(b"POST", b"/", b"", LONG, deadline=loop.time() + seconds, done=done)
        await is_told.wait()
        told_first()
        await loop.shutdown_default_executor()
        return told

    return asyncio.run(run())


def cause(told: list[Reply | CallError]) -> Cause:
    """Return the cause of the only failure that was *told*."""
    (error,) = told
    assert isinstance(error, CallError)
    return error.cause


def test_one_that_takes_too_long_ends_at_the_deadline() -> None:
    """Once, and what the thread comes to afterwards is nothing to anybody."""
    goes_on = threading.Event()

    def acts(*_: object) -> None:
        goes_on.wait(30)

    assert cause(outcome_of(acts, 0.01, goes_on.set)) is Cause.DEADLINE


def test_a_fault_ends_the_call(caplog: pytest.LogCaptureFixture) -> None:
    """It is told as one, and logged: whoever waits does not do so for ever."""

    def acts(*_: object) -> None:
        raise ValueError("secret")

    assert cause(outcome_of(acts)) is Cause.FAULT
    assert "A mock failed by a fault of the program." in caplog.messages
    assert "secret" not in caplog.text


def test_a_stream_ends_at_its_deadline() -> None:
    """So does one whose answer is streamed."""
    goes_on = threading.Event()

    async def run() -> None:
        door = MockDoor(INNER, Scripted(lambda *_: goes_on.wait(30)))  # type: ignore[arg-type]
        deadline = asyncio.get_running_loop().time() + 0.01
        try:
            with pytest.raises(CallError) as failed:
                await door.stream(b"POST", b"/", b"", LONG, deadline=deadline)
        finally:
            goes_on.set()
        assert failed.value.cause is Cause.DEADLINE

    asyncio.run(run())


def test_what_is_given_up_once_written_is_not_played() -> None:
    """The thread has ended, and whoever waits for it has not been called back yet."""

    async def run() -> list[object]:
        loop = asyncio.get_running_loop()
        written: asyncio.Future[object] = loop.create_future()
        loop.run_in_executor = lambda *_: written  # type: ignore[method-assign, assignment]
        told: list[object] = []
        act = Act(0.0, Reply(200, [], b"{}"))
        door = MockDoor(INNER, Scripted(lambda *_: act))  # type: ignore[arg-type]
        call = door.start(b"POST", b"/", b"", LONG, deadline=loop.time() + 60.0, done=told.append)
        written.set_result(act)
        call.cancel()
        for _ in range(5):
            await asyncio.sleep(0)
        return told

    assert asyncio.run(run()) == []


@pytest.mark.parametrize(("size", "aside"), [(None, False), (3, False), (64 * 1024, False), (64 * 1024 + 1, True)])
@pytest.mark.parametrize("way", ["started", "streamed"])
def test_which_bodies_a_thread_reads(way: str, size: int | None, aside: bool) -> None:
    """Those of more than 64 KiB, whichever way the answer comes; all others are played at once."""
    threads: list[threading.Thread] = []

    def acts(*_: object) -> Act:
        threads.append(threading.current_thread())
        return Act(0.0, Reply(200, [], b"{}"))

    async def run() -> None:
        door, deadline = MockDoor(INNER, Scripted(acts)), asyncio.get_running_loop().time() + 60.0  # type: ignore[arg-type]
        body = None if size is None else b"x" * size
        if way == "streamed":
            await door.stream(b"POST", b"/", b"", body, deadline=deadline)
        else:
            told = asyncio.Event()
            door.start(b"POST", b"/", b"", body, deadline=deadline, done=lambda _: told.set())
            await told.wait()

    asyncio.run(run())
    assert [one is not threading.main_thread() for one in threads] == [aside]
