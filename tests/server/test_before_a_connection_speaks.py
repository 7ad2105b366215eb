"""Steps before the first request: how many are under way at once, how long one may take, and when files stand still."""

from __future__ import annotations

import asyncio

import pytest
from leaping import in_leaps

from aggregator.server.generations.settling import Sight, Stamp, settle
from aggregator.server.listeners.beginnings import MOST, SECONDS, Beginnings, Stopped


def stamp_of(text: str) -> Stamp:
    """Return the stamp of one file whose content is named by *text*."""
    return ((text, 1, 1, 1),)


@pytest.mark.parametrize(
    ("looks", "count", "found"),
    [
        ("aaa", 3, "a"), ("aabbbb", 6, "b"), ("abbb" + "b", 5, "b"), ("ababab" + "bbb", 9, "b"), ("bbbb", 4, "b"),
        ("AAAaaa", 4, "a"), ("A" * 20, 20, "a"), ("A" * 19 + "B" + "B" * 20, 40, "b"), ("AAbbbb", 6, "b"),
        ("ab" * 200, 200, "b"), ("ab" * 99 + "aaaa", 201, "a"),
    ],
)  # fmt: skip
@in_leaps
async def test_files_are_whole_when_three_looks_find_them_alike(looks: str, count: int, found: str) -> None:
    """Twenty while somebody has one open for writing (large letters here), and at most two hundred; one each 50 ms."""
    seen: list[str] = []
    looking = iter(looks)
    loop = asyncio.get_running_loop()

    async def look() -> Sight:
        seen.append(next(looking))
        return Sight(stamp_of(seen[-1].lower()), seen[-1].isupper())

    assert await settle(stamp_of("a"), look) == stamp_of(found)
    assert (len(seen), loop.time()) == (min(count, 200), pytest.approx(0.05 * min(count, 200)))


async def outcome(beginnings: Beginnings, beginning: asyncio.Future[str]) -> str:
    """Return what *beginning* comes to within *beginnings*, or what it fails by."""

    async def wait() -> str:
        return await beginning

    try:
        return await beginnings.within(wait())
    except (OSError, Stopped) as error:
        return f"{type(error).__name__}: {error}"


@in_leaps
async def test_one_that_begins_has_ten_seconds() -> None:
    """One that is through in time is not held up; afterwards nothing of either is left."""
    loop, beginnings = asyncio.get_running_loop(), Beginnings()
    futures = [loop.create_future() for _ in range(2)]
    tasks = [loop.create_task(outcome(beginnings, one)) for one in futures]
    loop.call_later(9.9, futures[0].set_result, "through")
    assert await asyncio.gather(*tasks) == ["through", "TimeoutError: it took more than 10 s"]
    assert (loop.time(), SECONDS, beginnings.under_way) == (10.0, 10.0, {})


@in_leaps
async def test_one_more_than_there_may_be_gives_up_the_oldest() -> None:
    """A thousand are under way; those that are stopped with the server say nothing."""
    loop, beginnings = asyncio.get_running_loop(), Beginnings()
    tasks = [loop.create_task(outcome(beginnings, loop.create_future())) for _ in range(MOST)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert (len(beginnings.under_way), sum(task.done() for task in tasks)) == (1000, 0)
    tasks += [loop.create_task(outcome(beginnings, loop.create_future())) for _ in range(2)]
    await asyncio.sleep(1)
    assert [task.result() for task in tasks if task.done()] == [
        "ConnectionAbortedError: more than 1000 were under way"
    ] * 2
    assert [task.done() for task in tasks[:3]] == [True, True, False]
    beginnings.stop()
    assert set(await asyncio.gather(*tasks[2:])) == {"Stopped: "}
    assert (loop.time(), beginnings.under_way) == (1.0, {})
