"""Threads for functions that may block. They are daemons: one that never returns does not keep the process alive."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, NamedTuple

Outcome = tuple[Any, BaseException | None]
"""What a function gave, or what it raised."""


class _Job(NamedTuple):
    function: Callable[[Any], Any]
    argument: Any
    context: contextvars.Context
    future: asyncio.Future[Outcome]

    def run(self) -> None:
        outcome: Outcome
        try:
            outcome = (self.context.run(self.function, self.argument), None)
        except BaseException as error:
            outcome = (None, error)
        try:
            self.future.get_loop().call_soon_threadsafe(self.settle, outcome)
        except RuntimeError:  # the loop is closed: nobody waits any more
            return

    def settle(self, outcome: Outcome) -> None:
        if not self.future.done():
            self.future.set_result(outcome)


class Threads:
    """At most *most* threads, started when they are needed. What finds none free waits for one."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._free = threading.Semaphore(0)
        self._started = 0

    async def run(self, function: Callable[[Any], Any], argument: Any) -> Outcome:
        """Give what ``function(argument)`` comes to; cancelled before it began, it never runs.

        An exception is given, not raised: a future refuses ``StopIteration``, and ``SystemExit`` would stop the loop.
        """
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._jobs.put(_Job(function, argument, contextvars.copy_context(), future))
        if not self._free.acquire(blocking=False) and self._started < self._most:
            self._started += 1
            threading.Thread(target=self._work, name=f"plugin-{self._started}", daemon=True).start()
        return await future

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            if not job.future.cancelled():
                job.run()
            del job  # a waiting thread keeps nothing alive
            self._free.release()

    def close(self) -> None:
        """Let every thread end after what it is doing; what waits is given up."""
        while not self._jobs.empty():
            self._jobs.get()
        for _ in range(self._started):
            self._jobs.put(None)
        self._started = 0
