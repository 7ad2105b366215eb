"""Counts of background calls, and a log that a dead sink cannot flood."""

from __future__ import annotations

import logging

from aggregator.causes import Cause
from aggregator.parts.events import EffectEnded
from aggregator.runtime.background.tally import Tally


def failed(name: str) -> EffectEnded:
    """Return the event of a background call that failed."""
    return EffectEnded(name, "id-1", "failed", Cause.STATUS, "gone")


class Clock:
    """A clock that stands until it is moved."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def never(*_: object) -> None:
    """Stand for a loop that does nothing later."""


def test_failures_are_counted_by_name():
    """All of them, whether they are told or not."""
    tally = Tally(later=never)
    for call in ("a", "b", "a"):
        tally(failed(call))
    assert (tally.counts.failed, tally.counts.failures) == (3, {"a": 2, "b": 1})
    assert tally.counts.as_dict()["failures"] == {"a": 2, "b": 1}


def test_the_same_trouble_is_told_once_a_second(caplog):
    """The first line comes at once, the next a second later, with how many were not told."""
    clock = Clock()
    tally = Tally(clock, never)
    for _ in range(5):
        tally(failed("sink"))
    clock.now += 1.0
    tally(failed("sink"))
    told = [record.fields for record in caplog.records]
    known = {"call": "sink", "cause": "status", "reason": "gone", "request_id": "id-1"}
    assert told == [known, {**known, "not_told": 4}]


def test_the_last_of_many_is_told_when_no_other_comes(caplog):
    """A second after the first line, with how many between them were not told; and then nothing more."""
    clock, acts = Clock(), []
    tally = Tally(clock, lambda delay, act, *arguments: acts.append((delay, act, arguments)))
    for number in range(5):
        tally(EffectEnded("sink", f"id-{number}", "failed", Cause.STATUS, "gone"))
    [(delay, act, arguments)] = acts
    clock.now += delay
    act(*arguments)
    act(*arguments)
    told = [(record.fields["request_id"], record.fields.get("not_told")) for record in caplog.records]
    assert (delay, told) == (1.0, [("id-0", None), ("id-4", 3)])


def test_what_another_line_has_counted_is_not_told_again(caplog):
    """The look after a second finds that a line was written meanwhile, which told how many there were."""
    clock, acts = Clock(), []
    tally = Tally(clock, lambda _delay, act, *arguments: acts.append((act, arguments)))
    for moment in (0.0, 0.5, 1.0, 1.5):
        clock.now = 100.0 + moment
        tally(failed("sink"))
    [(act, arguments), _] = acts
    act(*arguments)
    assert [record.fields.get("not_told") for record in caplog.records] == [None, 1]


def test_a_stop_tells_what_was_held_back(caplog):
    """Nothing more comes, and the second is not waited for."""
    tally = Tally(Clock(), never)
    for _ in range(3):
        tally(failed("sink"))
    tally.stopped(0)
    assert [record.fields.get("not_told") for record in caplog.records] == [None, 1]


def test_other_calls_and_other_troubles_are_told_apart(caplog):
    """A noisy sink hides no other."""
    tally = Tally(Clock())
    tally(failed("a"))
    tally(failed("b"))
    tally(EffectEnded("a", "id-1", "failed", reason="gone"))
    tally(EffectEnded("a", "id-1", "dropped"))
    assert len(caplog.records) == 4
    assert tally.counts.dropped == 1


def test_losses_are_told_if_there_are_any(caplog):
    """A clean shutdown says nothing."""
    tally = Tally()
    tally.stopped(0)
    assert caplog.records == []
    tally(EffectEnded("a", "id-1", "lost"))
    tally(EffectEnded("b", "id-1", "lost"))
    tally.stopped(2)
    assert (tally.counts.lost, caplog.records[0].levelno) == (2, logging.WARNING)
