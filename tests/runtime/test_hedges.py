"""A call that takes longer than most is sent a second time; the first good answer wins."""

from __future__ import annotations

import pytest

from aggregator.causes import Cause, State

ROUTES = """
upstreams:
  a: {{url: "http://a.test", hedge: {hedge}{more}}}
endpoints:
  GET /x: {{timeout: 60s, call: {{url: a:/x, timeout: 9s{call}}}}}
"""


def hedged(rig, hedge: str = "{after: 100ms, budget: 50%}", call: str = "", more: str = "", listener=None, calls=10):
    """Return the rig of an endpoint with the *hedge*, after some *calls* that were fast enough."""
    text = ROUTES.format(hedge=hedge, call=call, more=more)
    one = rig(text, *([listener] if listener else []))
    for _ in range(calls):
        one.start()
        one.loop.advance(0.01)
        one.under_way[0].answer(0)
    one.answers.clear()
    one.sent.clear()
    return one


def test_a_fast_call_is_sent_once(rig):
    """Its timer is gone with it."""
    one = hedged(rig).start()
    one.loop.advance(0.05)
    one.sent[0].answer(1)
    assert (one.body, one.loop.waiting, one.header("aggregator-parts")) == (1, [], None)


def test_the_second_wins(rig):
    """The first is cancelled; the header tells of both."""
    one = hedged(rig, call=", retry: none").start()
    one.loop.advance(0.1)
    first, second = one.sent
    one.loop.advance(0.02)
    second.answer(2)
    assert one.body == 2
    assert first.cancelled
    assert one.header("aggregator-parts").endswith('ms=120;attempts=2;met="cancelled 200"')


def test_the_first_wins_after_all(rig):
    """Then it is the second that is cancelled."""
    one = hedged(rig).start()
    one.loop.advance(0.2)
    first, second = one.sent
    first.answer(1)
    assert (one.body, second.cancelled) == (1, True)


def test_both_are_the_same_request(rig):
    """Byte by byte, and the second has no more time than the first."""
    one = hedged(rig, call=', headers: {x-id: "{{ request.id }}"}').start()
    one.loop.advance(0.1)
    first, second = one.sent
    assert first.headers is second.headers
    assert first.deadline == second.deadline


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_failure_waits_for_the_other(rig, order):
    """Whichever it is; a failure is the answer only when both have failed."""
    one = hedged(rig).start()
    one.loop.advance(0.1)
    one.sent[order[0]].fail(Cause.RESET)
    assert one.answers == []
    one.sent[order[1]].answer(1)
    assert one.body == 1
    assert 'attempts=2;met="reset 200"' in one.header("aggregator-parts")
    one = hedged(rig).start()
    one.loop.advance(0.1)
    one.sent[order[0]].fail(Cause.RESET)
    one.sent[order[1]].answer(status=503)
    assert one.answer.status == 502
    assert 'attempts=2;met="reset 503"' in one.header("aggregator-parts")


def test_a_call_that_fails_before_is_not_hedged(rig):
    """A failure is the business of retries."""
    one = hedged(rig).start()
    one.sent[0].fail(Cause.RESET)
    one.loop.advance(1)
    assert (one.answer.status, len(one.sent)) == (502, 1)


def test_each_attempt_of_a_retry_may_be_hedged(rig):
    """Within one budget: what is sent in all is told."""
    one = hedged(rig, call=", retry: {attempts: 2, backoff: 1ms}", more=", retry: {budget: 90%}").start()
    one.sent[0].answer(status=503)
    one.loop.advance(0.01)
    one.loop.advance(0.1)
    assert len(one.sent) == 3
    one.sent[2].answer(1)
    assert one.header("aggregator-parts").endswith('attempts=3;met="503 cancelled 200"')


def test_the_percentile_is_that_of_the_call(rig):
    """Nothing is hedged before 20 answers; then after their p95, but not before `at_least`."""
    one = hedged(rig, hedge="{after: p95, at_least: 1ms, budget: 50%}", calls=19).start()
    assert one.loop.waiting == []
    one.loop.advance(0.01)
    one.sent[0].answer(1)
    one.start()
    (timer,) = one.loop.waiting
    assert timer.when - one.loop.now == pytest.approx(0.01)
    other = hedged(rig, hedge="{after: p95, budget: 50%}", calls=20).start()
    (timer,) = other.loop.waiting
    assert timer.when - other.loop.now == pytest.approx(0.02)


def test_five_of_a_hundred(rig):
    """However many are slow."""
    one = hedged(rig, hedge="100ms", calls=0)
    for _ in range(200):
        one.start()
        one.loop.advance(0.11)
        one.under_way[0].answer(1)
    assert 200 < len(one.sent) <= 210


@pytest.mark.parametrize(("call", "times"), [
    (", method: POST, json: 1", 1), (", method: POST, json: 1, idempotent: true", 2),
    (', method: POST, json: 1, headers: {idempotency-key: "k"}', 2), (", idempotent: false", 1),
    (", hedge: none", 1), (", hedge: 50ms", 2),
])  # fmt: skip
def test_what_may_be_sent_twice(rig, call, times):
    """As for a retry; the nearest setting counts."""
    one = hedged(rig, call=call).start()
    one.loop.advance(0.1)
    assert len(one.sent) == times


def test_a_client_that_hangs_up_ends_both(rig):
    """And before the second is sent, its timer."""
    one = hedged(rig).start()
    one.run.cancel()
    assert one.loop.waiting == []
    one = hedged(rig).start()
    one.loop.advance(0.1)
    one.run.cancel()
    assert [call.cancelled for call in one.sent] == [True, True]


def test_the_loser_is_told(rig):
    """Listeners hear that it was cancelled."""
    told = []
    one = hedged(rig, listener=told.append)
    told.clear()
    one.start()
    one.loop.advance(0.1)
    one.sent[1].answer(1)
    assert sorted(event.state for event in told) == sorted([State.CANCELLED, State.OK])


def test_a_hedge_that_is_refused_is_none(rig):
    """There is no place for it: the first goes on, and what was never sent is no attempt."""
    one = hedged(rig, more=", concurrency: {limit: 1, queue: 0}").start()
    one.loop.advance(0.1)
    assert len(one.sent) == 1
    one.sent[0].answer(1)
    assert (one.body, one.header("aggregator-parts")) == (1, None)


def test_while_it_is_not_known_how_long_most_take_nothing_is_hedged(rig):
    """A percentile needs answers; nothing waits for one either."""
    one = hedged(rig, "{after: p95, budget: 50%}", calls=0).start()
    one.loop.advance(5.0)
    assert len(one.sent) == 1
    one.sent[0].answer(1)
    assert (one.body, one.loop.waiting) == (1, [])


@pytest.mark.parametrize(("after", "times"), [("8999ms", 2), ("9s", 1), ("10s", 1)])
def test_nothing_is_sent_once_the_time_of_the_call_is_over(rig, after, times):
    """A second request would have no time of its own."""
    one = hedged(rig, f"{{after: {after}, budget: 50%}}").start()
    one.loop.advance(8.9995)
    one.loop.advance(0.0005)
    assert len(one.sent) == times


def test_a_call_that_ends_at_once_leaves_no_timer(rig):
    """It finds no place, and nothing is to be sent a second time."""
    one = hedged(rig, more=", concurrency: {limit: 1, queue: 0}").start()
    one.start()
    assert (one.answer.status, len(one.sent), len(one.loop.waiting)) == (503, 1, 1)


def test_the_first_would_have_taken_longer_than_the_second_that_wins(rig):
    """Both times count for the percentile: that of the answer, and how long the first had taken by then."""
    one = hedged(rig, hedge="{after: p50, at_least: 1ms, budget: 50%}", calls=20).start()
    for step in (0.01, 0.03):
        one.loop.advance(step)
    one.sent[1].answer(1)
    for _ in range(9):
        one.start()
        one.loop.advance(0.002)
        one.under_way[0].answer(1)
    one.start()
    (timer,) = one.loop.waiting
    assert timer.when - one.loop.now == pytest.approx(0.01)
