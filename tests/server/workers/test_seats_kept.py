"""The seats of workers are kept filled: when another one is made, and what becomes of the one before."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, cast

import pytest
from leaping import leap

from aggregator.plan.incoming.listening import WorkersPlan
from aggregator.server.workers.balance import Balance
from aggregator.server.workers.making.maker import Maker
from aggregator.server.workers.messages import Beat, Failed, Opened, Ready, Spawn, Stop
from aggregator.server.workers.supervising.crew import Crew
from aggregator.server.workers.supervising.member import STACK_SIGNAL, Member
from tests.server.workers.played import Played, Players, serves

SEEN: Callable[..., None] = lambda *_: None  # noqa: E731 - nobody hears
STACK = b'Current thread 0x1 (most recent call first):\n  File "/a/b.py", line 3 in hold\n'
NO_STACK = "none was written: the process itself is stopped, or waits for a processor"


class Seats:
    """A crew of *count* workers that are played: each does what *spawned* has it do when it is made."""

    def __init__(self, count: int = 1, spawned: Callable[[Seats, Played], None] | None = None, **plan: Any) -> None:
        self.loop = asyncio.get_running_loop()
        self.joined: list[int] = []
        self.left: list[int] = []
        self.times: list[float] = []
        self._spawned = spawned or (lambda _, one: serves(one))
        self.players = Players(self._made)
        self.balance = Balance(8)
        self.crew = Crew(count, WorkersPlan(**{"blocked": 1e6, **plan}), self.balance, self._joins, self._leaves, SEEN)
        self.crew.maker = cast("Maker", self.players)
        self.players.ended = self.crew.ended

    def _made(self, one: Played) -> None:
        self.times.append(round(self.loop.time(), 6))
        self._spawned(self, one)

    def _joins(self, member: Member) -> None:
        self.joined.append(member.pid)

    def _leaves(self, member: Member) -> None:
        self.left.append(member.pid)

    async def at(self, time: float) -> None:
        """Wait until *time*, and until everybody has done what there is to do then."""
        await asyncio.sleep(time - self.loop.time())
        for _ in range(50):
            await asyncio.sleep(0)

    async def now(self) -> None:
        """Let everybody do what there is to do."""
        await self.at(self.loop.time())

    @property
    def serving(self) -> list[int]:
        """The processes of those that serve."""
        return [one.pid for one in self.crew.serving]

    def __getitem__(self, pid: int) -> Played:
        return self.players.all[pid - 101]

    def member(self, pid: int) -> Member:
        """Return what is known of the process *pid*."""
        return next(one for one in self.crew if one.pid == pid)


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Runs a claim with seats that are kept meanwhile."""

    def run(claim: Callable[[Seats], Coroutine[Any, Any, None]], *given: Any, **plan: Any) -> None:
        async def main() -> None:
            seats = Seats(*given, **plan)
            monkeypatch.setattr(os, "kill", seats.players.kill)
            running = asyncio.ensure_future(seats.crew.run())
            try:
                await seats.now()
                await claim(seats)
            finally:
                running.cancel()
                with suppress(asyncio.CancelledError):
                    await running
                for member in tuple(seats.crew):
                    seats.crew.ended(member.pid, "over")
                seats.players.close()
                await asyncio.sleep(30)  # what was told is read to the end

        leap(main())

    return run


Play = Callable[..., None]


def ends(seats: Seats, one: Played) -> None:
    """Have *one* end as soon as it is there."""
    seats.loop.call_soon(seats.players.end, one, 1)


def silent(seats: Seats, one: Played) -> None:
    """Have *one* do nothing."""


def told(caplog: pytest.LogCaptureFixture) -> list[tuple[str, dict[str, Any]]]:
    """Return what was logged, each sentence with its fields."""
    return [(record.getMessage(), record.fields) for record in caplog.records]  # type: ignore[attr-defined]


def test_a_start_that_fails_is_followed_by_another_after_a_growing_pause(play: Play) -> None:
    """A tenth of a second, twice that, … and half a minute at most."""

    async def claim(seats: Seats) -> None:
        await seats.at(150)
        pauses = [after - before for before, after in zip(seats.times, seats.times[1:], strict=False)]
        assert pauses[:11] == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30, 30])
        assert [one.order for one in seats.players.all[:10]] == [Spawn(seat % 8, 1) for seat in range(10)]

    play(claim, 1, ends)


@pytest.mark.parametrize(("served", "pause"), [(9.9, 0.2), (10.0, 0.1)])
def test_one_that_has_served_well_is_followed_at_once(play: Play, served: float, pause: float) -> None:
    """One that keeps on ending soon is not made all the time: what has served for ten seconds counts as well."""

    async def claim(seats: Seats) -> None:
        seats[101].tell(Opened(), Ready())
        await seats.at(5)
        seats.players.end(seats[101], 1)
        await seats.at(6)
        seats[102].tell(Opened(), Ready())
        await seats.at(6 + served)
        seats.players.end(seats[102], 1)
        await seats.at(20)
        assert seats.times == pytest.approx([0, 5.1, 6 + served + pause])

    play(claim, 1, silent)


def test_what_is_said_of_a_worker_that_ends(play: Play, caplog: pytest.LogCaptureFixture) -> None:
    """In its own words where it has left any, else in those of the system; nothing once all stop."""

    async def claim(seats: Seats) -> None:
        seats[101].tell(Failed("no room"))
        await seats.now()
        seats.players.end(seats[101], 3)
        seats.players.end(seats[102], -9)
        await seats.at(1)
        assert seats.serving == [103, 104]
        seats.crew.stop()
        for pid in (103, 104):
            seats.players.end(seats[pid], 0)
        await seats.at(2)
        assert (seats.joined, seats.left) == ([101, 102, 103, 104], [101, 102, 103, 104])

    play(claim, 2)
    assert told(caplog) == [
        ("A worker has ended; another one takes its place.", {"pid": 101, "reason": "no room"}),
        ("A worker has ended; another one takes its place.", {"pid": 102, "reason": "ended by signal 9"}),
    ]


def test_a_worker_that_is_relieved_stops_once_another_one_serves(play: Play) -> None:
    """The one in its place is of the generation that is served by then."""

    async def claim(seats: Seats) -> None:
        seats[101].tell(Opened(), Ready())
        await seats.now()
        seats.crew.generation = 5
        seats.member(101).relieved.set()
        await seats.at(1)
        assert (seats[101].heard(), seats.serving, seats[102].order) == ([], [101], Spawn(1, 5))
        seats[102].tell(Opened(), Ready())
        await seats.at(2)
        assert (seats[101].heard(), seats.serving, len(seats.crew.members)) == ([Stop()], [102], 2)
        seats.balance.tell(0, 3)
        seats.players.end(seats[101], 0)
        await seats.at(10)
        assert (seats.left, seats.balance.fewer(100), len(seats.players.all)) == ([101], {}, 2)

    play(claim, 1, silent)


def test_a_start_is_settled_when_the_first_of_each_seat_serves_or_has_ended(play: Play) -> None:
    """And not before: who waits for it begins with all that there are."""

    async def claim(seats: Seats) -> None:
        seats[101].tell(Opened(), Ready())
        await seats.at(1)
        assert not seats.crew.settled.is_set()
        seats.players.end(seats[102], 1)
        await seats.now()
        assert seats.crew.settled.is_set()

    play(claim, 2, silent)


def test_a_start_has_failed_after_three_that_never_served(play: Play, caplog: pytest.LogCaptureFixture) -> None:
    """Each is told with its process and its reason; the last of these says why all have failed."""

    async def claim(seats: Seats) -> None:
        for number in (1, 2, 3):
            await seats.at(number)
            assert not seats.crew.failed.done()
            seats.players.end(seats[100 + number], number)
        assert await seats.crew.failed == "ended with 3"
        await seats.at(4)
        seats.players.end(seats[104], 4)
        await seats.now()

    play(claim, 1, silent)
    assert told(caplog) == [
        ("A worker could not be started.", {"pid": 100 + number, "reason": f"ended with {number}"})
        for number in (1, 2, 3, 4)
    ]


def test_a_start_that_fails_beside_one_that_has_served_is_no_end(play: Play) -> None:
    """What served once will do so again."""

    async def claim(seats: Seats) -> None:
        seats[101].tell(Opened(), Ready())
        await seats.now()
        for number in range(102, 108):
            await seats.at(10 * number)
            seats.players.end(seats[number], 1)
        assert not seats.crew.failed.done()

    play(claim, 2, silent)


def test_a_process_that_the_system_refuses_is_told_without_a_number(
    play: Play, caplog: pytest.LogCaptureFixture
) -> None:
    """There is none; nor is its seat lost."""

    def refuse(seats: Seats, one: Played) -> None:
        if len(seats.players.all) == 1:
            one.close()
            raise OSError(errno.EAGAIN, "Resource temporarily unavailable")
        serves(one)

    async def claim(seats: Seats) -> None:
        await seats.at(1)
        assert (seats.serving, seats[102].order) == ([102], Spawn(1, 1))

    play(claim, 1, refuse)
    reason = "no process could be made: Resource temporarily unavailable"
    assert told(caplog) == [("A worker could not be started.", {"reason": reason})]


def test_nobody_is_made_any_more_once_all_stop(play: Play) -> None:
    """One that is being made is ended, since it would answer nobody; others hear `Stop`, and a second time again."""

    async def claim(seats: Seats) -> None:
        seats[101].tell(Opened(), Ready())
        await seats.now()
        seats.crew.stop()
        await seats.now()
        assert (seats[101].heard(), seats[101].signals, seats[102].signals) == ([Stop()], [], [signal.SIGKILL])
        seats.crew.stop()
        await seats.at(100)
        assert (seats[101].heard(), seats.serving, len(seats.players.all)) == ([Stop()], [], 2)

    play(claim, 2, silent)


def test_who_is_still_there_after_the_grace_is_ended(play: Play, caplog: pytest.LogCaptureFixture) -> None:
    """It is asked where it stands, and has a moment to say so; nobody waits for who has ended in time."""

    async def claim(seats: Seats) -> None:
        seats.crew.stop()
        gone = asyncio.ensure_future(seats.crew.gone(20))
        await seats.at(5)
        seats.players.end(seats[101], 0)
        await seats.at(20)
        assert [one.signals for one in seats.players.all] == [[], [STACK_SIGNAL], [STACK_SIGNAL]]
        seats[102].write(STACK)
        await seats.at(20.9)
        assert not gone.done()
        await seats.at(21)
        assert gone.done()
        assert [one.signals for one in seats.players.all[1:]] == [[STACK_SIGNAL, signal.SIGKILL]] * 2

    play(claim, 3)
    sentence = "A worker does not stop, and is ended."
    assert told(caplog) == [
        (sentence, {"pid": 102, "stack": "b.py:3 in hold"}), (sentence, {"pid": 103, "stack": NO_STACK}),
    ]  # fmt: skip


def test_who_the_system_does_not_end_is_waited_for_no_longer_than_five_seconds(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one that waits for a disk."""

    async def claim(seats: Seats) -> None:
        monkeypatch.setattr(os, "kill", SEEN)
        gone = asyncio.ensure_future(seats.crew.gone(20))
        await seats.at(25.9)
        assert not gone.done()
        await seats.at(26)
        assert gone.done()

    play(claim)


def test_a_supervisor_that_stood_still_itself_blames_nobody(play: Play) -> None:
    """What workers have told meanwhile it has not read."""

    async def claim(seats: Seats) -> None:
        await seats.at(5)
        seats.loop.now += 60  # type: ignore[attr-defined]
        await seats.at(66)
        assert seats[101].signals == []
        await seats.at(96)
        assert seats[101].signals == [STACK_SIGNAL, signal.SIGKILL]

    play(claim, blocked=30.0)


@pytest.mark.parametrize(("stood", "is_ended"), [(3.0, True), (3.1, False)])
def test_a_short_standstill_of_the_supervisor_counts(play: Play, stood: float, is_ended: bool) -> None:
    """Up to three seconds between two of its looks, which come once a second."""

    async def claim(seats: Seats) -> None:
        await seats.at(8)
        seats.loop.now += stood  # type: ignore[attr-defined]
        await seats.at(12.5)
        assert (signal.SIGKILL in seats[101].signals) is is_ended

    play(claim, blocked=10.5)


def test_who_stands_still_is_asked_where_and_ended(play: Play, caplog: pytest.LogCaptureFixture) -> None:
    """With the seconds for which nothing was heard of it; a beat in between begins the time anew."""

    async def claim(seats: Seats) -> None:
        await seats.at(19)
        seats[101].tell(Beat(1))
        await seats.at(39)
        assert seats[101].signals == []
        await seats.at(40)
        seats[101].write(STACK)
        assert seats[101].signals == [STACK_SIGNAL]
        await seats.at(49)
        assert seats.serving == [101]
        await seats.at(51)
        assert seats.serving == [102]

    play(claim, blocked=30.0)
    fields = {"pid": 101, "seconds": 31, "stack": "b.py:3 in hold"}
    assert told(caplog)[0] == ("A worker stands still; another one takes its place.", fields)


def test_who_holds_too_much_is_told_with_what_it_holds(play: Play, caplog: pytest.LogCaptureFixture) -> None:
    """Once, and the next one that comes and does so as well not before a second has passed."""

    async def claim(seats: Seats) -> None:
        seats[101].tell(Beat(1, memory=1001))
        await seats.at(3)
        assert seats.serving == [102]
        seats[102].tell(Beat(1, memory=2000))
        await seats.at(3.5)
        await seats.at(6)
        assert seats.serving == [103]

    play(claim, memory=1000)
    sentence = "A worker holds too much memory; another one takes its place."
    assert told(caplog) == [
        (sentence, {"pid": 101, "bytes": 1001, "most": 1000, "seconds": 1}),
        (sentence, {"pid": 102, "bytes": 2000, "most": 1000, "seconds": 3}),
    ]
