"""What limits cost in memory: a hundred thousand callers take less than 20 MB."""

from __future__ import annotations

import tracemalloc

import pytest

from aggregator.policies.rate_limit.keys import counted
from aggregator.stores.limiter import Limiter
from aggregator.stores.quota import Quota
from aggregator.stores.rate import Rate
from aggregator.stores.used import Used

CALLERS = 100_000
MORE = CALLERS + CALLERS // 4


@pytest.mark.parametrize("kind", ["rate", "quota"])
def test_a_hundred_thousand_callers(kind: str) -> None:
    """Keys and counts together, for more callers than are held."""
    counts: Limiter | Used
    tracemalloc.start()
    try:
        if kind == "rate":
            counts = Limiter(Rate(10, 60.0, 10), lambda: 0.0)
            for number in range(MORE):
                counts.take(f"caller-{number}")
        else:
            counts = Used(Quota(10, "day"), lambda: 0.0)
            for number in range(MORE):
                counts.take(counted(f"caller-{number}", "partners", "issuer"))
        assert CALLERS // 2 <= len(counts) <= CALLERS
        assert tracemalloc.get_traced_memory()[0] < 20_000_000
    finally:
        tracemalloc.stop()
