"""Threads for functions that may block. They are daemons: one that never returns does not keep the process alive."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from queue import SimpleQueue
from typing import Any, NamedTuple

from aggregator.errors import AggregatorError
from aggregator.parts.clock import context_in_thread
from aggregator.telemetry.stacks import Standstill, standstill_of

Outcome = tuple[Any, BaseException | None]
"""What a function gave, or what it raised."""


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


class Job:
    """A function that is to run in a thread, and who is told what it comes to."""

    __slots__ = ("_context", "_done", "_function", "_loop", "is_given_up", "name")

    def __init__(
        self, loop: asyncio.AbstractEventLoop, function: Callable[[], Any], done: Callable[[Outcome], None], name: str
    ) -> None:
        self.name = name
        self.is_given_up = False
        self._loop = loop
        self._function = function
        self._done = done
        self._context = context_in_thread(loop)

    def outcome(self) -> Outcome:
        """Run the function."""
        try:
            return self._context.run(self._function), None
        except BaseException as error:
            return None, error

    def hand_over(self, outcome: Outcome) -> None:
        """Pass *outcome* to the waiter, in the event loop."""
        try:
            self._loop.call_soon_threadsafe(self._settle, outcome)
        except RuntimeError:  # the loop is closed: nobody waits any more
            return

    def _settle(self, outcome: Outcome) -> None:
        if not self.is_given_up:
            self._done(outcome)

    def cancel(self) -> None:
        """Cancel: *done* is not called, and a job that has not begun never runs."""
        self.is_given_up = True


class Busy(AggregatorError):  # noqa: N818 - said of threads
    """All threads are taken, and as much waits for them as may."""


class Threads:
    """At most *most* threads, started when they are needed. What finds none free waits for one.

    *told_full* is called each time that something has to wait because all of them are taken. At most *waiting* jobs
    do, any number when it is None.
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
        self._waiting = waiting
        self._running: dict[int, Work] = {}
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._free = threading.Semaphore(0)
        self._started = 0

    @property
    def running(self) -> list[Work]:
        """The jobs running now, the oldest first."""
        return sorted(self._running.values(), key=lambda work: work.since)

    def start(self, function: Callable[[], Any], done: Callable[[Outcome], None], name: str = "") -> Job:
        """Call *function* in a thread; *done* gets the outcome in the running loop. Raises ``Busy``.

        An exception is told, not raised: a future refuses ``StopIteration``, and ``SystemExit`` would stop the loop.
        """
        if self._waiting is not None and self._jobs.qsize() >= self._waiting:
            raise Busy(f"{self._waiting} jobs wait for a thread.")
        job = Job(asyncio.get_running_loop(), function, done, name)
        self._jobs.put(job)
        if not self._free.acquire(blocking=False):
            self._start_one()
        return job

    async def run(self, function: Callable[[Any], Any], argument: Any, name: str = "") -> Outcome:
        """Return what ``function(argument)`` comes to; cancelled before it began, it never runs. Raises ``Busy``."""
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        job = self.start(partial(function, argument), future.set_result, name)
        try:
            return await future
        finally:
            job.cancel()

    def _start_one(self) -> None:
        if self._started == self._most:
            self._told_full()
            return
        self._started += 1
        threading.Thread(target=self._work, name=f"{self._name}-{self._started}", daemon=True).start()

    def _work(self) -> None:
        thread = threading.get_ident()
        while (job := self._jobs.get()) is not None:
            if not job.is_given_up:
                self._running[thread] = Work(job.name, thread, time.monotonic())
                outcome = job.outcome()
                del self._running[thread]
                self._free.release()  # who hears of the outcome may start the next job, and finds this thread
                job.hand_over(outcome)
                del outcome
            else:
                self._free.release()
            del job  # a waiting thread keeps nothing alive

    def close(self) -> None:
        """End every thread after its current job; waiting jobs are dropped."""
        while not self._jobs.empty():
            self._jobs.get()
        for _ in range(self._started):
            self._jobs.put(None)
        self._started = 0
