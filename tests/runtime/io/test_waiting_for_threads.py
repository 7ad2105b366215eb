"""Who waits for a thread: whom it would help, and nobody longer than that."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from aggregator.errors import CallError, Cause
from aggregator.runtime import coding
from aggregator.runtime.coding import aside
from aggregator.runtime.jobs import Busy, Job, Jobs
from aggregator.runtime.threads import Threads


def nothing(*_: object) -> None:
    """Do nothing."""


async def job(left: float, *, under_way: bool = False, done: Callable[[Any], None] = nothing) -> Job:
    """Return a job that is of use for so many seconds that are *left*."""
    loop = asyncio.get_running_loop()
    return Job(loop, int, done, "", loop.time() + left, under_way=under_way)


async def busy(threads: int, seconds: float, waiting: int = 100) -> Jobs:
    """Return what waits for *threads* that are taken, which needed so many *seconds* for what they did."""
    jobs = await free(threads, seconds, waiting)
    for _ in range(threads):
        jobs.put(await job(60.0))
        jobs.get()
    return jobs


async def free(threads: int, seconds: float, waiting: int = 100) -> Jobs:
    """Return what waits for *threads*, of which one needed so many *seconds* for what it did."""
    jobs = Jobs(threads, waiting)
    jobs.put(await job(60.0))
    jobs.get()
    jobs.did(seconds)
    return jobs


def test_a_herd_waits_as_long_as_it_has_time(run, monkeypatch) -> None:
    """Six hundred pieces of short work for one thread that is taken are all done."""
    threads, freed = Threads(1, name="coding", waiting=coding.MOST_WAITING), threading.Event()
    monkeypatch.setattr(coding, "CODING", threads)

    async def main() -> list[int]:
        loop = asyncio.get_running_loop()
        threads.start(freed.wait, nothing)
        herd = [asyncio.ensure_future(aside(lambda: 1, loop.time() + 600)) for _ in range(600)]
        await asyncio.sleep(0)
        freed.set()
        return await asyncio.gather(*herd)

    try:
        assert sum(run(main())) == 600
    finally:
        threads.close()


def test_what_could_not_be_done_in_time_is_refused_at_once(run) -> None:
    """The length of the line, times what work was observed to take, is held against what is left."""
    jobs = run(busy(2, 1.0))
    for _ in range(8):
        jobs.put(run(job(60.0, under_way=True)))
    jobs.put(run(job(6.0, under_way=True)))
    with pytest.raises(Busy):
        jobs.put(run(job(5.4, under_way=True)))


@pytest.mark.long
def test_one_job_that_was_held_up_refuses_nobody(run) -> None:
    """A thread that had no processor for a second tells little of how long the others take."""
    jobs = run(free(1, 0.001, waiting=1000))
    for _ in range(100):
        jobs.put(run(job(60.0)))
        jobs.get()
        jobs.did(0.001)
    jobs.put(run(job(60.0)))
    jobs.get()
    jobs.did(1.0)
    jobs.put(run(job(60.0)))
    jobs.get()
    for _ in range(600):
        jobs.put(run(job(20.0, under_way=True)))


def test_a_free_thread_takes_what_has_little_time(run) -> None:
    """Nothing is judged by others while nothing waits."""
    jobs = run(free(1, 10.0))
    one = run(job(0.5))
    jobs.put(one)
    assert jobs.get() is one


def test_requests_that_upstreams_have_worked_for_go_first(run) -> None:
    """Their reply is there, and bodies of new requests wait behind."""
    jobs = run(busy(1, 0.01))
    new, old = run(job(60.0)), run(job(60.0, under_way=True))
    jobs.put(new)
    jobs.put(old)
    assert [jobs.get(), jobs.get()] == [old, new]


def test_a_new_request_leaves_time_for_its_answer(run) -> None:
    """Half of what is left is for what follows the reading of its body, which was in vain otherwise."""
    jobs = run(busy(1, 1.0))
    jobs.put(run(job(60.0)))
    with pytest.raises(Busy):
        jobs.put(run(job(4.9)))
    jobs.put(run(job(4.9, under_way=True)))


def test_what_has_waited_past_its_use_is_not_begun(run) -> None:
    """It is told so, and the thread takes the next one."""
    told: list[Any] = []

    async def main() -> None:
        jobs = await busy(1, 0.001)
        late, next_one = await job(1.0, under_way=True, done=told.append), await job(60.0, under_way=True)
        jobs.put(late)
        jobs.put(next_one)
        late.deadline = 0.0
        assert jobs.get() is next_one
        await asyncio.sleep(0)

    run(main())
    [(_, error)] = told
    with pytest.raises(CallError) as caught:
        coding.given((None, error))
    assert caught.value.cause is Cause.QUEUE_FULL


def test_what_nobody_wants_any_more_leaves_its_place(run) -> None:
    """It counts for nobody who comes after it."""
    jobs = run(busy(1, 1.0, waiting=1))
    first, second = run(job(60.0)), run(job(60.0))
    jobs.put(first)
    first.cancel()
    jobs.put(second)
    assert jobs.get() is second


def test_no_more_than_so_many_wait(run) -> None:
    """One more is refused, whatever time it has."""
    jobs = run(busy(1, 0.001, waiting=2))
    jobs.put(run(job(60.0)))
    jobs.put(run(job(60.0)))
    with pytest.raises(Busy):
        jobs.put(run(job(60.0)))
