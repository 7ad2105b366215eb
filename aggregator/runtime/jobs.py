"""The queue of jobs for threads. It is a ``WaitingLine``, as before upstreams, so that no job waits past its use.

States of a job: *next* (a thread is free for it), *waiting* (in line), *taken* (a thread has it), *refused* (it could
not be done in time, or there was no room), *dropped* (its use passed while it waited), *left* (nobody wants it now).
"""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from aggregator.errors import AggregatorError, without_frames
from aggregator.parts.clock import context_in_thread
from aggregator.transport.waiting import WaitingLine

_SEVERAL = 64
"""Jobs whose mean is what a job is expected to take: a busy machine holds one of them up for a second now and then."""
Outcome = tuple[Any, BaseException | None]
"""What a function gave, or what it raised."""


class Busy(AggregatorError):  # noqa: N818 - said of threads
    """All threads are busy, and the queue is full or too long for what is left of the time."""


class Job:
    """A function that is to run in a thread, and who is told what it comes to.

    *deadline* is given in loop time and kept in seconds of ``time.monotonic``, as threads need it. *under_way* tells
    that an upstream has answered a call of the same request.
    """

    __slots__ = ("_context", "_done", "_function", "_loop", "began", "deadline", "has_begun", "is_given_up", "jobs",
                 "name", "started", "steps", "under_way", "waits_until")  # fmt: skip

    def __init__(
        self, loop: asyncio.AbstractEventLoop, function: Callable[[], Any], done: Callable[[Outcome], None], name: str,
        deadline: float = math.inf, *, under_way: bool = False,
    ) -> None:  # fmt: skip
        self.name = name
        self.has_begun = False
        self.is_given_up = False
        self.jobs: Jobs | None = None
        self.began = 0.0
        self.started = time.monotonic()
        self.deadline = self.started + deadline - loop.time()
        self.waits_until = math.inf
        self.steps = 0 if under_way else 1  # whose body is read is answered by another job, or by calls
        self.under_way = under_way
        self._loop = loop
        self._function = function
        self._done = done
        self._context = context_in_thread(loop)

    def outcome(self) -> Outcome:
        """Run the function, once; it and what it worked on are let go of here, in the thread."""
        self.has_begun = True
        function, self._function = self._function, _nothing
        try:
            return self._context.run(function), None
        except AggregatorError as error:
            return None, without_frames(error)
        except BaseException as error:
            return None, error

    def hand_over(self, outcome: Outcome) -> None:
        """Pass *outcome* to the waiter, in the event loop."""
        try:
            self._loop.call_soon_threadsafe(self._settle, outcome)
        except RuntimeError:  # the loop is closed: nobody waits any more
            return

    def _settle(self, outcome: Outcome) -> None:
        done, self._done = self._done, tell_nobody  # who is told may hold this job
        done(outcome)

    def cancel(self) -> None:
        """Cancel: *done* is not called, and a job that has not begun never runs."""
        self.is_given_up = True
        self._done = tell_nobody
        if self.jobs is not None:
            self.jobs.leave(self)


class Jobs:
    """The queue of jobs for *threads* threads; at most *waiting* jobs wait, any number when it is None."""

    def __init__(self, threads: int, waiting: int | None) -> None:
        self._threads = threads
        self._waiting = math.inf if waiting is None else waiting
        self._lock = threading.Lock()
        self._ready = threading.Semaphore(0)
        self._line: WaitingLine[Job] = WaitingLine(threads, waiting or 0, _drop)
        self._next: OrderedDict[Job, None] = OrderedDict()
        self._done = 0
        self._mean = 0.0
        self._ends = 0
        self._taken = 0

    def put(self, job: Job) -> int:
        """Add *job*; return how many are not done. Raises ``Busy`` when it could not end in time, or has no room."""
        with self._lock:
            if self._waiting == math.inf:
                self._next[job] = None
            elif self._is_free():
                self._next[job], job.jobs = None, self
            elif self._line.join(job, job.started):
                job.jobs = self
            else:
                raise Busy(f"{len(self._line)} jobs wait for a thread.")
            number = self._taken + len(self._next) + len(self._line)
        self._ready.release()
        return number

    def _is_free(self) -> bool:
        return self._taken + len(self._next) < self._threads and not self._line and self._waiting > 0

    def get(self, since: float | None = None) -> Job | None:
        """Return the next job, blocking until there is one; None when the calling thread should end.

        A thread whose last job ended at *since* took that long to come for a job that waited, which counts with it.
        """
        while True:
            if not self._ready.acquire(blocking=False):
                self._ready.acquire()
                since = None
            with self._lock:
                if self._ends:
                    self._ends -= 1
                    return None
                if (job := self._taken_next(since)) is not None:
                    return job

    def _taken_next(self, since: float | None) -> Job | None:
        now = time.monotonic()
        job = self._next.popitem(last=False)[0] if self._next else self._line.take(now)
        if job is not None:
            job.jobs, job.began = None, now if since is None else since
            self._taken += 1
        return job

    def did(self, seconds: float | None) -> None:
        """Count a job as done after *seconds* of work; None for a job that was cancelled before it ran."""
        with self._lock:
            self._taken -= 1
            if seconds is not None:
                self._done = min(self._done + 1, _SEVERAL)
                self._mean += (seconds - self._mean) / self._done
                self._line.observe(self._mean)

    def leave(self, job: Job) -> None:
        """Remove *job* from the queue."""
        with self._lock:
            if self._next.pop(job, self) is self:
                self._line.leave(job)

    def close(self, threads: int) -> None:
        """Drop all waiting jobs, and let *threads* calls of ``get`` return None."""
        with self._lock:
            self._next.clear()
            while self._line:
                self._line.pop()
            self._ends += threads
        if threads:
            self._ready.release(threads)


def _nothing() -> None:
    """Stand for a function that has run."""


def tell_nobody(outcome: Outcome) -> None:
    """Stand for the waiter of a job that was told, or has left."""


def _drop(job: Job) -> None:
    job.jobs = None
    job.hand_over((None, Busy("Its use has passed while it waited for a thread.")))
