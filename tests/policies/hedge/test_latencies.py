"""How long a call took of late is known once there were answers enough, and forgotten one by one."""

from __future__ import annotations

from aggregator.policies.hedge.latencies import ENOUGH, KEPT, LATENCIES, Latencies
from aggregator.policies.registry import Registry


def test_nothing_is_said_before_there_were_enough():
    """Of the first answers nothing follows."""
    latencies = Latencies("GET /x call")
    for _ in range(ENOUGH - 1):
        latencies.add(0.1)
    assert latencies.quantile(0.95) is None
    latencies.add(0.1)
    assert latencies.quantile(0.95) == 0.1


def test_a_percentile_of_the_last_answers():
    """Memory is bounded, and what has become faster is so soon."""
    latencies = Latencies("GET /x call")
    for number in range(KEPT):
        latencies.add(number / 1000)
    assert latencies.quantile(0.5) == 0.1
    assert latencies.quantile(0.95) == 0.19
    for _ in range(KEPT):
        latencies.add(0.001)
    assert latencies.quantile(0.99) == 0.001
    assert latencies.count == KEPT


def test_it_is_kept_over_reloads():
    """By the name of the call."""
    registry = Registry()
    first = registry.draft()
    latencies = first.hold(LATENCIES, "GET /x call", "GET /x call")
    first.commit()
    assert registry.draft().hold(LATENCIES, "GET /x call", "GET /x call") is latencies


def test_a_percentile_is_one_of_the_answers():
    """Of twenty the 95th is the longest, and a hundredth the shortest."""
    latencies = Latencies("GET /x call")
    for number in range(ENOUGH):
        latencies.add(float(number))
    assert [latencies.quantile(share) for share in (0.01, 0.5, 0.94, 0.95, 0.99)] == [0.0, 10.0, 18.0, 19.0, 19.0]


def test_a_percentile_is_reckoned_anew_after_ten_answers():
    """Fewer change nothing yet."""
    latencies = Latencies("GET /x call")
    for _ in range(ENOUGH):
        latencies.add(0.1)
    told = [latencies.quantile(0.99)]
    for _ in range(10):
        latencies.add(0.5)
        told.append(latencies.quantile(0.99))
    assert told == [0.1] * 10 + [0.5]
