"""What limits cost in memory: a hundred thousand callers, as many as are held, take less than 20 MB; a quarter shows it."""

from __future__ import annotations

import tracemalloc
from inspect import signature

import pytest

from aggregator.policies.rate_limit.keys import counted
from aggregator.stores.limiter import Limiter
from aggregator.stores.quota import Quota
from aggregator.stores.rate import Rate
from aggregator.stores.used import Used

CALLERS = 25_000
MORE = CALLERS + CALLERS // 4


@pytest.mark.long
@pytest.mark.parametrize("kind", ["rate", "quota"])
def test_a_caller_takes_less_than_two_hundred_bytes(kind: str) -> None:
    """Keys and counts together, for more callers than are held."""
    counts: Limiter | Used
    tracemalloc.start()
    try:
        if kind == "rate":
            counts = Limiter(Rate(10, 60.0, 10), lambda: 0.0, CALLERS)
            for number in range(MORE):
                counts.take(f"caller-{number}")
        else:
            counts = Used(Quota(10, "day"), lambda: 0.0, CALLERS)
            for number in range(MORE):
                counts.take(counted(f"caller-{number}", "partners", "issuer"))
        assert CALLERS // 2 <= len(counts) <= CALLERS
        assert tracemalloc.get_traced_memory()[0] < 200 * CALLERS
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("kind", [Limiter, Used])
def test_a_hundred_thousand_callers_are_held(kind: type) -> None:
    """Of each limit, unless its maker says otherwise."""
    assert signature(kind).parameters["most_keys"].default == 100_000
