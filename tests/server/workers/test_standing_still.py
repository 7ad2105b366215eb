"""Workers whose event loop stands still: asked where, and ended, when nothing was heard of them for `blocked`."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from types import SimpleNamespace
from typing import Any, cast

import pytest

from aggregator.plan.incoming.listening import WorkersPlan
from aggregator.server.workers.balance import Balance
from aggregator.server.workers.channel import Channel, tell_first
from aggregator.server.workers.making.maker import Maker
from aggregator.server.workers.messages import Beat, Opened
from aggregator.server.workers.supervising.crew import Crew
from aggregator.server.workers.supervising.member import STACK_SIGNAL, Member

STACK = b'Current thread 0x1 (most recent call first):\n  File "/a/b.py", line 3 in hold\n'


def done() -> asyncio.Future[None]:
    """Return a future with a result."""
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    future.set_result(None)
    return future


@pytest.mark.parametrize(("blocked", "asked"), [(30.0, 20.0), (4.0, 2.0)])
def test_a_worker_is_ended_when_its_time_is_over_and_asked_before(blocked: float, asked: float) -> None:
    """A process that is stopped writes no stack, so nobody waits for it: what it has written is told with its end."""

    async def claim() -> None:
        told: list[str] = []
        silent: Any = SimpleNamespace(
            pid=1, beaten_at=100.0, ready=done(), is_serving=True, beat=Beat(),
            ask_stack=lambda: told.append("asked"), stack=lambda: "", kill=lambda: told.append("ended"),
        )  # fmt: skip
        crew = Crew(1, WorkersPlan(blocked=blocked), Balance(1), print, print, print)  # type: ignore[arg-type]
        crew.look_after(silent, 100.0 + asked)
        assert told == []
        crew.look_after(silent, 100.0 + asked + 1.0)
        assert told == ["asked"]
        crew.look_after(silent, 100.0 + blocked + 0.1)
        assert told[-1] == "ended"

    asyncio.run(claim())


@pytest.mark.parametrize(("loads", "patience"), [(False, 60.0), (True, 600.0)])
def test_a_worker_that_loads_has_time_for_that(loads: bool, patience: float) -> None:
    """Nothing is heard of it before it has compiled: on a machine that is busy, thousands of endpoints take minutes."""

    async def claim() -> None:
        told: list[str] = []
        silent: Any = SimpleNamespace(
            pid=1, beaten_at=100.0, ready=asyncio.get_running_loop().create_future(), has_spoken=False, is_serving=False,
            ask_stack=lambda: None, stack=lambda: "", kill=lambda: told.append("ended"),
        )  # fmt: skip
        crew = Crew(1, WorkersPlan(), Balance(1), print, print, print)  # type: ignore[arg-type]
        crew.maker = cast("Maker", SimpleNamespace(loads=loads))
        crew.look_after(silent, 100.0 + patience)
        assert told == []
        crew.look_after(silent, 100.0 + patience + 0.1)
        assert told == ["ended"]
        silent.has_spoken = True
        crew.look_after(silent, 100.0 + 60.1)
        assert told == ["ended", "ended"]

    asyncio.run(claim())


@pytest.fixture
def signals(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """What was sent to processes."""
    sent: list[int] = []
    monkeypatch.setattr(os, "kill", lambda _, number: sent.append(number))
    return sent


@pytest.mark.skipif(not hasattr(signal, "SIGRTMIN"), reason="the system has no such signals")
def test_a_stack_is_of_the_silence_that_lasts(signals: list[int]) -> None:
    """It is asked for once in a silence; what was written in one before it is not told."""

    async def claim() -> None:
        ours, theirs = socket.socketpair()
        stack, written = os.pipe()
        os.set_blocking(stack, False)
        heard = asyncio.Event()
        member = Member(0, 1, await Channel.over(ours), stack, lambda *_: heard.set())
        member.ask_stack()
        member.ask_stack()
        assert signals == [STACK_SIGNAL]
        os.write(written, STACK.replace(b"hold", b"before"))
        tell_first(theirs, Opened())
        await heard.wait()
        member.ask_stack()
        assert len(signals) == 2
        assert member.stack() == ""
        os.write(written, STACK)
        assert member.stack() == "b.py:3 in hold"
        os.close(written)
        member.end("ended")
        theirs.close()
        await member.silent()

    asyncio.run(claim())


def test_who_does_not_stop_is_told_with_where_it_stands(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the grace, or a second signal: the one that ends in its moment is not killed, the one that is stuck is."""
    monkeypatch.setattr("aggregator.server.workers.supervising.crew._MOMENT", 0.0)

    async def claim() -> list[str]:
        told: list[str] = []
        stuck, ended = asyncio.get_running_loop().create_future(), done()
        members: Any = [
            SimpleNamespace(
                pid=number, ended=future, ask_stack=lambda: told.append("asked"), stack=lambda: "b.py:3 in hold",
                kill=lambda: told.append("ended"),
            )
            for number, future in enumerate((stuck, ended))
        ]  # fmt: skip
        crew = Crew(2, WorkersPlan(), Balance(2), print, print, print)  # type: ignore[arg-type]
        crew.members.extend(members)
        await crew.end_all()
        return told

    assert asyncio.run(claim()) == ["asked", "asked", "ended"]
    (record,) = caplog.records
    assert (record.fields["pid"], record.fields["stack"]) == (0, "b.py:3 in hold")  # type: ignore[attr-defined]
