"""The holes that loading leaves in memory are filled, so that what requests make lies close together."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
from collections import deque
from typing import Any

import pytest

from aggregator.server.process.memory import Holes


@pytest.mark.processes
def test_what_has_filled_holes_is_given_up_when_they_are_none_any_more():
    """When all around them has been freed, the next filling holds less; in a process that nobody else has riddled."""
    program = """
import asyncio
from aggregator.server.process.memory import Holes
holes, objects = Holes(), [bytes(31) for _ in range(100_000)]
del objects[::2]
asyncio.run(holes.fill())
riddled = len(holes)
del objects
asyncio.run(holes.fill())
print(riddled, len(holes))
"""
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    riddled, freed = map(int, found.stdout.split())
    assert riddled > 45_000
    assert freed < riddled / 2


@pytest.mark.long
def test_requests_are_served_while_holes_are_filled():
    """Between two sizes the event loop has its turn."""

    async def turns() -> int:
        filling, count = asyncio.create_task(Holes().fill()), 0
        while not filling.done():
            count += 1
            await asyncio.sleep(0)
        return count

    assert asyncio.run(turns()) > 30


@pytest.mark.processes
@pytest.mark.parametrize(("allocator", "sizes"), [("pymalloc", 32), ("malloc", 0)])
def test_another_allocator_is_left_alone(allocator, sizes):
    """Where memory does not come from Python's pools nothing is tried and nothing kept."""
    program = """
import asyncio
from aggregator.server.process import memory
tried, filling = [], memory._filling
memory._filling = lambda size, most: tried.append(size) or filling(size, most)
holes = memory.Holes()
asyncio.run(holes.fill())
print(len(tried), len(holes) > 0)
"""
    found = subprocess.run(
        [sys.executable, "-c", program], env={"PYTHONMALLOC": allocator}, capture_output=True, text=True, timeout=60
    )
    assert (found.stdout.strip(), found.stderr) == (f"{sizes} {sizes > 0}", "")


def test_too_many_holes_are_given_up(monkeypatch):
    """Beyond the limit nothing is kept, of no size, and it is not tried again."""
    tried: list[int] = []

    def endless(size: int, most: int) -> deque[object] | None:
        tried.append(size)
        return deque([object()]) if size < 48 else None

    monkeypatch.setattr("aggregator.server.process.memory._filling", endless)
    holes = Holes()
    asyncio.run(holes.fill())
    asyncio.run(holes.fill())
    assert tried == [16, 32, 48]
    assert len(holes) == 0


def test_the_limit_is_over_all_sizes(monkeypatch):
    """What one size has taken of it is not there for the next; a size stops at its part of the limit."""
    monkeypatch.setattr("aggregator.server.process.memory._MOST_FILLED", 16 * 1000)
    left: list[int] = []
    sizes: list[int] = []

    def ten(size: int, most: int) -> deque[object]:
        sizes.append(size)
        left.append(most * size)
        return deque([object()] * 10)

    monkeypatch.setattr("aggregator.server.process.memory._filling", ten)
    asyncio.run(Holes().fill())
    assert left[:3] == [16_000, 16_000 - 160, 15_504]
    assert sizes == list(range(16, 513, 16))


@pytest.mark.long
def test_the_server_fills_them_at_its_start_only(stage, monkeypatch):
    """Before what serves is made and before the first request; a reload leaves the fillings as they are."""
    filled: list[int | None] = []

    class Told(Holes):
        async def fill(self) -> None:
            generation = gateways[0].app.running.generation if gateways else None
            filled.append(generation and generation.number)

    gateways: list[Any] = []
    monkeypatch.setattr("aggregator.server.process.serving.Holes", Told)
    gateways.append(stage.gateway("endpoints: {GET /n: {respond: {body: 1}}}", watch=True))
    for number in (2, 3):
        gateways[0].write(f"endpoints: {{GET /n: {{respond: {{body: {number}}}}}}}")
        stage.until(lambda n=number: gateways[0].get("/n").json == n)
    assert filled == [None, None]


@pytest.mark.long
def test_what_was_loaded_is_never_searched(tuned_stage, monkeypatch):
    """All that loading made has been set aside by the time that somebody looks for cycles of garbage."""
    set_aside: list[int] = []
    monkeypatch.setattr(
        "aggregator.server.process.serving.collect_seldom", lambda: set_aside.append(gc.get_freeze_count())
    )
    assert gc.get_freeze_count() == 0
    tuned_stage.gateway("endpoints: {GET /n: {respond: {body: 1}}}")
    assert min(set_aside) > 10_000
