"""One worker as its supervisor knows it: what it is by what it has told, and what is waited for when it ends."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from leaping import leap

from aggregator.server.workers.channel import Channel
from aggregator.server.workers.messages import (
    Ask,
    Beat,
    Counted,
    Failed,
    Heard,
    Imported,
    Look,
    Made,
    Opened,
    Prepare,
    Ready,
    Spawn,
    Stop,
    Switched,
    Told,
)
from aggregator.server.workers.supervising.member import STACK_SIGNAL, Member
from tests.server.workers.played import Played, Players

Claim = Callable[[Member, Played], Coroutine[Any, Any, None]]


async def now() -> None:
    """Let everybody do what there is to do."""
    for _ in range(50):
        await asyncio.sleep(0)


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> Callable[[Claim], list[Any]]:
    """Runs a claim with a worker that is played, and what is known of it; returns what it has told unasked."""

    def run(claim: Claim) -> list[Any]:
        async def main() -> list[Any]:
            heard: list[Any] = []
            players = Players(lambda _: None)
            monkeypatch.setattr(os, "kill", players.kill)
            ours, theirs = socket.socketpair()
            stack, written = os.pipe()
            os.set_blocking(stack, False)
            await players.spawn(Spawn(3, 1), theirs, written)
            theirs.close()
            os.close(written)
            member = Member(3, 101, await Channel.over(ours), stack, lambda one, message: heard.append((one, message)))
            players.ended = lambda _, words: member.end(words)
            await claim(member, players.all[0])
            players.all[0].close()
            member.end("over")
            await asyncio.sleep(30)
            return [message for one, message in heard if one is member]

        return leap(main())

    return run


Known = Callable[[Claim], list[Any]]


def test_a_worker_serves_from_ready_until_it_is_told_to_stop_or_has_ended(known: Known) -> None:
    """Before, it may be open and alive."""

    async def claim(member: Member, worker: Played) -> None:
        found = [(member.has_spoken, member.is_open, member.is_serving)]
        for message in (Beat(1), Opened(), Ready((("a", "b"),)), Ready()):
            worker.tell(message)
            await now()
            found.append((member.has_spoken, member.is_open, member.is_serving))
        assert found == [
            (False, False, False), (True, False, False), (True, True, False), (True, True, True), (True, True, True),
        ]  # fmt: skip
        assert (member.ready.result(), member.beat) == (Ready((("a", "b"),)), Beat(1))
        member.stop()
        assert (member.is_serving, member.told.done(), worker.heard(), worker.signals) == (False, True, [Stop()], [])
        member.stop()
        assert worker.heard() == [Stop()]

    known(claim)


def test_a_worker_that_has_ended_does_not_serve(known: Known) -> None:
    """Nor is it told, or sent, anything any more."""

    async def claim(member: Member, worker: Played) -> None:
        worker.tell(Ready())
        await now()
        member.end("killed")
        member.end("again")
        assert (member.is_serving, member.ended.result()) == (False, "killed")
        member.stop()
        member.kill()
        member.ask_stack()
        assert (worker.heard(), worker.signals) == ([], [])

    known(claim)


def test_what_nobody_has_asked_for_is_handed_on(known: Known) -> None:
    """Each with its worker, in its order; answers that nobody waits for are not."""
    told = [Opened(), Heard(1, b"a"), Counted(0, b"b"), Switched(())]

    async def claim(member: Member, worker: Played) -> None:
        worker.tell(Made("a"), Told(1, 200, b""), Imported(("a",)), *told, Failed("no room"))
        await now()
        assert (member.imported, member.reason) == (Imported(("a",)), "no room")
        member.end("killed")
        assert member.ended.result() == "no room"

    assert known(claim) == told


def test_answers_go_to_who_has_asked(known: Known) -> None:
    """By their numbers, whichever comes first."""

    async def claim(member: Member, worker: Played) -> None:
        first, second = (asyncio.ensure_future(member.ask(Ask(number, "/a"))) for number in (1, 2))
        prepared, looked = asyncio.ensure_future(member.prepare("abc")), asyncio.ensure_future(member.look())
        await now()
        assert worker.heard() == [Ask(1, "/a"), Ask(2, "/a"), Prepare("abc"), Look()]
        worker.tell(Told(2, 200, b"b"), Told(1, 200, b"a"), Told(1, 200, b"again"))
        await now()
        assert (first.result(), second.result()) == (Told(1, 200, b"a"), Told(2, 200, b"b"))
        assert (prepared.done(), looked.done()) == (False, False)
        worker.tell(Imported(), Imported(("a",)), Made("abc"), Made("again"))
        await now()
        assert (prepared.result(), looked.done(), member.imported) == (Made("abc"), True, Imported(("a",)))

    known(claim)


def test_nobody_waits_for_who_has_ended(known: Known) -> None:
    """There is no answer, and that is none of a fault."""

    async def claim(member: Member, worker: Played) -> None:
        waiting = [asyncio.ensure_future(one) for one in (member.ask(Ask(1, "/a")), member.prepare("a"), member.look())]
        await now()
        member.end("killed")
        assert await asyncio.gather(*waiting) == [None, None, None]

    known(claim)


def test_a_worker_whose_channel_closes_has_five_seconds_to_end(known: Known) -> None:
    """Then it is killed."""

    async def claim(member: Member, worker: Played) -> None:
        loop = asyncio.get_running_loop()
        worker.close()
        await member.silent()
        await asyncio.sleep(4.9 - loop.time())
        assert worker.signals == []
        await asyncio.sleep(0.1)
        await now()
        assert worker.signals == [signal.SIGKILL]

    known(claim)


def test_a_worker_is_over_when_it_has_ended_and_all_it_told_was_read(known: Known) -> None:
    """What it counted may come behind the news of its end, and counts once."""

    async def claim(member: Member, worker: Played) -> None:
        member.end("killed")
        worker.tell(Counted(0, b"a", is_last=True))
        assert not member.is_over
        worker.close()
        await member.silent()
        assert member.is_over

    assert known(claim) == [Counted(0, b"a", is_last=True)]


def test_one_that_ends_with_its_channel_is_not_killed(known: Known) -> None:
    """As it does where all is well."""

    async def claim(member: Member, worker: Played) -> None:
        worker.close()
        await member.silent()
        member.end("ended with 0")
        await asyncio.sleep(10)
        assert worker.signals == []

    known(claim)


def test_who_has_told_nothing_yet_is_killed_in_place_of_being_told(known: Known) -> None:
    """It would not read the order before it has loaded, and who connects meanwhile would wait for nothing."""

    async def claim(member: Member, worker: Played) -> None:
        member.stop()
        assert (worker.signals, worker.is_there) == ([signal.SIGKILL], False)

    known(claim)


@pytest.mark.skipif(STACK_SIGNAL is None, reason="the system has no such signal")
def test_no_stack_is_read_of_who_has_written_none(known: Known) -> None:
    """Nor is it asked for twice in one silence."""

    async def claim(member: Member, worker: Played) -> None:
        assert member.stack() == ""
        worker.write(b'  File "/a/b.py", line 3 in hold\nno frame\n  File "/c.py", line 9 in <module>\n')
        assert member.stack() == "b.py:3 in hold < c.py:9 in <module>"
        member.ask_stack()
        member.ask_stack()
        assert worker.signals == [STACK_SIGNAL]
        worker.tell(Beat())
        await now()
        member.ask_stack()
        assert worker.signals == [STACK_SIGNAL] * 2

    known(claim)
