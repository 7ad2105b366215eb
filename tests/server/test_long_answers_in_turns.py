"""Long answers that are ready at once, as those of a shared reply, are written in turns of the event loop."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import pytest

from aggregator.server.connection.turns import AT_ONCE, Turns

MEGABYTE = 1024 * 1024


async def written(*sizes: int) -> list[list[int]]:
    """Return which answers of *sizes* bytes, all ready in one turn, are written in each turn of the loop."""
    turns, loop = Turns(), asyncio.get_running_loop()
    found: list[list[int]] = [[]]
    for number, size in enumerate(sizes):
        turns.take(loop, size, lambda number=number: found[-1].append(number))  # type: ignore[misc]
    while sum(map(len, found)) < len(sizes):
        found.append([])
        await asyncio.sleep(0)
    return [one for one in found if one]


@pytest.mark.anyio
async def test_the_first_is_written_at_once_and_each_other_in_a_turn() -> None:
    """However long they are; a turn has one that is longer than all that it may write."""
    assert await written(8 * MEGABYTE, 8 * MEGABYTE, 8 * MEGABYTE) == [[0], [1], [2]]


@pytest.mark.anyio
async def test_a_turn_has_as_many_as_it_may_write() -> None:
    """To the byte."""
    half = AT_ONCE // 2
    assert await written(half, half, half, half + 1, half, half) == [[0], [1, 2], [3], [4, 5]]


@pytest.mark.anyio
async def test_after_all_are_written_the_next_one_is_at_once() -> None:
    """The turn is free again."""
    turns, loop, seen = Turns(), asyncio.get_running_loop(), list[str]()
    turns.take(loop, MEGABYTE, partial(seen.append, "first"))
    await asyncio.sleep(0)
    turns.take(loop, MEGABYTE, partial(seen.append, "second"))
    assert seen == ["first", "second"]


@pytest.mark.anyio
async def test_one_that_raises_holds_up_no_other() -> None:
    """What it raises is the loop's to report."""
    turns, loop = Turns(), asyncio.get_running_loop()
    seen, told = list[str](), list[Any]()
    loop.set_exception_handler(lambda _, context: told.append(context["exception"]))

    def fail() -> None:
        raise RuntimeError

    for write in (partial(seen.append, "one"), fail, partial(seen.append, "two")):
        turns.take(loop, MEGABYTE, write)
    for _ in range(4):
        await asyncio.sleep(0)
    assert seen == ["one", "two"]
    assert [type(error) for error in told] == [RuntimeError]
