"""Alternatives: one after another until one succeeds (``fallback``), or side by side until one wins (``race``)."""

from __future__ import annotations

from aggregator.errors import Cause

FALLBACK = "fan_out: {x: {url: a:/x, fallback: ['b:/x', 'c:/x'], status_map: {404: 410}}}"
RACE = "fan_out: {x: {race: ['a:/x', 'b:/y', 'c:/z']}, other: a:/other}"


def test_an_alternative_is_tried_when_the_one_before_failed(rig):
    """Nobody is called before it is needed, and the first success is the result."""
    one = rig(FALLBACK).start()
    assert len(one.sent) == 1
    one.sent[0].fail(Cause.REFUSED)
    assert len(one.sent) == 2
    one.sent[1].answer({"from": "b"})
    assert len(one.sent) == 2
    assert one.body == {"x": {"from": "b"}}


def test_an_answer_of_an_alternative_is_whole(rig):
    """A fallback that worked is no partial answer."""
    one = rig(FALLBACK).start()
    one.sent[0].answer({}, status=500)
    one.sent[1].answer(1)
    assert one.header("aggregator-parts") is None


def test_the_reasons_of_what_was_tried_are_kept(rig):
    """When all fail, the last failure is told, and before it why each of the others was none."""
    one = rig(FALLBACK).start()
    one.sent[0].fail(Cause.DNS)
    one.sent[1].answer({}, status=500)
    one.sent[2].answer({}, status=503)
    [part] = one.body["parts"]
    assert (part["name"], part["state"], part["status"], part["attempts"]) == ("x", "failed", 503, 3)
    assert [(tried.get("status"), tried["cause"]) for tried in part["tried"]] == [(None, "dns"), (500, "status")]


def test_the_status_map_of_a_call_speaks_of_its_alternatives(rig):
    """The rows of the part apply to whichever alternative failed last."""
    one = rig(FALLBACK).start()
    for number in range(3):
        one.sent[number].answer({}, status=404)
    assert one.answer.status == 410


def test_rows_of_an_upstream_speak_of_its_own_calls(rig):
    """The upstream whose failure is told has the say, not the one that was tried first."""
    one = rig("""
        upstreams:
          a: {url: 'http://a.test', status_map: {any: 555}}
          b: {url: 'http://b.test', status_map: {any: 444}}
        endpoints:
          GET /x: {fan_out: {x: {url: a:/x, fallback: ['b:/x']}}}
    """).start()
    one.sent[0].fail()
    one.sent[1].fail()
    assert one.answer.status == 444


def test_an_alternative_that_cannot_be_asked_is_passed_over(rig):
    """A missing value fails one alternative, not the part."""
    one = rig("fan_out: {x: {url: 'a:/{query.id}', fallback: ['b:/x']}}").start()
    assert one.targets == ["/x"]
    one["/x"].answer(1)
    assert one.body == {"x": 1}


def test_attempts_are_the_calls_that_were_made(serve):
    """An alternative that could not be asked, and a runner that was skipped, are none; one that was cancelled is."""
    gateway = serve(
        """
        endpoints:
          GET /x:
            fan_out:
              next: {url: "a:/{query.id}", fallback: [a:/no, a:/x]}
              first: {race: [{url: a:/x, when: "{{ query.id }}"}, a:/no, "a:/{query.id}", a:/x]}
            response: {meta: true}
        """,
        {"/x": 1},
    )
    parts = gateway.get("/x").json()["meta"]["parts"]
    assert {part["name"]: part["attempts"] for part in parts} == {"next": 2, "first": 2}
    assert [tried["attempts"] for tried in parts[0]["tried"]] == [0, 1]


def test_giving_up_cancels_the_alternative_under_way(rig):
    """Another part that fails ends the attempt, and nothing else is tried."""
    one = rig("fan_out: {x: {url: a:/x, fallback: ['b:/x']}, bad: a:/bad}").start()
    one["/bad"].fail()
    assert one["/x"].cancelled
    assert one.targets == ["/x", "/bad"]


def test_an_optional_part_takes_its_default_after_all_alternatives(rig):
    """``optional`` is about the part, not about one alternative."""
    one = rig("fan_out: {x: {url: a:/x, fallback: ['b:/x'], optional: true, default: 0}}").start()
    one.sent[0].fail()
    one.sent[1].fail(Cause.DEADLINE)
    assert one.body == {"x": 0}
    assert one.header("aggregator-parts").startswith("x;state=default;cause=deadline")


def test_the_first_success_wins_and_the_losers_are_cancelled(rig):
    """A race is over when one runner has succeeded."""
    one = rig(RACE).start()
    assert one.targets == ["/x", "/y", "/z", "/other"]
    one["/y"].answer({"from": "b"})
    assert (one["/x"].cancelled, one["/z"].cancelled, one["/other"].cancelled) == (True, True, False)
    one["/other"].answer(1)
    assert one.body == {"x": {"from": "b"}, "other": 1}


def test_a_runner_that_fails_loses_nothing_for_the_others(rig):
    """A failure does not end a race."""
    one = rig("fan_out: {x: {race: ['a:/x', 'b:/y']}}").start()
    one["/x"].fail()
    one["/y"].answer(2)
    assert one.body == {"x": 2}


def test_a_lost_race_is_told_the_same_way_whoever_lost_first(rig):
    """The first runner in declared order speaks for all; the reasons of the others are kept in order."""

    def lost(order):
        one = rig("fan_out: {x: {race: ['a:/x', 'b:/y', 'c:/z']}}").start(headers={"x-request-id": "same"})
        for target in order:
            one[target].answer({}, status={"/x": 500, "/y": 404, "/z": 503}[target])
        return one.answer.body

    first = lost(["/x", "/y", "/z"])
    assert first == lost(["/z", "/y", "/x"]) == lost(["/y", "/z", "/x"])
    assert b'"upstream_status":500' in first
    assert first.index(b'"x[1]"') < first.index(b'"x[2]"')


def test_a_skipped_runner_does_not_win(rig):
    """A condition that does not hold takes a runner out of the race."""
    one = rig("fan_out: {x: {race: [{url: 'a:/x', when: '{{ false }}'}, 'b:/y']}}").start()
    assert one.targets == ["/y"]
    one["/y"].answer(2)
    assert one.body == {"x": 2}


def test_a_race_that_nobody_runs_is_skipped(rig):
    """Where no condition holds there is nothing to fail."""
    one = rig("fan_out: {x: {race: [{url: 'a:/x', when: '{{ false }}'}, {url: 'b:/y', when: '{{ false }}'}]}}").start()
    assert one.answer.status == 200
    assert one.body == {"x": None}


def test_a_failure_counts_for_more_than_a_skipped_runner(rig):
    """A race with a failure and nobody who won has failed."""
    one = rig("fan_out: {x: {race: [{url: 'a:/x', when: '{{ false }}'}, 'b:/y']}}").start()
    one["/y"].fail()
    assert (one.answer.status, one.body["upstream"]) == (502, "b")


def test_a_race_has_a_limit_and_a_shape_of_its_own(rig):
    """``timeout`` cuts every runner; what the winner gave is shaped as the part says."""
    one = rig("fan_out: {x: {race: ['a:/x', 'b:/y'], timeout: 1s, target: data}}").start()
    assert {call.deadline - one.loop.now for call in one.sent} == {1.0}
    one["/x"].answer({"data": [1]})
    assert one.body == {"x": [1]}


def test_a_row_for_a_race_speaks_of_its_runners(rig):
    """The name of the part stands for everything in it."""
    one = rig("""
        fan_out: {x: {race: ['a:/x', 'b:/y']}}
        status_map: [{part: x, "on": network, status: 599}]
    """).start()
    one["/x"].fail()
    one["/y"].answer({}, status=500)
    assert one.answer.status == 599


def test_a_single_call_can_race_and_passes_through(rig):
    """The winner's status, type and bytes reach the client as they came."""
    one = rig("call: {race: ['a:/x', 'b:/y']}").start()
    one["/y"].answer(body=b"a;b\n1;2", status=201, content_type="text/csv")
    assert (one.answer.status, one.answer.body, one.header("content-type")) == (201, b"a;b\n1;2", "text/csv")
