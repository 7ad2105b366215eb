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

from aggregator.runtime.jobs import Busy, Job, Jobs, Outcome
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

    To start a thread is to wait until it runs, which takes long on a busy machine. The event loop waits for one at a
    time: each thread starts the next one that has been asked for meanwhile, before its own first job.

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
        self._lock = threading.Lock()
        self._started = 0  # those included that are to start
        self._to_start = 0  # of which the first one is being started

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
        if not self._is_one_for(self._jobs.put(job)):
            job.cancel()
            raise Busy("The system has no thread left.")
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

    def _is_one_for(self, jobs: int) -> bool:
        """Return whether there is any thread, after one more was started if *jobs* need it and there may be one."""
        with self._lock:
            if jobs <= self._started:
                return True
            is_full = self._started == self._most
            if not is_full:
                self._started += 1
                self._to_start += 1
            is_left_to_others = self._to_start > 1
        if is_full:
            self._told_full()
        elif not is_left_to_others:
            self._start_next()
        return self._started > 0

    def _start_next(self) -> None:
        """Start the first thread that is to start, and return when it runs; none where the system has no more."""
        with self._lock:
            number = self._started - self._to_start + 1
        try:
            threading.Thread(target=self._work, name=f"{self._name}-{number}", daemon=True).start()
        except RuntimeError:  # those that there are do the jobs that wait
            with self._lock:
                self._started -= self._to_start
                self._to_start = 0

    def _begun(self) -> bool:
        """Count the calling thread as started; return whether another one is to start."""
        with self._lock:
            self._to_start -= 1
            return self._to_start > 0

    def _work(self) -> None:
        if self._begun():
            self._start_next()
        thread, ended = threading.get_ident(), None
        while (job := self._jobs.get(ended)) is not None:
            if not job.is_given_up:
                self._running[thread] = Work(job.name, thread, time.monotonic())
                outcome = job.outcome()
                del self._running[thread]
                ended = time.monotonic()
                self._jobs.did(ended - job.began)  # before: who hears of the outcome may start a job for this thread
                job.hand_over(outcome)
                del outcome
            else:
                self._jobs.did(None)
            del job  # a waiting thread keeps nothing alive

    def close(self) -> None:
        """End every thread after its current job; waiting jobs are dropped."""
        self._jobs.close(self._started)
        self._started = 0
