"""Counts of background calls, and a log that a dead sink cannot flood."""

from __future__ import annotations

import logging

from aggregator.runtime.background.tally import Tally


class Clock:
    """A clock that stands until it is moved."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_failures_are_counted_by_name():
    """All of them, whether they are told or not."""
    tally = Tally()
    for call in ("a", "b", "a"):
        tally.failed(call, "It failed.")
    assert (tally.counts.failed, tally.counts.failures) == (3, {"a": 2, "b": 1})
    assert tally.counts.as_dict()["failures"] == {"a": 2, "b": 1}


def test_the_same_trouble_is_told_once_a_second(caplog):
    """The first line comes at once, the next a second later, with how many were not told."""
    clock = Clock()
    tally = Tally(clock)
    for _ in range(5):
        tally.failed("sink", "A background call failed.", reason="gone")
    clock.now += 1.0
    tally.failed("sink", "A background call failed.", reason="gone")
    told = [record.fields for record in caplog.records]
    assert told == [{"call": "sink", "reason": "gone"}, {"call": "sink", "reason": "gone", "not_told": 4}]


def test_other_calls_and_other_troubles_are_told_apart(caplog):
    """A noisy sink hides no other."""
    tally = Tally(Clock())
    tally.failed("a", "A background call failed.")
    tally.failed("b", "A background call failed.")
    tally.failed("a", "The condition of a background call failed.")
    tally.dropped("a")
    assert len(caplog.records) == 4
    assert tally.counts.dropped == 1


def test_losses_are_told_if_there_are_any(caplog):
    """A clean shutdown says nothing."""
    tally = Tally()
    tally.lost(0)
    assert caplog.records == []
    tally.lost(2)
    assert (tally.counts.lost, caplog.records[0].levelno) == (2, logging.WARNING)
