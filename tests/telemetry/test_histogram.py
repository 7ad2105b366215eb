"""Numbers that are only put down at every request, and counted when there are some or somebody looks."""

from __future__ import annotations

import pytest

from aggregator.telemetry.metrics.histogram import MOST_WAITING, Exemplar, Histogram

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


def test_values_are_counted_when_so_many_wait() -> None:
    """Sixty-four; those that came before stay counted."""
    histogram = Histogram(BOUNDS)
    for number in range(MOST_WAITING - 1):
        histogram.put_down(0.5)
        assert len(histogram.waiting) == number + 1
    histogram.put_down(0.5)
    assert (MOST_WAITING, len(histogram.waiting), histogram.gathered) == (64, 0, 64)
    histogram.put_down(0.05)
    assert (histogram.counts, histogram.sum, histogram.gathered) == ([1, 64, 0, 0], 32.05, 65)


def test_each_bucket_has_its_last_exemplar() -> None:
    """One that is equal to a bound is within it; a copy has none."""
    histogram = Histogram(BOUNDS)
    assert histogram.exemplars is None
    kept = [Exemplar("a", 0.1, 1.0), Exemplar("b", 0.2, 2.0), Exemplar("c", 99.0, 3.0), Exemplar("d", 1.0, 4.0)]
    for one in kept:
        histogram.keep(one)
    assert histogram.exemplars == {0: kept[0], 1: kept[3], 3: kept[2]}
    assert histogram.copied().exemplars is None
