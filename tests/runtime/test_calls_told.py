"""Each call that ends is told to who listens, however it ended; where nobody listens nothing is built for it."""

from __future__ import annotations

import pytest

from aggregator.causes import Cause, State
from aggregator.parts.events import CallEnded, Listeners
from aggregator.runtime.calls.direct import DirectCall
from aggregator.runtime.calls.telling import Counted, Told
from aggregator.server.metrics.series import UpstreamSeries

PAIR = "fan_out: {x: a:/x, y: b:/y}"


@pytest.fixture
def told() -> list[CallEnded]:
    """Return a list that hears of calls."""
    return []


def test_an_answer_is_told_with_its_times(rig, told):
    """Endpoint, part, upstream, status, bytes, and when it began and ended."""
    one = rig(PAIR, told.append).start()
    one.loop.now += 0.25
    one["/x"].answer({"n": 1}, status=201)
    (event,) = told
    assert (event.endpoint, event.part, event.upstream, event.attempt) == ("GET /x", "x", "a", 1)
    assert (event.state, event.cause, event.status, event.size) == (State.OK, None, 201, len(b'{"n": 1}'))
    assert (event.started, event.ended) == (100.0, 100.25)
    assert event.request


def test_a_failure_is_told_as_the_call_left_it(rig, told):
    """What stands in for an optional part is no business of its call."""
    one = rig("fan_out: {x: {url: a:/x, optional: true, default: []}}", told.append).start()
    one["/x"].fail(Cause.RESET)
    assert one.body == {"x": []}
    assert [(event.state, event.cause) for event in told] == [(State.FAILED, Cause.RESET)]


def test_calls_of_a_run_that_failed_are_told_as_cancelled(rig, told):
    """What was under way when another part failed ended then, and is told once."""
    one = rig(PAIR, told.append).start()
    one.loop.now += 0.5
    one["/x"].fail(Cause.REFUSED)
    assert [(event.part, event.state, event.ended) for event in told] == [
        ("x", State.FAILED, 100.5), ("y", State.CANCELLED, 100.5),
    ]  # fmt: skip


def test_calls_of_a_client_that_hung_up_are_told_as_cancelled(rig, told):
    """Giving up the run gives up its calls; a second time nothing is told."""
    one = rig(PAIR, told.append).start()
    one.run.cancel()
    one.run.cancel()
    assert [(event.part, event.state) for event in told] == [("x", State.CANCELLED), ("y", State.CANCELLED)]


@pytest.mark.parametrize("ended", [True, False])
def test_a_call_is_told_once(rig, told, ended):
    """Whoever gives up a call that has ended, or was given up, is told of nothing more."""
    one = rig(PAIR, told.append).start()
    ticket = one.run.tickets[0]
    if ended:
        one["/x"].answer(1)
    ticket.cancel()
    ticket.cancel()
    assert [event.state for event in told] == [State.OK if ended else State.CANCELLED]


def test_who_lost_a_race_is_told(rig, told):
    """The winner is ok and the other cancelled, each with its upstream."""
    one = rig("fan_out: {x: {race: [a:/x, b:/y]}}", told.append).start()
    one["/y"].answer(1)
    assert {(event.upstream, event.state) for event in told} == {("a", State.CANCELLED), ("b", State.OK)}


def test_each_attempt_is_told_with_its_number(rig, told):
    """The first alternative failed, the second answered."""
    one = rig("fan_out: {x: {url: a:/x, fallback: [b:/y]}}", told.append).start()
    one["/x"].fail(Cause.DNS)
    one["/y"].answer(1)
    assert [(event.attempt, event.upstream, event.state) for event in told] == [
        (1, "a", State.FAILED),
        (2, "b", State.OK),
    ]


def test_each_call_of_a_list_is_told(rig, told):
    """One event a call, not one a part."""
    one = rig('fan_out: {x: a:/x, y: {url: "b:/y/{item}", for_each: "{{ x }}"}}', told.append).start()
    one["/x"].answer([1, 2])
    one["/y/1"].answer(1)
    one["/y/2"].fail(Cause.DNS)
    assert [(event.part, event.state) for event in told] == [("x", State.OK), ("y", State.OK), ("y", State.FAILED)]


def test_a_listener_that_fails_harms_nobody(rig, told, caplog):
    """The others hear of the call, and the answer is made."""
    one = rig(PAIR, lambda event: 1 / 0, told.append).start()
    one["/x"].answer(1)
    one["/y"].answer(2)
    assert (one.body, len(told)) == ({"x": 1, "y": 2}, 2)
    assert "ZeroDivisionError" in caplog.text


def test_where_nobody_listens_nothing_is_built(rig, told):
    """The parts are the calls themselves."""
    assert [(type(part), part.counted) for part in rig(PAIR).handler.parts] == [(DirectCall, None)] * 2
    assert [type(part) for part in rig(PAIR, told.append).handler.parts] == [Told, Told]


def test_who_hears_of_calls_that_were_given_up_hears_of_no_other(rig, told):
    """What ended by itself is of no interest to it."""
    one = rig(PAIR, listeners=Listeners(given_up=(told.append,))).start()
    one["/x"].answer(1)
    one["/y"].fail(Cause.RESET)
    assert told == []
    two = rig(PAIR, listeners=Listeners(given_up=(told.append,))).start()
    two["/x"].answer(1)
    two.run.cancel()
    two.run.cancel()
    assert [(event.part, event.state) for event in told] == [("y", State.CANCELLED)]


def test_each_end_of_a_call_is_counted_once(rig):
    """Good ones, failed ones and those that were given up."""
    series = UpstreamSeries("a", (0.1, 1.0))
    counted = Listeners(tallies=(lambda _: series,))
    for path, ends in {"/x": 200, "/y": 503}.items():
        one = rig("fan_out: {x: a:/x, y: a:/y}", listeners=counted).start()
        one.loop.now += 0.5
        one[path].answer({}, status=ends)
        one.run.cancel()
    assert {end: count for end, count in series.counts.items() if count} == {
        ("2xx", ""): 1, ("5xx", "status"): 1, ("", "cancelled"): 2,
    }  # fmt: skip
    assert (series.durations.counts, series.durations.sum) == ([0, 4, 0], 2.0)


def test_a_call_that_writes_its_target_alone_counts_itself(rig):
    """Most calls are such; one with more to write is counted from outside, and both once, whoever gives them up again."""
    series = UpstreamSeries("a", (0.1, 1.0))
    counted = Listeners(tallies=(lambda _: series,))
    one = rig('fan_out: {x: a:/x, y: {url: "POST a:/y", json: "{{ [1] }}"}}', listeners=counted).start()
    assert [type(part) for part in one.handler.parts] == [DirectCall, Counted]
    tickets = [*one.run.tickets]
    one["/x"].answer({})
    for ticket in (*tickets, *tickets):
        ticket.cancel()
    assert {end: count for end, count in series.counts.items() if count} == {("2xx", ""): 1, ("", "cancelled"): 1}


def test_a_call_that_could_not_be_written_is_counted(rig):
    """Nothing was sent, and the cause says so."""
    series = UpstreamSeries("a", (0.1, 1.0))
    text = 'fan_out: {x: a:/x, y: {url: "a:/y/{x.id}", optional: true}}'
    one = rig(text, listeners=Listeners(tallies=(lambda _: series,))).start()
    one["/x"].answer({})
    assert {end: count for end, count in series.counts.items() if count} == {("2xx", ""): 1, ("", "expression"): 1}
