"""The small parts of several workers, each alone."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from aggregator.server.workers.balance import Balance, Connections, Turn
from aggregator.server.workers.making.maker import words_of
from aggregator.server.workers.processors import processors
from aggregator.server.workers.supervising.member import frames_in
from aggregator.server.workers.supervising.turns import Turns


def turn(balance: Balance, seat: int, connections: list[int]) -> Turn:
    """Return the part of the worker at *seat* which has as many as *connections* says, and serves."""
    made = Turn(balance, seat, lambda: connections[seat])
    made.begin()
    return made


def pauses(asked: Turn) -> int:
    """Return how many pauses it asks for before it takes a connection that nobody else takes."""
    return next(number for number in range(1000) if not asked.wait(number))


def test_who_has_one_connection_more_waits_once() -> None:
    """The one with the fewest takes the next at once; another one waits a moment, and then takes it all the same."""
    balance, connections = Balance(3), [1, 2]
    few, many = turn(balance, 0, connections), turn(balance, 1, connections)
    assert [pauses(few), pauses(many), pauses(many)] == [0, 1, 1]
    few.leave()
    assert pauses(many) == 0


def test_who_has_several_more_waits_for_one_that_is_woken_and_not_running() -> None:
    """Processors are short: another one is left fifty milliseconds to run before the spread becomes uneven."""
    balance, connections = Balance(3), [0, 2]
    turn(balance, 0, connections)
    many = turn(balance, 1, connections)
    assert pauses(many) == 25
    connections[0] = 3
    balance.tell(0, 3)
    assert pauses(many) == 0


def test_a_worker_that_stands_still_is_waited_for_once() -> None:
    """Who has not shown a sign of life in that time is not waited for again until it does."""
    balance, connections = Balance(3), [0, 2]
    few, many = turn(balance, 0, connections), turn(balance, 1, connections)
    assert [pauses(many), pauses(many), pauses(many)] == [25, 0, 0]
    few.changed()
    assert pauses(many) == 25


def test_a_worker_that_is_alive_is_waited_for_again() -> None:
    """It takes others that wait meanwhile, so it gets the next ones as well."""
    balance, connections = Balance(3), [0, 40]
    few, many = turn(balance, 0, connections), turn(balance, 1, connections)
    assert many.wait(0) > 0
    few.changed()
    assert [many.wait(25), pauses(many)] == [0, 25]


def test_who_does_not_serve_yet_or_any_more_is_not_waited_for() -> None:
    """Plug-ins are imported, or requests brought to their end: it takes no connection, however few it has."""
    balance, connections = Balance(3), [0, 2]
    starting, many = Turn(balance, 0, lambda: connections[0]), turn(balance, 1, connections)
    starting.changed()
    assert pauses(many) == 0
    starting.begin()
    starting.leave()
    starting.changed()
    assert pauses(many) == 0


def test_connections_that_go_are_told() -> None:
    """Others learn at once that a worker has fewer."""
    balance = Balance(2)
    connections = Connections(lambda: balance.tell(0, len(connections)))
    connections.add("a")
    assert balance.fewer(1) == {}
    connections.discard("a")
    assert balance.fewer(1) == {0: 0}


@pytest.mark.parametrize(
    ("quota", "found"),
    [
        ("50000 100000", 1), ("100000 100000", 1), ("199999 100000", 1), ("200000 100000", 2), ("300000 100000", 3),
        ("500000 100000", 4), ("max 100000", 4), ("", 4), ("1 0", 4), ("100000", 4),
    ],
)  # fmt: skip
def test_a_quota_bounds_the_processors(tmp_path: Path, quota: str, found: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """`auto` is no more than the cgroup grants, and never less than one; what cannot be read is no bound."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {1, 2, 5, 9}, raising=False)
    (tmp_path / "cpu.max").write_text(f"{quota}\n")
    assert processors(tmp_path) == found


@pytest.mark.parametrize(("quota", "found"), [("-1", 4), ("0", 4), ("50000", 1), ("200000", 2), ("300000", 3)])
def test_a_quota_of_the_first_version_of_cgroups_bounds_them_too(
    tmp_path: Path, quota: str, found: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing, and what is below, grants any number."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {1, 2, 5, 9}, raising=False)
    (tmp_path / "cpu").mkdir()
    for name, text in (("quota", quota), ("period", "100000")):
        (tmp_path / "cpu" / f"cpu.cfs_{name}_us").write_text(f"{text}\n")
    assert processors(tmp_path) == found


@pytest.mark.parametrize(("count", "found"), [(6, 6), (None, 1)])
def test_where_affinity_is_unknown_all_processors_count(
    tmp_path: Path, count: int | None, found: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And one, where the system does not tell."""
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: count)
    assert processors(tmp_path) == found


def test_a_worker_with_several_fewer_is_waited_for_though_another_has_one_fewer() -> None:
    """What is at stake is the one with the fewest."""
    balance, connections = Balance(3), [0, 3, 4]
    for seat in (0, 1):
        turn(balance, seat, connections)
    assert pauses(turn(balance, 2, connections)) == 25


def test_who_goes_on_waiting_waits_two_milliseconds_more() -> None:
    """Another process has its slice of some milliseconds before: the pauses are short, and many."""
    balance, connections = Balance(2), [0, 2]
    turn(balance, 0, connections)
    many = turn(balance, 1, connections)
    assert [many.wait(0), many.wait(24), many.wait(25)] == [0.002, 0.002, 0.0]


def test_signs_of_life_are_counted_without_end() -> None:
    """A worker serves for years; each sign is another one than that before it."""
    balance = Balance(2)
    seen = [balance.beat(1)]
    for _ in range(3):
        balance.tell(1, 5)
        seen.append(balance.beat(1))
    assert seen == [0, 1, 2, 3]
    assert (balance.beat(0), balance.fewer(6), balance.fewer(5)) == (0, {1: 5}, {})
    balance.leave(1)
    assert (balance.beat(1), balance.fewer(6)) == (3, {})


def test_a_stack_is_one_line() -> None:
    """What faulthandler writes is told as calls, the innermost first."""
    text = 'Current thread 0x1 (most recent call first):\n  File "/a/b.py", line 3 in hold\n  File "/c.py", line 9 in <module>\n'
    assert frames_in(text) == "b.py:3 in hold < c.py:9 in <module>"


def test_the_end_of_a_process_has_words() -> None:
    """A signal and an exit code are told apart."""
    assert words_of(-9) == "ended by signal 9"
    assert words_of(3) == "ended with 3"


async def settle() -> None:
    """Let everybody come as far as they can."""
    for _ in range(50):
        await asyncio.sleep(0)


def test_starts_wait_for_a_reload_and_it_for_them() -> None:
    """Starts go side by side; a reload waits for those under way, and those that come wait for it."""

    async def claim() -> None:
        turns, told = Turns(), list[str]()
        release = asyncio.Event()

        async def start(name: str) -> None:
            async with turns.starting():
                told.append(f"{name} begins")
                await release.wait()
                told.append(f"{name} ends")

        async def reload() -> None:
            async with turns.reloading():
                told.append("reload")

        tasks = [asyncio.create_task(start("a")), asyncio.create_task(start("b"))]
        await settle()
        tasks.append(asyncio.create_task(reload()))
        for _ in range(5):
            await settle()
        tasks.append(asyncio.create_task(start("c")))
        await settle()
        assert told == ["a begins", "b begins"]
        release.set()
        await asyncio.gather(*tasks)
        assert told == ["a begins", "b begins", "a ends", "b ends", "reload", "c begins", "c ends"]

    asyncio.run(claim())
