"""A budget counts ten seconds back: a share of the calls, and a floor that is always there."""

from __future__ import annotations

import gc

import pytest

from aggregator.policies.registry import Registry
from aggregator.policies.retry.budget import BUDGET, Budget
from aggregator.policies.retry.plan import BudgetPlan


def budget(**shares: float) -> Budget:
    """Return a budget of the upstream `users`."""
    return Budget(("users", BudgetPlan(**shares)))


def granted(one: Budget, now: float, times: int = 1000) -> int:
    """Return how many of *times* retries are granted."""
    return sum(one.grants_retry(now) for _ in range(times))


def test_the_floor_is_always_there():
    """Ten a second over ten seconds, also for an upstream that nobody called."""
    assert granted(budget(floor=10.0), 5.0) == 100


def test_above_the_floor_a_share_counts():
    """A fifth of what was called; the floor is no part of it."""
    one = budget(share=0.2, floor=1.0)
    for _ in range(1000):
        one.called(5.0)
    assert granted(one, 5.0) == 200


def test_what_is_ten_seconds_old_is_forgotten():
    """Slot by slot, and all of it after a long silence."""
    one = budget(share=0.2, floor=0.1)
    for second in range(10):
        for _ in range(10):
            one.called(100.0 + second)
    assert one.counts(109.5) == (100, 0, 0)
    assert one.counts(110.0) == (90, 0, 0)
    assert one.counts(114.9) == (50, 0, 0)
    assert one.counts(9999.0) == (0, 0, 0)


def test_a_clock_that_jumps_back_forgets():
    """It neither raises nor keeps what would never be ten seconds old."""
    one = budget(share=0.2, floor=0.0)
    one.called(1000.0)
    assert one.counts(10.0) == (0, 0, 0)
    one.called(10.0)
    assert one.counts(10.0) == (1, 0, 0)


def test_hedges_have_no_floor_and_share_with_retries():
    """Five of a hundred calls, and with the retries together a fifth."""
    one = budget(share=0.2, floor=10.0, hedges=0.05)
    assert not one.grants_hedge(1.0)
    for _ in range(100):
        one.called(1.0)
    assert sum(one.grants_hedge(1.0) for _ in range(50)) == 5
    other = budget(share=0.2, floor=10.0, hedges=0.05)
    for _ in range(100):
        other.called(1.0)
    granted(other, 1.0, 20)
    assert not other.grants_hedge(1.0)


@pytest.mark.parametrize(("first", "then"), [("hedges", "retries"), ("retries", "hedges")])
def test_what_one_kind_has_taken_the_other_lacks(first: str, then: str) -> None:
    """Whichever comes first: of a hundred calls there are twenty for both."""
    one = budget(share=0.2, floor=0.0, hedges=0.2)
    for _ in range(100):
        one.called(1.0)
    grants = {"hedges": one.grants_hedge, "retries": one.grants_retry}
    assert sum(grants[first](1.0) for _ in range(15)) == 15
    assert sum(grants[then](1.0) for _ in range(100)) == 5
    assert sorted(one.counts(1.0)) == [5, 15, 100]


def test_a_retry_that_nobody_asked_for_is_counted():
    """It is taken from what the others have."""
    one = budget(share=0.1, floor=0.0)
    for _ in range(100):
        one.called(1.0)
    for _ in range(4):
        one.resent(1.0)
    assert (one.counts(1.0), granted(one, 1.0)) == ((100, 4, 0), 6)


def test_a_spent_budget_is_told_once_in_a_while(caplog):
    """One line in ten seconds, whatever is refused; it says what was counted."""
    one = budget(share=0.2, floor=0.0)
    for _ in range(10):
        one.called(1.0)
    granted(one, 1.0)
    granted(one, 10.9)
    assert [record.fields for record in caplog.records] == [
        {"upstream": "users", "calls": 10, "retries": 2, "hedges": 0}
    ]
    granted(one, 11.0)
    assert caplog.text.count("the budget of the upstream is spent") == 2


@pytest.mark.long
def test_it_is_kept_over_reloads_by_name():
    """With other shares what was counted stays; a refused reload leaves the shares as they were."""
    registry = Registry()
    first = registry.draft()
    one = first.hold(BUDGET, "users", ("users", BudgetPlan(share=0.2, floor=0.0)))
    first.commit()
    for _ in range(100):
        one.called(1.0)
    second = registry.draft()
    assert second.hold(BUDGET, "users", ("users", BudgetPlan(share=0.5, floor=0.0))) is one
    assert granted(one, 1.0) == 20
    second.commit()
    assert granted(one, 1.0) == 30
    assert first.hold(BUDGET, "orders", ("orders", BudgetPlan())) is not one
    gc.collect()
