"""How much time a call needs to be let into the queue of an upstream, to the thousandth of a second."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import pytest

from aggregator.transport.waiting import WaitingLine


@dataclass(eq=False, slots=True)
class Call:
    """A call that has until its *deadline*."""

    deadline: float
    started: float = 0.0
    steps: int = 0
    under_way: bool = False
    waits_until: float = math.inf


def line(observed: list[float], places: int = 1, most: int = 100) -> tuple[WaitingLine[Call], list[Call]]:
    """Return a queue that has *observed* calls of so many seconds, and the list of those that it drops."""
    dropped: list[Call] = []
    made: WaitingLine[Call] = WaitingLine(places, most, dropped.append)
    for seconds in observed:
        made.observe(seconds)
    return made, dropped


def least(queue: WaitingLine[Call], now: float = 0.0, **parts: Any) -> float:
    """Return the least time, in seconds, with which a call is let into *queue* at *now*; nobody stays in it for that."""
    low, high = 0.0, 100.0
    while high - low > 1e-5:
        middle = (low + high) / 2
        call = Call(now + middle, now - 1000.0, **parts)
        if queue.join(call, now):
            queue.leave(call)
            high = middle
        else:
            low = middle
    return round(high, 3)


EVEN = [0.1] * 100


@pytest.mark.parametrize(
    ("before", "places", "parts", "seconds"),
    [
        (0, 1, {}, 0.225),  # a quarter more than the wait, and the call itself
        (2, 1, {}, 0.475),
        (0, 2, {}, 0.163),
        (3, 4, {}, 0.225),
        (0, 1, {"steps": 2}, 0.425),  # two calls follow
        (2, 1, {"steps": 2}, 1.125),  # each of the three has a third of what there is
        (0, 1, {"under_way": True}, 0.2),  # no more than it takes
        (2, 1, {"under_way": True}, 0.2),  # first calls do not stand before it
        (2, 2, {"under_way": True, "steps": 1}, 0.25),
    ],
)
def test_a_call_needs_time_for_the_wait_and_for_what_follows(
    before: int, places: int, parts: dict[str, Any], seconds: float
) -> None:
    """Of an upstream whose calls take a tenth of a second, with so many first calls in line."""
    queue, _ = line(EVEN, places)
    for _ in range(before):
        assert queue.join(Call(99.0), 0.0)
    assert least(queue, **parts) == seconds


@pytest.mark.parametrize(("before", "seconds"), [(0, 0.3), (3, 0.8), (7, 1.3)])
def test_an_uneven_upstream_needs_time_to_spare(before: int, seconds: float) -> None:
    """Four times what calls differ by, and at most a quarter of what is left; calls under way need none."""
    queue, _ = line([0.1])
    for _ in range(before):
        assert queue.join(Call(99.0), 0.0)
    assert least(queue) == seconds
    assert least(queue, under_way=True) == 0.2


def test_what_was_observed_is_smoothed() -> None:
    """The mean moves by an eighth of what a call differs from it, and what they differ by by a quarter."""
    queue, _ = line([0.1, 0.9])
    assert least(queue, under_way=True) == 0.4  # twice the mean: 0.1 + 0.8 / 8
    assert least(queue) == 0.6  # 2.25 × 0.2, and a quarter of it all
    for _ in range(10):
        assert queue.join(Call(99.0), 0.0)
    assert least(queue) == 3.9  # 11 × 0.2 × 1.25 + 0.2, and 4 × (0.05 + (0.8 - 0.05) / 4)


def test_a_line_that_stands_still_is_a_slow_one() -> None:
    """A sixteenth of the time since somebody was served is taken for the time from one to the next."""
    queue, _ = line(EVEN)
    assert queue.join(Call(99.0), 0.0)
    assert least(queue, now=1.6) == 0.35  # still a tenth: 2 × 0.1 × 1.25 + 0.1
    assert least(queue, now=8.0) == 1.35  # 2 × 0.5 × 1.25 + 0.1


def test_the_pace_of_a_line_is_that_at_which_it_was_served() -> None:
    """It moves by a sixteenth of what the time since the last one differs from it."""
    queue, _ = line(EVEN)
    for _ in range(3):
        assert queue.join(Call(99.0), 0.0)
    assert queue.take(0.9) is not None
    assert queue.take(1.8) is not None
    assert least(queue, now=1.8) == 0.592  # 2 × (0.1 + 0.05 + 0.0469) × 1.25 + 0.1


def test_nobody_waits_longer_than_it_may() -> None:
    """The wait is reckoned from now on; one that ends just then is short enough."""
    queue, _ = line([0.5] * 100)
    assert not queue.join(Call(99.0, waits_until=2.62), 2.0)
    assert queue.join(Call(99.0, waits_until=2.63), 2.0)


@pytest.mark.parametrize(("seconds", "is_known"), [(0.5, True), (0.1, False), (0.05, False)])
def test_a_call_that_was_given_up_tells_only_that_it_took_longer(seconds: float, is_known: bool) -> None:
    """What was given up sooner than most end says nothing of how long it would have taken."""
    queue, _ = line(EVEN)
    queue.observe_at_least(seconds)
    assert (least(queue, under_way=True) != 0.2) is is_known


def test_a_line_learns_from_another() -> None:
    """What it knew itself is forgotten, also what it has not reckoned with yet."""
    queue, other = line([5.0])[0], line(EVEN)[0]
    queue.learn(other)
    assert (least(queue), least(other)) == (0.225, 0.225)


@pytest.mark.parametrize("under_way", [False, True])
@pytest.mark.parametrize(("left", "is_served"), [(0.25, True), (0.2499, False)])
def test_a_call_is_served_while_it_can_still_be_answered(left: float, is_served: bool, under_way: bool) -> None:
    """Down to the time that it takes; with less it is dropped, and the next one has its turn."""
    queue, dropped = line([0.25] * 100)
    call, following = Call(8.0, under_way=under_way), Call(99.0, under_way=under_way)
    assert queue.join(call, 0.0)
    assert queue.join(following, 0.0)
    assert queue.take(8.0 - left) is (call if is_served else following)
    assert dropped == ([] if is_served else [call])


def test_a_call_whose_whole_time_is_shorter_needs_half_of_it() -> None:
    """It is of another kind than most, of which the mean tells little."""
    queue, dropped = line([2.0] * 100, places=50)
    call, late = Call(1.0), Call(1.0)
    assert queue.join(call, 0.0)
    assert queue.join(late, 0.0)
    assert queue.take(0.5) is call
    assert queue.take(0.5001) is None
    assert dropped == [late]


def test_so_many_wait_and_no_more() -> None:
    """The line may become longer or shorter; whoever is in it stays."""
    queue, dropped = line([], most=2)
    calls = [Call(99.0) for _ in range(4)]
    assert [queue.join(call, 0.0) for call in calls] == [True, True, False, False]
    queue.resize(1, 3)
    assert [queue.join(call, 0.0) for call in calls[2:]] == [True, False]
    queue.resize(1, 1)
    assert not queue.join(calls[3], 0.0)
    assert (list(queue), len(queue), dropped) == (calls[:3], 3, [])


def test_whoever_leaves_was_there_or_not() -> None:
    """Once, in whichever of the two lines; the others keep their order, those under way before."""
    queue, _ = line([])
    first, second, under_way = Call(99.0), Call(99.0), Call(99.0, under_way=True)
    for call in (first, second, under_way):
        assert queue.join(call, 0.0)
    assert list(queue) == [under_way, first, second]
    assert [queue.leave(one) for one in (first, first, under_way, under_way)] == [True, False, True, False]
    assert queue.pop() is second
    with pytest.raises(KeyError):
        queue.pop()


def test_a_line_that_has_stopped_tells_nobody() -> None:
    """Whoever is past its use is dropped in silence."""
    queue, dropped = line(EVEN)
    assert queue.join(Call(1.0), 0.0)
    queue.stop()
    assert queue.take(5.0) is None
    assert dropped == []
