"""Calls behind a breaker: refused at once while it is open, with a default where one is declared."""

from __future__ import annotations

import asyncio
import json

import pytest

from aggregator.causes import Cause
from aggregator.policies.breaker.breaker import Breaker
from aggregator.policies.breaker.breaking import let_through
from aggregator.policies.breaker.plan import BreakerPlan
from aggregator.policies.values import Span
from aggregator.transport import StreamReply

ROUTES = """
upstreams:
  a: {{url: "http://a.test", breaker: {{failures: 2, pause: 10s..40s{more}}}}}
  b: {{url: "http://b.test"}}
endpoints:
  GET /x: {{{endpoint}}}
"""


def routes(endpoint: str = "call: a:/x", more: str = "") -> str:
    """Return a file with one endpoint, and what the breaker has *more*."""
    return ROUTES.format(endpoint=endpoint, more=more)


def opened(one):
    """Return *one*, whose breaker has opened."""
    for _ in range(2):
        one.start()
        one.under_way[0].fail(Cause.RESET)
    one.answers.clear()
    return one


def test_an_open_breaker_answers_without_a_call(rig):
    """503 with Retry-After and the cause, and nothing is sent."""
    one = opened(rig(routes())).start()
    body = json.loads(one.answer.body)
    assert (one.answer.status, body["cause"], body["upstream"]) == (503, "breaker_open", "a")
    assert 8 <= int(one.header("retry-after")) <= 10
    assert len(one.sent) == 2


def test_an_optional_part_has_its_default(rig):
    """And the answer says why."""
    one = rig(routes("fan_out: {x: {url: a:/x, optional: true, default: []}}"))
    for _ in range(2):
        one.start()
        one.under_way[0].fail(Cause.RESET)
    one.answers.clear()
    one.start()
    assert one.body == {"x": []}
    assert one.header("aggregator-parts") == "x;state=default;cause=breaker_open;ms=0;attempts=0"


@pytest.mark.parametrize(("status", "opens"), [(500, True), (503, True), (404, False), (429, False), (400, False)])
def test_which_statuses_count(rig, status, opens):
    """5xx unless more is declared: what a client did wrong says nothing of the upstream."""
    one = rig(routes())
    for _ in range(2):
        one.start()
        one.under_way[0].answer(status=status)
    one.start()
    assert (len(one.sent) == 2) == opens


def test_429_may_be_added(rig):
    """To what counts."""
    one = rig(routes(more=", on: [5xx, 429]"))
    for _ in range(2):
        one.start()
        one.under_way[0].answer(status=429)
    one.start()
    assert len(one.sent) == 2


@pytest.mark.parametrize("cause", [Cause.QUEUE_FULL, Cause.QUEUE_TIMEOUT])
def test_our_own_refusals_never_count(rig, cause):
    """They say nothing of the upstream."""
    one = rig(routes())
    for _ in range(5):
        one.start()
        one.under_way[0].fail(cause)
    assert len(one.sent) == 5


def test_a_status_that_is_a_success_still_counts(rig):
    """What the call makes of a 503 is its business; the upstream is in trouble."""
    one = rig(routes("call: {url: a:/x, success: {status: [2xx, 503]}}"))
    for _ in range(2):
        one.start()
        one.under_way[0].answer({}, status=503)
    one.start()
    assert len(one.sent) == 2


def test_a_probe_whose_client_hangs_up_makes_room(rig):
    """The next call tries."""
    one = opened(rig(routes()))
    one.loop.advance(10)
    one.start()
    one.run.cancel()
    one.start().start()
    assert len(one.under_way) == 1
    one.under_way[0].answer(1)
    one.start()
    assert len(one.under_way) == 1


def test_a_probe_that_loses_a_race_makes_room(rig):
    """It was cancelled by the winner."""
    one = rig(routes("fan_out: {x: {race: [a:/x, b:/x]}}"))
    for _ in range(2):
        one.start()
        first, second = one.under_way
        first.fail(Cause.RESET)
        second.answer(1)
    one.loop.advance(10)
    one.start()
    probe, other = one.under_way
    other.answer(1)
    assert probe.cancelled
    one.start()
    assert len(one.under_way) == 2


def test_a_thousand_callers_meet_one_probe(rig):
    """All others are refused at once."""
    one = opened(rig(routes()))
    one.loop.advance(10)
    for _ in range(1000):
        one.start()
    assert len(one.under_way) == 1
    assert len(one.answers) == 999


def test_a_wait_for_a_place_is_no_slowness_of_the_upstream(rig):
    """What counts of a call is the time since it was sent."""
    text = routes(more=", slow: {over: 500ms, share: 1%}, of: 1")
    one = rig(text.replace("}}\n  b:", "}, concurrency: {limit: 1, wait: 2s}}\n  b:")).start().start()
    one.loop.advance(0.4)
    one.sent[0].answer(1)
    one.loop.advance(0.2)
    one.sent[1].answer(2)
    one.start()
    assert [answer.status for answer in one.answers] == [200, 200]
    assert len(one.sent) == 3


@pytest.mark.parametrize(("waits", "phase"), [(3.0, "closed"), (0.0, "open")])
def test_a_stream_counts_since_it_was_sent(waits, phase):
    """Its wait for a place is not counted; a head that comes late is."""
    now = [1.0]
    plan = BreakerPlan(None, None, 1, 10.0, 0.5, 0.01, Span(5.0, 60.0), frozenset(), frozenset())
    breaker = Breaker("a", plan)

    async def ask(sent):
        now[0] += waits
        sent.at = now[0]
        now[0] += 3.4 - waits
        return StreamReply(200, [], None, False)

    asyncio.run(let_through(breaker, "a", lambda: now[0], ask))
    assert breaker.phase == phase


def test_retries_stop_at_an_open_breaker(rig):
    """The attempt that is not made is none, and no other follows."""
    one = rig(routes("call: {url: a:/x, retry: {attempts: 5, backoff: 1ms, on: [reset]}, timeout: 9s}")).start()
    for _ in range(2):
        one.under_way[0].fail(Cause.RESET)
        one.loop.advance(0.1)
    assert len(one.sent) == 2
    assert json.loads(one.answer.body)["cause"] == "breaker_open"
    assert "attempts=2" in one.header("aggregator-parts")


def test_an_alternative_takes_over(rig):
    """Without waiting for anything."""
    one = rig(routes("call: {url: a:/x, fallback: [b:/x]}"))
    for _ in range(2):
        one.start()
        one.under_way[0].fail(Cause.RESET)
        one.under_way[0].answer(1)
    one.answers.clear()
    one.start()
    one.under_way[0].answer(7)
    assert one.body == 7
    assert len(one.sent) == 5


def test_each_key_has_its_own(rig):
    """What one tenant meets keeps no other out."""
    one = rig("""
    upstreams:
      a: {url: "http://a.test", breaker: {failures: 1, per: "{{ tenant }}"}}
    endpoints:
      GET /x/{tenant}: {call: "a:/x/{tenant}"}
    """)
    one.start("acme")
    one.under_way[0].fail(Cause.RESET)
    one.start("acme")
    assert len(one.sent) == 1
    one.start("globex")
    assert len(one.sent) == 2


def test_what_has_no_key_shares_that_of_the_upstream(rig):
    """A value that is not there is no key of its own."""
    one = rig("""
    upstreams:
      a: {url: "http://a.test", breaker: {failures: 1, per: "{{ query.tenant }}"}}
    endpoints:
      GET /x: {call: "a:/x"}
    """)
    one.start(query="tenant=")
    one.under_way[0].fail(Cause.RESET)
    one.start()
    assert len(one.sent) == 2


def test_items_share_it(rig):
    """One call per item: once it is open, the rest is not asked for."""
    one = rig(
        routes('fan_out: {r: {url: "a:/{item}", for_each: {in: "{{ [1, 2, 3, 4] }}", concurrency: 1, on_error: null}}}')
    )
    one.start()
    for _ in range(2):
        one.under_way[0].fail(Cause.RESET)
    assert one.body == {"r": [None] * 4}
    assert len(one.sent) == 2
