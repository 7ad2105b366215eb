"""An adaptive limit shrinks when calls become slower, recovers, and never comes to nothing."""

from __future__ import annotations

import pytest

from aggregator.policies.concurrency.gradient import Gradient


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
