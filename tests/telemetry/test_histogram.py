"""Numbers that are only put down at every request, and counted when there are some or somebody looks."""

from __future__ import annotations

import pytest

from aggregator.telemetry.metrics.histogram import MOST_WAITING, Histogram

BOUNDS = (0.1, 1.0, 2.5)
VALUES = [0.0, 0.1, 0.05, 1.0, 1.5, 2.5, 99.0]


@pytest.mark.parametrize("times", [0, 1, MOST_WAITING])
def test_what_waited_is_counted_as_what_did_not(times):
    """In the same buckets, one that is equal to a bound within it; the order does not matter."""
    put_down, added = Histogram(BOUNDS), Histogram(BOUNDS)
    for value in VALUES * times:
        put_down.put_down(value)
        added.add(value)
    assert len(put_down.waiting) < MOST_WAITING
    assert (put_down.counts, put_down.sum) == (added.counts, pytest.approx(added.sum))
    assert (put_down.gathered, added.gathered) == (len(VALUES) * times, 0)
    assert not put_down.waiting


def test_a_copy_goes_its_own_way():
    """What waits is in it; what comes later is not."""
    histogram = Histogram(BOUNDS)
    histogram.put_down(0.5)
    copy = histogram.copied()
    histogram.put_down(0.5)
    assert (copy.counts, histogram.counts) == ([0, 1, 0, 0], [0, 2, 0, 0])
