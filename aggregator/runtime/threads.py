"""Threads for functions that may block. They are daemons: one that never returns does not keep the process alive."""

from __future__ import annotations

import asyncio
import math
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from aggregator.runtime.jobs import Job, Jobs, Outcome
from aggregator.telemetry.stacks import Standstill, standstill_of

NOT_BEGUN = "All threads were taken."
"""The note of a cancellation that came before a job had a thread."""


class Work(NamedTuple):
    """A function that runs in a thread: its *name*, the thread, and since when, in seconds of ``time.monotonic``."""

    name: str
    thread: int
    since: float

    @property
    def at(self) -> Standstill:
        """The place where the job's thread is running now."""
        frame = sys._current_frames().get(self.thread)
        return Standstill() if frame is None else standstill_of(frame)


class Threads:
    """At most *most* threads, started when they are needed. What finds none free waits for one.

    *told_full* is called each time that something has to wait because all of them are taken. At most *waiting* jobs
    do, any number when it is None; where there is such a number, none that could not be done by its deadline.
    """

    def __init__(
        self,
        most: int,
        told_full: Callable[[], None] = lambda: None,
        *,
        name: str = "plugin",
        waiting: int | None = None,
    ) -> None:
        self._most = most
        self._told_full = told_full
        self._name = name
        self._running: dict[int, Work] = {}
        self._jobs = Jobs(most, waiting)
        self._free = threading.Semaphore(0)
        self._started = 0

    @property
    def running(self) -> list[Work]:
        """The jobs running now, the oldest first."""
        return sorted(self._running.values(), key=lambda work: work.since)

    def start(
        self, function: Callable[[], Any], done: Callable[[Outcome], None], name: str = "", deadline: float = math.inf,
        *, under_way: bool = False,
    ) -> Job:  # fmt: skip
        """Call *function* in a thread; *done* gets the outcome in the running loop. Raises ``Busy``.

        An exception is told, not raised: a future refuses ``StopIteration``, and ``SystemExit`` would stop the loop.
        It is also raised, or *done* gets it, when the job could not end by *deadline* (loop time). Jobs of requests
        that are *under_way* go first.
        """
        job = Job(asyncio.get_running_loop(), function, done, name, deadline, under_way=under_way)
        self._jobs.put(job)
        if not self._free.acquire(blocking=False):
            self._start_one()
        return job

    async def run(
        self, function: Callable[[Any], Any], argument: Any, name: str = "", deadline: float = math.inf,
        *, under_way: bool = False,
    ) -> Outcome:  # fmt: skip
        """Return what ``function(argument)`` comes to. Raises ``Busy``.

        Cancelled before it began, it never runs, and the cancellation says so by the note ``NOT_BEGUN``.
        """
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        job = self.start(partial(function, argument), future.set_result, name, deadline, under_way=under_way)
        try:
            return await future
        except asyncio.CancelledError as cancelled:
            if not job.has_begun:
                cancelled.add_note(NOT_BEGUN)
            raise
        finally:
            job.cancel()

    def _start_one(self) -> None:
        if self._started == self._most:
            self._told_full()
            return
        self._started += 1
        threading.Thread(target=self._work, name=f"{self._name}-{self._started}", daemon=True).start()

    def _work(self) -> None:
        thread, ended = threading.get_ident(), None
        while (job := self._jobs.get(ended)) is not None:
            if not job.is_given_up:
                self._running[thread] = Work(job.name, thread, time.monotonic())
                outcome = job.outcome()
                del self._running[thread]
                ended = time.monotonic()
                self._jobs.did(ended - job.began)
                self._free.release()  # who hears of the outcome may start the next job, and finds this thread
                job.hand_over(outcome)
                del outcome
            else:
                self._jobs.did(None)
                self._free.release()
            del job  # a waiting thread keeps nothing alive

    def close(self) -> None:
        """End every thread after its current job; waiting jobs are dropped."""
        self._jobs.close(self._started)
        self._started = 0
