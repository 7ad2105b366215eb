"""The small parts of several workers, each alone."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from aggregator.server.workers.balance import Balance, Connections, Turn
from aggregator.server.workers.processors import processors
from aggregator.server.workers.supervising.forks import words_of
from aggregator.server.workers.supervising.member import frames_in
from aggregator.server.workers.supervising.turns import Turns


def test_who_has_more_connections_waits_once() -> None:
    """The one with the fewest takes the next at once; another one waits, and then takes it all the same."""
    balance = Balance(3)
    few, many = Turn(balance, 0, lambda: 1), Turn(balance, 1, lambda: 2)
    assert few() == 0.0
    assert many() > 0.0
    assert many() == 0.0
    assert many() > 0.0
    balance.leave(0)
    assert many() == 0.0  # whoever has gone is not waited for
    assert many() == 0.0


def test_connections_that_go_are_told() -> None:
    """Others learn at once that a worker has fewer."""
    balance = Balance(2)
    connections = Connections(lambda count: balance.tell(0, count))
    connections.add("a")
    assert not balance.has_more(1)
    connections.discard("a")
    assert balance.has_more(1)


@pytest.mark.parametrize(("quota", "found"), [("50000 100000", 1), ("100000 100000", 1), ("150000 100000", 1)])
def test_a_quota_bounds_the_processors(tmp_path: Path, quota: str, found: int) -> None:
    """`auto` is no more than the cgroup grants, and never less than one."""
    (tmp_path / "cpu.max").write_text(f"{quota}\n")
    assert processors(tmp_path) == found


def test_without_a_quota_affinity_counts(tmp_path: Path) -> None:
    """Nothing that can be read, and `max`, are no bound."""
    free = processors(tmp_path)
    (tmp_path / "cpu.max").write_text("max 100000\n")
    assert processors(tmp_path) == free >= 1


def test_a_stack_is_one_line() -> None:
    """What faulthandler writes is told as calls, the innermost first."""
    text = 'Current thread 0x1 (most recent call first):\n  File "/a/b.py", line 3 in hold\n  File "/c.py", line 9 in <module>\n'
    assert frames_in(text) == "b.py:3 in hold < c.py:9 in <module>"


def test_the_end_of_a_process_has_words() -> None:
    """A signal and an exit code are told apart."""
    assert words_of(9) == "ended by signal 9"
    assert words_of(3 << 8) == "ended with 3"


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
