"""Workers above their memory: replaced gently, and not all the time where the limit is below what each needs."""

from __future__ import annotations

from aggregator.server.workers.supervising.relieving import Relief


def test_a_limit_that_none_can_keep_replaces_seldom() -> None:
    """The first goes at once, those behind it after a time that grows to 30 seconds."""
    relief, ages = Relief(), []
    for _ in range(8):
        age = 1.0
        while not relief.is_due(age):
            age += 1.0
        ages.append(age)
    assert ages == [1, 1, 2, 4, 8, 16, 30, 30]


def test_one_that_has_served_well_is_replaced_at_once() -> None:
    """What leaks in hours never waits, whatever was before."""
    relief = Relief()
    assert [relief.is_due(age) for age in (1.0, 0.5, 3600.0, 0.0)] == [True, False, True, True]
