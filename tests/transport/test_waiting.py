"""The queue in front of an upstream, under more load than it can take. Time is a number here, and nothing waits."""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from aggregator.transport.waiting import WaitingLine

PLACES, MOST = 50, 1000  # what an upstream has unless its limits say otherwise
TIMEOUT = 1.0


@dataclass(eq=False, slots=True)
class Call:
    """A call of *request*; it has been *sent* at that time."""

    request: Any
    deadline: float
    started: float = 0.0
    steps: int = 0
    under_way: bool = False
    waits_until: float = math.inf
    sent: float | None = None


@dataclass(eq=False)
class Request:
    """A request that needs so many calls, all at once or one after the other."""

    left: int
    chained: bool
    deadline: float
    calls: set[Call] = field(default_factory=set)
    failed: bool = False


class Scene:
    """An upstream with `PLACES` places whose calls take *service* seconds, before it a queue, before that clients."""

    def __init__(self, service: Callable[[random.Random], float], calls: int, *, chained: bool) -> None:
        self.line: WaitingLine[Call] = WaitingLine(PLACES, MOST, lambda call: self.fail(call.request))
        self.random = random.Random(7)
        self.service = service
        self.calls = calls
        self.chained = chained
        self.now = 0.0
        self.busy = 0
        self.answered: list[float] = []
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._number = 0

    def at(self, when: float, event: Callable[[], None]) -> None:
        """Let *event* happen at *when*."""
        self._number += 1
        heapq.heappush(self._events, (when, self._number, event))

    def run(self, rate: float, until: float) -> None:
        """Let *rate* requests a second come, at random, *until* then."""

        def arrive() -> None:
            self.at(self.now + self.random.expovariate(rate), arrive)
            self.begin()

        self.at(0.0, arrive)
        while self._events[0][0] < until:
            self.now, _, event = heapq.heappop(self._events)
            event()

    def begin(self) -> None:
        """Take a request."""
        request = Request(self.calls, self.chained, self.now + TIMEOUT)
        for _ in range(1 if self.chained else self.calls):
            if not request.failed:
                self.call(request)

    def call(self, request: Request) -> None:
        """Make a call for *request*, as a pool does."""
        steps, under_way = (request.left - 1, request.left < self.calls) if self.chained else (0, False)
        call = Call(request, request.deadline, self.now, steps, under_way)
        request.calls.add(call)
        if self.busy < PLACES:
            self.send(call)
        elif self.line.join(call, self.now):
            self.at(call.deadline, lambda: self.line.leave(call) and self.fail(request))
        else:
            self.fail(request)

    def send(self, call: Call) -> None:
        """Send *call*; it ends when the upstream has answered, or at its deadline."""
        self.busy += 1
        call.sent = self.now
        ended = self.now + self.service(self.random)
        self.at(min(ended, call.deadline), lambda: self.end(call, in_time=ended <= call.deadline))

    def end(self, call: Call, *, in_time: bool) -> None:
        """Take the answer to *call*, which may have been given up before."""
        request, sent = call.request, call.sent
        if call not in request.calls:
            return
        request.calls.remove(call)
        assert sent is not None
        (self.line.observe if in_time else self.line.observe_at_least)(self.now - sent)
        self.release()
        request.left -= 1
        if not in_time:
            self.fail(request)
        elif request.left == 0:
            self.answered.append(self.now)
        elif self.chained:
            self.call(request)

    def release(self) -> None:
        """Give a place to the next who waits."""
        self.busy -= 1
        waiting = self.line.take(self.now)
        if waiting is not None:
            self.send(waiting)

    def fail(self, request: Request) -> None:
        """Fail *request*: its other calls are given up."""
        request.failed = True
        calls, request.calls = request.calls, set()
        for call in calls:
            if call.sent is not None:
                self.release()
            else:
                self.line.leave(call)


def even(seconds: float) -> Callable[[random.Random], float]:
    """Return an upstream that takes the same time for each call."""
    return lambda _: seconds


def uneven(seconds: float) -> Callable[[random.Random], float]:
    """Return an upstream that is quick with most calls and slow with some; *seconds* on average."""
    return lambda random: random.expovariate(1 / seconds)


def goodput(scene: Scene, seconds: float, load: float) -> float:
    """Return the share of the possible answers that clients got under *load* times as many requests."""
    possible = PLACES / seconds / scene.calls
    scene.run(load * possible, until=3.0)
    return sum(when > 1.0 for when in scene.answered) / (2.0 * possible)


@pytest.mark.parametrize("load", [1.1, 1.3, 4])
@pytest.mark.parametrize(("calls", "chained"), [(1, False), (3, False), (3, True)], ids=["call", "fan-out", "chain"])
@pytest.mark.parametrize("service", [even, uneven])
@pytest.mark.parametrize("seconds", [0.02, 0.1])
def test_overload_costs_no_answers(
    seconds: float, service: Callable[[float], Any], calls: int, chained: bool, load: float
) -> None:
    """However many requests come, at least nine of ten answers that the upstream can give arrive in time."""
    assert goodput(Scene(service(seconds), calls, chained=chained), seconds, load) >= 0.9


def line(places: int = 1, most: int = 10, observed: float = 0.1) -> tuple[WaitingLine[Call], list[Call]]:
    """Return a queue that knows that calls take *observed* seconds, and the list of what it drops."""
    dropped: list[Call] = []
    made: WaitingLine[Call] = WaitingLine(places, most, dropped.append)
    for _ in range(100 if observed else 0):
        made.observe(observed)
    return made, dropped


def waiting(seconds: float, **parts: Any) -> Call:
    """Return a call with so many *seconds* left at 0."""
    return Call(None, seconds, **parts)


def test_hopeless_is_refused() -> None:
    """A call that cannot be served in time is not let in, one that can be is."""
    queue, _ = line()
    assert not queue.join(waiting(0.15), 0)
    assert queue.join(waiting(0.25), 0)
    assert not queue.join(waiting(0.25), 0)
    assert queue.join(waiting(0.5), 0)


def test_unknown_upstreams_are_given_a_chance() -> None:
    """Before any call has ended nothing is known, and whoever there is room for may wait."""
    queue, _ = line(observed=0, most=2)
    assert [queue.join(waiting(0.001), 0) for _ in range(3)] == [True, True, False]


def test_what_follows_needs_time() -> None:
    """A call that others must follow may only wait for its share of what is left."""
    queue, _ = line()
    for _ in range(2):
        assert queue.join(waiting(10), 0)
    assert not queue.join(waiting(0.6, steps=2), 0)
    assert queue.join(waiting(0.6), 0)


def test_under_way_goes_first() -> None:
    """Calls of requests under way are served before first calls, each kind in the order in which it came."""
    queue, _ = line()
    calls = [waiting(9), waiting(9), waiting(9, under_way=True), waiting(9, under_way=True)]
    for call in calls:
        assert queue.join(call, 0)
    assert [queue.take(0) for _ in range(5)] == [*calls[2:], *calls[:2], None]


def test_past_its_use() -> None:
    """A call that has no time left when its turn comes is dropped, and the next one is served."""
    queue, dropped = line()
    old, young = waiting(0.5), waiting(9)
    assert queue.join(old, 0)
    assert queue.join(young, 0)
    assert queue.take(0.45) is young
    assert (dropped, len(queue)) == ([old], 0)


def test_a_full_queue_makes_room() -> None:
    """Where there is no room what is past its use goes, then, for a request under way, the newest first call."""
    queue, dropped = line(most=2)
    past, first, second, under_way = waiting(0.5), waiting(9), waiting(9), waiting(9, under_way=True)
    assert queue.join(past, 0)
    assert queue.join(first, 0)
    assert not queue.join(waiting(9), 0.1)
    assert queue.join(second, 0.45)
    assert dropped == [past]
    assert queue.join(under_way, 0.45)
    assert (dropped, [queue.take(0.45), queue.take(0.45)]) == ([past, second], [under_way, first])


def test_hurried_calls_among_slow_ones() -> None:
    """A call whose whole time is shorter than most calls take is of another kind, and is given a chance."""
    queue, _ = line(places=50, observed=2.0)
    assert queue.join(waiting(1.0), 0)
    assert queue.take(0.4) is not None


def test_the_limit_of_waiting_counts() -> None:
    """A call that would wait for longer than it may is refused at once."""
    queue, _ = line()
    assert not queue.join(waiting(9, waits_until=0.1), 0)
    assert queue.join(waiting(9, waits_until=0.2), 0)


def test_the_latest_calls_are_what_is_known_of_an_upstream() -> None:
    """However many were observed while nobody waited, and however slow they were."""
    line: WaitingLine[Call] = WaitingLine(1, MOST, lambda _: None)
    for seconds in [*[10.0] * 1000, *[0.01] * 200]:
        line.observe(seconds)
    assert line.join(Call(None, deadline=TIMEOUT), 0.0)


def test_the_first_call_that_is_slow_is_known_at_once() -> None:
    """What was observed is reckoned with by the next who asks for a place."""
    line: WaitingLine[Call] = WaitingLine(1, MOST, lambda _: None)
    line.observe(0.9)
    assert not line.join(Call(None, deadline=TIMEOUT), 0.0)
