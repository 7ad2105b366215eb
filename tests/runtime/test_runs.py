"""A run and the parts that it is made of, by themselves: ends exactly once, whatever its parts do and when."""

from __future__ import annotations

import logging

import pytest

from aggregator.errors import CallError, Cause, ExpressionError
from aggregator.exchange import Exchange, State
from aggregator.parts.frame import Frame
from aggregator.parts.names import Names
from aggregator.parts.result import Result, failed
from aggregator.runtime.parts.alternatives import Fallback, Race
from aggregator.runtime.parts.fanout import Run, fan_out
from aggregator.runtime.parts.groups import Group
from aggregator.runtime.parts.guarding import Guarded


class Loop:
    """A clock that stands still."""

    def time(self) -> float:
        """Return the time."""
        return 5.0


class Scripted:
    """A part that does as it is told: ends at once, later, or breaks."""

    def __init__(self, name: str, *, at_once: object = None, breaks: Exception | None = None) -> None:
        self.name = name
        self.at_once = at_once
        self.breaks = breaks
        self.done = None
        self.cancelled = 0

    def start(self, frame, done):
        """Begin, and keep what ends it."""
        self.done = done
        if self.breaks is not None:
            raise self.breaks
        if self.at_once is not None:
            done(self.at_once)
            return None
        return self

    def cancel(self) -> None:
        """Count how often it was given up."""
        self.cancelled += 1


def frame() -> Frame:
    """Return surroundings without a request."""
    return Frame(Exchange("GET", "/", b"", []), Names(Exchange("GET", "/", b"", [])), 10.0, Loop())  # type: ignore[arg-type]


def run_of(*parts, waits=None, ended=None):
    """Return a run of *parts* that has begun, and the list of runs that have ended."""
    waits = waits or [()] * len(parts)
    dependents = [tuple(i for i, wait in enumerate(waits) if number in wait) for number in range(len(parts))]
    ends = []
    run = Run(*fan_out(parts, waits, dependents), frame(), ended or ends.append)
    run.begin()
    return run, ends


def good(name: str = "x", value: object = 1) -> Result:
    """Return a success."""
    result = Result(name, 0.0, 0.0, status=200)
    result.value = value
    return result


def bad(name: str = "x", cause: Cause = Cause.REFUSED) -> Result:
    """Return a failure."""
    return failed(name, CallError(cause, "no"), 0.0, 0.0)


def test_a_run_of_nothing_ends_at_once():
    """No parts, no waiting."""
    _, ends = run_of()
    assert len(ends) == 1


def test_parts_that_end_at_once_end_the_run_once():
    """Results that are there before ``start`` returns count like any other."""
    run, ends = run_of(Scripted("a", at_once=good("a")), Scripted("b", at_once=good("b")))
    assert ends == [run]
    assert [result.name for result in run.ended_results()] == ["a", "b"]


def test_a_failure_at_once_keeps_the_others_from_starting():
    """Nobody is called for an answer that has failed already."""
    later = Scripted("b")
    run, ends = run_of(Scripted("a", at_once=bad("a")), later)
    assert (ends, later.done) == ([run], None)
    assert run.failure is not None


def test_what_ends_after_the_run_is_ignored():
    """A result that comes too late changes nothing."""
    slow = Scripted("a")
    run, ends = run_of(slow, Scripted("b", at_once=bad("b")))
    slow.done(good("a"))
    assert (slow.cancelled, ends, run.results[0]) == (1, [run], None)


@pytest.mark.parametrize("position", [0, 1])
def test_a_part_that_breaks_ends_the_run(caplog, position):
    """A fault of the program fails the answer and cancels the rest; it is logged, and nothing hangs."""
    slow, broken = Scripted("slow"), Scripted("broken", breaks=ZeroDivisionError())
    with caplog.at_level(logging.ERROR):
        run, ends = run_of(*([slow, broken] if position else [broken, slow]))
    assert ends == [run]
    assert (run.failure.name, run.failure.cause) == ("broken", Cause.FAULT)
    assert slow.cancelled == position
    assert "ZeroDivisionError" in caplog.text


def test_a_dependent_that_breaks_ends_the_run(caplog):
    """The part that it waited for is not blamed."""
    first = Scripted("first")
    run, ends = run_of(first, Scripted("second", breaks=ValueError()), waits=[(), (0,)])
    first.done(good("first"))
    assert ends == [run]
    assert run.failure.name == "second"
    assert "ValueError" in caplog.text


def test_a_listener_that_breaks_is_not_told_twice(caplog):
    """An error behind the end of a run does not end it again."""
    calls = []

    def ended(run):
        calls.append(run)
        raise RuntimeError("behind")

    part = Scripted("a")
    run_of(part, ended=ended)
    part.done(good("a"))
    assert len(calls) == 1
    assert "behind" in caplog.text


def test_a_cancelled_alternative_stays_so():
    """A late end of what was given up does not start the next one."""
    first, second = Scripted("x"), Scripted("x")
    ends = []
    ticket = Fallback("x", (first, second)).start(frame(), ends.append)
    ticket.cancel()
    ticket.cancel()
    first.done(bad())
    assert (first.cancelled, second.done, ends) == (2, None, [])


def test_a_race_that_is_won_at_once_starts_nobody_else():
    """The runners behind the winner are not even asked."""
    second = Scripted("x[1]")
    ends = []
    Race("x", (Scripted("x[0]", at_once=good()), second)).start(frame(), ends.append)
    assert (second.done, [result.state for result in ends]) == (None, [State.OK])


def test_a_race_is_over_once():
    """Who comes second changes nothing, and a race that was given up has no winner."""
    runners = Scripted("x[0]"), Scripted("x[1]")
    ends = []
    ticket = Race("x", runners).start(frame(), ends.append)
    runners[0].done(good())
    runners[1].done(good())
    assert len(ends) == 1
    ticket.cancel()
    given_up = Scripted("x[0]")
    Race("x", (given_up,)).start(frame(), ends.append).cancel()
    given_up.done(good())
    assert (given_up.cancelled, len(ends)) == (1, 1)


def test_a_group_that_cannot_be_written_fails():
    """A result without a form in JSON is a failure of the group, not of the server."""
    odd = good("inner")
    odd.value = float("nan")
    ends = []
    Group("g", fan_out([Scripted("inner", at_once=odd)], [()], [()])).start(frame(), ends.append)
    assert (ends[0].state, ends[0].cause) == (State.FAILED, Cause.EXPRESSION)


def test_an_empty_group_is_an_empty_object():
    """Nothing inside is still an object."""
    ends = []
    Group("g", fan_out([], [], [])).start(frame(), ends.append)
    assert ends[0].json == b"{}"


@pytest.mark.parametrize("optional", [False, True])
def test_a_shape_that_fails_is_a_failure_of_the_part(optional):
    """And is replaced like one when the part is optional."""

    def shape(result, names):
        raise ExpressionError("does not fit")

    ends = []
    Guarded(Scripted("x", at_once=good()), optional=optional, shape=shape).start(frame(), ends.append)
    assert ends[0].state is (State.DEFAULT if optional else State.FAILED)
    assert (ends[0].status, ends[0].cause) == (200, Cause.EXPRESSION)


def test_names_find_what_has_ended_and_nothing_else():
    """A part that is under way is not there yet; lookups do not invent names."""
    part = Scripted("order")
    run, _ = run_of(part, Scripted("other"))
    names = run.frame.names
    assert "order" not in names
    assert names.get("order", 7) == 7
    calls = names["calls"]
    assert ("order" in calls, calls.get("order", 7)) == (False, 7)
    part.done(good("order", {"id": 1}))
    assert "order" in names
    assert names["order"] == {"id": 1}
    assert calls["order"]["status"] == 200
    assert dict(calls["order"]).keys() == {"status", "headers", "cookies", "body", "state", "cause"}
    assert len(calls["order"]) == 6
    assert "nothing" not in names
