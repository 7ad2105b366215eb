"""Four times what threads can do, on a clock of the test: they work for those whom it helps."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from threading import Lock
from types import SimpleNamespace
from typing import Any

import pytest

from aggregator.runtime import jobs as module
from aggregator.runtime.jobs import Busy, Job, Jobs

THREADS, SECONDS, WORK, PATIENCE = 2, 15.0, 0.02, 1.0


class Clock:
    """The time, which passes from one event to the next."""

    def __init__(self) -> None:
        self.now = 0.0
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = count()

    def monotonic(self) -> float:
        """Return the time, as the module ``time`` does."""
        return self.now

    time = monotonic

    def at(self, when: float, event: Callable[[], None]) -> None:
        """Call *event* then."""
        heapq.heappush(self._events, (when, next(self._numbers), event))

    def run(self) -> None:
        """Let all events come."""
        while self._events:
            self.now, _, event = heapq.heappop(self._events)
            event()

    def call_soon_threadsafe(self, *_: Any) -> None:
        """Drop what a loop would be told."""


class Idle(Exception):  # noqa: N818 - no error: the thread would wait
    """No job is to be had now."""


class Ready:
    """The semaphore of a queue whose threads are played by the test: what would block raises ``Idle``."""

    def __init__(self, count: int) -> None:
        self._count = count

    def release(self) -> None:
        """Add one."""
        self._count += 1

    def acquire(self, *, blocking: bool = True) -> bool:
        """Take one, if there is one."""
        if self._count:
            self._count -= 1
            return True
        if blocking:
            raise Idle
        return False


class Office:
    """Threads that work as long as *work* says on each of the steps of requests."""

    def __init__(self, clock: Clock, work: Iterator[float], steps: int) -> None:
        self.well = 0
        self._clock = clock
        self._work = work
        self._steps = steps
        self._jobs = Jobs(THREADS, 1024)
        self._free = THREADS

    def ask(self, due: float, step: int) -> None:
        """Have the *step* of a request done that is *due* then; the last step is that for which others have worked."""
        loop: Any = self._clock
        job = Job(loop, int, print, "", due, under_way=step == self._steps)
        job.name = f"{step}"
        try:
            self._jobs.put(job)
        except Busy:
            return
        self._begin()

    def _begin(self) -> None:
        while self._free:
            try:
                job = self._jobs.get(self._clock.now)
            except Idle:
                return
            assert job is not None
            self._free -= 1
            seconds = next(self._work)
            self._clock.at(self._clock.now + seconds, partial(self._end, job, seconds))

    def _end(self, job: Job, seconds: float) -> None:
        self._free += 1
        self._jobs.did(seconds)
        step = int(job.name)
        if step < self._steps:
            self.ask(job.deadline, step + 1)
        elif self._clock.now <= job.deadline:
            self.well += 1
        self._begin()


def alike(rng: random.Random) -> Iterator[float]:
    """Yield the same seconds of work each time, nearly."""
    while True:
        yield WORK * rng.uniform(0.8, 1.2)


def uneven(rng: random.Random) -> Iterator[float]:
    """Yield seconds of work that is mostly short, and at times ten times as long."""
    while True:
        yield WORK * (5.5 if rng.random() < 0.1 else 0.5)


@pytest.mark.parametrize("steps", [1, 2], ids=["answers", "bodies and answers"])
@pytest.mark.parametrize("kind", [alike, uneven])
@pytest.mark.parametrize("seed", range(2))
def test_four_times_too_much_leaves_nine_tenths(
    monkeypatch: pytest.MonkeyPatch, kind: Callable[[random.Random], Iterator[float]], steps: int, seed: int
) -> None:
    """Of what threads can do, so much is done for requests that still have time, of however many jobs each is."""
    clock, rng = Clock(), random.Random(seed)
    monkeypatch.setattr(module, "time", clock)
    monkeypatch.setattr(module, "threading", SimpleNamespace(Lock=Lock, Semaphore=Ready))
    office, possible = Office(clock, kind(rng), steps), THREADS * SECONDS / (WORK * steps)
    when = 0.0
    while when < SECONDS:
        clock.at(when, partial(ask, office, clock, steps))
        when += rng.expovariate(4 * possible / SECONDS)
    clock.run()
    assert office.well >= 0.9 * possible


def ask(office: Office, clock: Clock, steps: int) -> None:
    """Have a request come now."""
    office.ask(clock.now + PATIENCE, 1)
