"""A bucket that is asked for one at a time, without what is told of it, counts as it does otherwise."""

from __future__ import annotations

from random import Random

import pytest

from aggregator.stores.limiter import Limiter
from aggregator.stores.rate import Rate


@pytest.mark.parametrize("rate", [Rate(10, 1.0, 3), Rate(1, 60.0, 1), Rate(3, 0.7, 3)])
def test_what_is_granted_is_what_is_taken(rate: Rate) -> None:
    """``grant`` says what ``take`` says, over pauses, floods of other keys and clocks that jump back."""
    random, now = Random(7), [100.0]
    one, other = (Limiter(rate, lambda: now[0], most_keys=4) for _ in range(2))
    refused = 0
    for _ in range(2000):
        now[0] += random.choice((0.0, 0.0, 0.01, 0.3, 2.0, -5.0)) * rate.interval
        key = random.randrange(3)
        taken, used = one.take(key), other.grant(key)
        assert (used >= 0.0) == taken.granted
        if taken.granted:
            assert used == pytest.approx(taken.reset)
        else:
            refused += 1
        assert other.look(key).reset == pytest.approx(one.look(key).reset)
    assert 100 < refused < 1900  # both happen
