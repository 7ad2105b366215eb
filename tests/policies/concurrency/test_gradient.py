"""An adaptive limit shrinks when calls become slower, recovers, and never comes to nothing."""

from __future__ import annotations

import pytest

from aggregator.policies.concurrency.gradient import Gradient
from aggregator.policies.concurrency.places import Places
from aggregator.policies.concurrency.plan import ConcurrencyPlan


def run(gradient: Gradient, seconds: float, calls: int, now: float, *, full: bool = True) -> float:
    """Let *calls* take so many *seconds* each, as many at once as may be; return what time it is then."""
    for _ in range(calls):
        now += seconds / max(1.0, gradient.limit)
        gradient.ended(seconds, now, int(gradient.limit) if full else 0)
    return now


def test_it_grows_while_calls_are_fast():
    """Up to the most that is declared, and only when so many are wanted."""
    gradient = Gradient(200)
    run(gradient, 0.01, 5000, 0.0)
    assert gradient.limit == 200
    idle = Gradient(200)
    run(idle, 0.01, 5000, 0.0, full=False)
    assert idle.limit == 20


def test_it_falls_when_calls_become_slower_and_recovers():
    """Twenty times slower: within ten seconds it is a fraction; fast again, it comes back."""
    gradient = Gradient(200)
    now = run(gradient, 0.01, 5000, 0.0)
    slow = now
    while now < slow + 10.0:
        now = run(gradient, 0.2, 20, now)
    assert gradient.limit < 20
    run(gradient, 0.01, 5000, now)
    assert gradient.limit > 100


@pytest.mark.long
def test_a_new_normal_is_learnt():
    """What has been slower for minutes is how fast it is."""
    gradient = Gradient(200)
    now = run(gradient, 0.01, 1000, 0.0)
    slow = now
    while now < slow + 300.0:
        now = run(gradient, 0.2, 20, now)
    assert gradient.shortest == pytest.approx(0.2)
    assert gradient.limit > 50


def test_it_never_comes_to_nothing():
    """However many calls the upstream does not manage; a clock that jumps changes nothing of that."""
    gradient = Gradient(200)
    for _ in range(1000):
        gradient.overloaded()
    assert int(gradient.limit) == 2
    gradient.ended(5.0, -1e6, 2)
    gradient.ended(5.0, 1e9, 2)
    assert int(gradient.limit) >= 2
    one = Gradient(1)
    one.overloaded()
    run(one, 0.01, 100, 0.0)
    assert int(one.limit) == 1


def settled(gradient: Gradient, *seconds: float, inside: int = 20) -> float:
    """Return the limit after calls that took so many *seconds*, while *inside* were under way."""
    for number, each in enumerate(seconds):
        gradient.ended(each, number / 1000, inside)
    return gradient.limit


def test_a_limit_is_found_anew_after_twenty_calls():
    """It grows by three tenths of its root where all are as fast as they can be."""
    assert settled(Gradient(200), *[0.1] * 19) == 20.0
    assert settled(Gradient(200), *[0.1] * 20) == pytest.approx(20 + 0.3 * 20**0.5)
    assert settled(Gradient(200), *[0.1] * 39) == pytest.approx(20 + 0.3 * 20**0.5)
    assert settled(Gradient(200), *[0.1] * 40) > 22


def test_a_small_limit_is_found_anew_sooner():
    """After as many calls as it lets in, two at least."""
    assert [settled(Gradient(5), *[0.1, *[0.9] * count]) < 5 for count in (3, 4)] == [False, True]
    assert [settled(Gradient(1), *[0.1] * count) for count in (1, 2)] == [1.0, 1.0]


@pytest.mark.parametrize(("inside", "grows"), [(9, False), (10, True)])
def test_half_of_the_places_tell_that_more_would_go(inside: int, grows: bool) -> None:
    """Fewer calls that are fast tell nothing."""
    assert (settled(Gradient(200), *[0.1] * 20, inside=inside) > 20) == grows


def test_how_much_slower_calls_are_is_how_much_the_limit_falls():
    """With half as much again of room, and never to less than half at once."""
    mean = (0.1 + 19 * 0.2) / 20
    wanted = 20 * 1.5 * 0.1 / mean + 20**0.5
    assert settled(Gradient(200), 0.1, *[0.2] * 19) == pytest.approx(20 + 0.3 * (wanted - 20))
    assert settled(Gradient(200), 0.1, *[9.0] * 19) == pytest.approx(20 + 0.3 * (10 + 20**0.5 - 20))
    assert settled(Gradient(200), *[0.0] * 20) > 20


def test_the_shortest_time_is_that_of_two_rounds():
    """Of the minute that goes on and of the one before; a clock that jumps back begins a round."""
    gradient = Gradient(200)
    for now, seconds, shortest in (
        (0.0, 0.1, 0.1), (59.9, 0.5, 0.1), (60.0, 0.4, 0.1), (119.9, 0.3, 0.1), (120.0, 0.6, 0.3), (180.0, 0.7, 0.6),
        (10.0, 0.8, 0.7),
    ):  # fmt: skip
        gradient.ended(seconds, now, 0)
        assert gradient.shortest == shortest, now


def test_a_limit_that_was_found_outlives_a_reload():
    """As long as no more and no less may be found; what is declared takes its place."""
    found = ConcurrencyPlan(limit=100, queue=0, wait=1.0, adaptive=True)
    places = Places(("users", found))
    assert places.limit == 20
    for _ in range(5):
        assert places.enters()
        places.leave(0.0, overloaded=True)
    assert places.limit == 11
    limits = []
    for plan in (found, ConcurrencyPlan(7, 0, 1.0), found, ConcurrencyPlan(5, 0, 1.0, adaptive=True)):
        places.adopt(("users", plan))
        limits.append(places.limit)
    assert limits == [11, 7, 20, 5]
