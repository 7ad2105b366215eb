"""Threads for functions that may block. They are daemons: one that never returns does not keep the process alive."""

from __future__ import annotations

import asyncio
import contextvars
import sys
import threading
import time
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, NamedTuple

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
        """Where it stands."""
        frame = sys._current_frames().get(self.thread)
        return Standstill() if frame is None else standstill_of(frame)


class _Job(NamedTuple):
    name: str
    function: Callable[[Any], Any]
    argument: Any
    context: contextvars.Context
    future: asyncio.Future[Outcome]

    def outcome(self) -> Outcome:
        """Run the function."""
        try:
            return self.context.run(self.function, self.argument), None
        except BaseException as error:
            return None, error

    def hand_over(self, outcome: Outcome) -> None:
        """Return *outcome* to who waits, in the loop."""
        try:
            self.future.get_loop().call_soon_threadsafe(self.settle, outcome)
        except RuntimeError:  # the loop is closed: nobody waits any more
            return

    def settle(self, outcome: Outcome) -> None:
        if not self.future.done():
            self.future.set_result(outcome)


class Threads:
    """At most *most* threads, started when they are needed. What finds none free waits for one.

    *told_full* is called each time that something has to wait because all of them are taken.
    """

    def __init__(self, most: int, told_full: Callable[[], None] = lambda: None) -> None:
        self._most = most
        self._told_full = told_full
        self._running: dict[int, Work] = {}
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._free = threading.Semaphore(0)
        self._started = 0

    @property
    def running(self) -> list[Work]:
        """What runs now, the oldest first."""
        return sorted(self._running.values(), key=lambda work: work.since)

    async def run(self, function: Callable[[Any], Any], argument: Any, name: str = "") -> Outcome:
        """Return what ``function(argument)`` comes to; cancelled before it began, it never runs.

        An exception is given, not raised: a future refuses ``StopIteration``, and ``SystemExit`` would stop the loop.
        """
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._jobs.put(_Job(name, function, argument, contextvars.copy_context(), future))
        if not self._free.acquire(blocking=False):
            self._start_one()
        return await future

    def _start_one(self) -> None:
        if self._started == self._most:
            self._told_full()
            return
        self._started += 1
        threading.Thread(target=self._work, name=f"plugin-{self._started}", daemon=True).start()

    def _work(self) -> None:
        thread = threading.get_ident()
        while (job := self._jobs.get()) is not None:
            if not job.future.cancelled():
                self._running[thread] = Work(job.name, thread, time.monotonic())
                outcome = job.outcome()
                del self._running[thread]
                job.hand_over(outcome)
                del outcome
            del job  # a waiting thread keeps nothing alive
            self._free.release()

    def close(self) -> None:
        """Let every thread end after what it is doing; what waits is given up."""
        while not self._jobs.empty():
            self._jobs.get()
        for _ in range(self._started):
            self._jobs.put(None)
        self._started = 0
