"""A call that failed is sent again: when its failure is one that `on` names, it may be repeated, and time is left."""

from __future__ import annotations

import json

import pytest

from aggregator.causes import Cause, State
from aggregator.errors import CallError
from aggregator.policies.retry.retrying import Retried
from aggregator.runtime.answers.outcome import part_member
from aggregator.transport import Reply

TWICE = "call: {url: a:/x, retry: 1}"


def met(one) -> str | None:
    """Return what the header of parts says."""
    return one.header("aggregator-parts")


def retry(rig, settings: str, more: str = ""):
    """Return the started rig of a GET with the retry *settings*."""
    return rig(f"call: {{url: a:/x, retry: {{{settings}}}{more}}}").start()


def again(one) -> None:
    """Let the longest pause pass."""
    one.loop.advance(10)


def test_a_call_that_succeeds_is_sent_once(rig):
    """No timer is set, and the answer says nothing of attempts."""
    one = rig(TWICE).start()
    one.sent[0].answer({"n": 1})
    assert (one.body, one.loop.waiting, met(one)) == ({"n": 1}, [], None)


def test_what_each_attempt_met_is_told(rig):
    """Three were sent; the header says what each met, and the answer is that of the last one."""
    one = rig("timeout: 60s\ncall: {url: a:/x, timeout: 60s, retry: 2}").start()
    one.sent[0].answer(status=503)
    again(one)
    one.sent[1].fail(Cause.RESET)
    again(one)
    one.sent[2].answer({"n": 1})
    assert one.body == {"n": 1}
    assert met(one).endswith(';attempts=3;met="503 reset 200"')


def test_the_last_failure_is_the_answer(rig):
    """After the last attempt the failure passes through its status map; the header tells of all of them."""
    one = rig(TWICE).start()
    one.sent[0].answer(status=503)
    again(one)
    one.sent[1].fail(Cause.REFUSED)
    assert one.answer.status == 502
    assert json.loads(one.answer.body)["cause"] == "refused"
    assert met(one).endswith('cause=refused;ms=10000;attempts=2;met="503 refused"')
    assert one.loop.waiting == []


@pytest.mark.parametrize(("on", "status", "times"), [
    ("503", 503, 2), ("5xx", 500, 2), ("429", 429, 2), ("503", 500, 1), ("503", 404, 1), ("reset", 503, 1),
])  # fmt: skip
def test_statuses(rig, on, status, times):
    """A status or its class, and no other."""
    one = retry(rig, f"attempts: 2, on: [{on}]")
    one.sent[0].answer(status=status)
    again(one)
    assert len(one.sent) == times


@pytest.mark.parametrize(("on", "cause", "times"), [
    ("connect", Cause.REFUSED, 2), ("connect", Cause.DNS, 2), ("connect", Cause.TLS, 2), ("connect", Cause.UNREACHABLE, 2),
    ("connect", Cause.CONNECT_TIMEOUT, 2), ("reset", Cause.RESET, 2), ("reset", Cause.INCOMPLETE, 2),
    ("connect", Cause.RESET, 1), ("reset", Cause.REFUSED, 1), ("reset", Cause.QUEUE_FULL, 1), ("reset", Cause.PROTOCOL, 1),
    ("protocol", Cause.PROTOCOL, 2),
])  # fmt: skip
def test_causes(rig, on, cause, times):
    """A cause or its family, and no other; what our own limits refused is never sent again."""
    one = retry(rig, f"attempts: 2, on: [{on}]")
    one.sent[0].fail(cause)
    again(one)
    assert len(one.sent) == times


def test_a_certificate_that_does_not_verify_is_final(rig):
    """It would not verify a moment later."""
    one = retry(rig, "attempts: 2, on: [connect]")
    one.sent[0].done(CallError(Cause.TLS, "It is not valid.", lasts=True))
    assert (one.answer.status, len(one.sent), one.loop.waiting) == (502, 1, [])


@pytest.mark.parametrize(("call", "times"), [
    ("url: POST a:/x, json: 1", 1),
    ("url: POST a:/x, json: 1, idempotent: true", 2),
    ('url: POST a:/x, json: 1, headers: {idempotency-key: "{{ request.id }}"}', 2),
    ('url: POST a:/x, json: 1, headers: {Idempotency-Key: "7"}', 2),
    ("url: POST a:/x, json: 1, forward: {headers: [idempotency-key]}", 1),
    ("url: PATCH a:/x, json: 1", 1),
    ("url: PUT a:/x, json: 1", 2),
    ("url: DELETE a:/x", 2),
    ("url: a:/x, idempotent: false", 1),
])  # fmt: skip
def test_what_may_be_sent_twice(rig, call, times):
    """Idempotent methods, what says that it is, and what carries a key."""
    text = f"""
    upstreams: {{a: {{url: "http://a.test", retry: 1}}}}
    endpoints: {{GET /x: {{call: {{{call}}}}}}}
    """
    one = rig(text).start()
    one.sent[0].answer(status=503)
    again(one)
    assert len(one.sent) == times


def test_a_key_that_the_client_sent_counts(rig):
    """Where it is passed on, a POST of a client that sends one is repeated."""
    one = rig("call: {url: POST a:/x, json: 1, forward: {headers: [idempotency-key]}, retry: 1}")
    one.start(headers={"idempotency-key": "k1"})
    one.sent[0].answer(status=503)
    again(one)
    assert len(one.sent) == 2


def test_all_attempts_are_the_same_request(rig):
    """A key that is made for the call stays what it was, and so does its body."""
    one = rig("""
    call:
      url: POST a:/x
      json: {at: "{{ request.id }}"}
      headers: {idempotency-key: "{{ request.id }}"}
      retry: 1
    """).start()
    one.sent[0].answer(status=503)
    again(one)
    first, second = one.sent
    assert b"idempotency-key: " in first.headers
    assert first.target == second.target
    assert first.headers is second.headers
    assert first.body is second.body


@pytest.mark.parametrize(("size", "times"), [(64 * 1024, 2), (64 * 1024 + 1, 1)])
def test_a_large_body_is_sent_once(rig, caplog, size, times):
    """Up to 64 KiB are kept for another attempt; the log says why there was none."""
    text = "a" * size
    one = rig(f"call: {{url: PUT a:/x, body: '{text}', headers: {{content-type: text/plain}}, retry: 1}}").start()
    with caplog.at_level("INFO"):
        one.sent[0].answer(status=503)
    again(one)
    assert len(one.sent) == times
    assert ("its body is too large" in caplog.text) == (times == 1)


def test_the_timeout_covers_all_attempts(rig):
    """The second attempt has what the first one and the pause left over."""
    one = retry(rig, "attempts: 2, backoff: 100ms", ", timeout: 1s")
    assert one.sent[0].deadline == pytest.approx(101.0)
    one.loop.advance(0.7)
    one.sent[0].answer(status=503)
    one.loop.advance(0.1)
    assert one.sent[1].deadline == pytest.approx(101.0)


def test_an_attempt_has_a_limit_of_its_own(rig):
    """`per_try` cuts each attempt, and what is left of the whole cuts the last one."""
    one = retry(rig, "attempts: 3, per_try: 500ms, on: [timeout], backoff: 1ms", ", timeout: 1s")
    assert one.sent[0].deadline == pytest.approx(100.5)
    one.loop.advance(0.5)
    one.sent[0].fail(Cause.DEADLINE)
    one.loop.advance(0.01)
    assert one.sent[1].deadline == pytest.approx(101.0, abs=0.01)
    one.loop.advance(0.49)
    one.sent[1].fail(Cause.DEADLINE)
    assert one.answer.status == 504


def test_nothing_is_sent_when_no_time_is_left(rig):
    """A pause that ends after the deadline is not begun."""
    one = retry(rig, "attempts: 2, backoff: 10ms", ", timeout: 1s")
    one.loop.advance(1.0)
    one.sent[0].answer(status=503)
    assert (one.answer.status, one.loop.waiting) == (502, [])


def test_retry_after_is_waited_for(rig):
    """When it fits the deadline, the next attempt comes after it, and not before."""
    one = retry(rig, "attempts: 2, backoff: 10ms", ", timeout: 5s")
    one.sent[0].answer(status=503, retry_after="2")
    one.loop.advance(1.99)
    assert len(one.sent) == 1
    one.loop.advance(0.03)
    assert len(one.sent) == 2


def test_a_retry_after_beyond_the_deadline_is_passed_on(rig):
    """The answer has the mapped status, and keeps the header."""
    one = retry(rig, "attempts: 2", ", timeout: 1s")
    one.sent[0].answer(status=503, retry_after="30")
    assert (one.answer.status, one.header("retry-after"), len(one.sent)) == (502, "30", 1)


def test_a_retry_after_may_be_a_date(rig):
    """It is held against the date of the same answer, so no clock of ours takes part."""
    one = retry(rig, "attempts: 2", ", timeout: 1s")
    sent, then = "Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:50:07 GMT"
    one.sent[0].answer(status=503, retry_after=then, date=sent)
    assert one.header("retry-after") == "30"


def test_pauses_are_drawn_and_grow(rig, monkeypatch):
    """Each is drawn between zero and twice the one before, up to the longest."""
    monkeypatch.setattr(Retried.__init__, "__defaults__", (lambda: 1.0,))
    one = retry(rig, "attempts: 5, backoff: 100ms..300ms", ", timeout: 9s")
    for number, pause in enumerate((0.1, 0.2, 0.3, 0.3), start=1):
        one.sent[-1].answer(status=503)
        one.loop.advance(pause - 0.001)
        assert len(one.sent) == number
        one.loop.advance(0.002)
        assert len(one.sent) == number + 1


def test_a_client_that_hangs_up_ends_the_wait(rig):
    """While the next attempt is waited for, nothing is under way but a timer, and that is cancelled."""
    one = rig(TWICE).start()
    one.sent[0].answer(status=503)
    assert one.loop.waiting
    one.run.cancel()
    again(one)
    assert (len(one.sent), one.loop.waiting) == (1, [])


def test_a_client_that_hangs_up_ends_the_attempt(rig):
    """The attempt under way is given up, whichever it is."""
    one = rig(TWICE).start()
    one.sent[0].answer(status=503)
    again(one)
    one.run.cancel()
    assert one.sent[1].cancelled


def test_none_ends_what_the_upstream_says(rig):
    """The nearest counts: the call, then its upstream."""
    text = """
    upstreams: {{a: {{url: "http://a.test", retry: 3}}}}
    endpoints: {{GET /x: {{call: {{url: a:/x, retry: {}}}}}}}
    """
    for nearest, times in (("none", 1), ("1", 2)):
        one = rig(text.format(nearest)).start()
        for _ in range(5):
            if one.under_way:
                one.under_way[0].answer(status=503)
            again(one)
        assert len(one.sent) == times


def test_a_budget_bounds_what_an_upstream_gets(rig):
    """With everything failing, it gets a fifth more than was asked for, and the floor."""
    one = rig("""
    upstreams: {a: {url: "http://a.test", retry: {attempts: 5, budget: {share: 20%, floor: 1/s}}}}
    endpoints: {GET /x: {call: a:/x}}
    """)
    for _ in range(100):
        one.start()
        while one.under_way:
            one.under_way[0].answer(status=503)
            one.loop.advance(0.001)
    one.loop.advance(1)
    while one.under_way:
        one.under_way[0].answer(status=503)
        one.loop.advance(1)
    assert 100 + 10 <= len(one.sent) <= 100 * 1.2 + 10
    assert len(one.answers) == 100


def test_a_retry_the_engine_made_counts(rig):
    """What an idle connection had swallowed was sent twice, and that is one of the attempts."""
    one = retry(rig, "attempts: 3", ", timeout: 9s")
    reply = Reply(503, [], b"")
    reply.attempts = 2
    one.sent[0].done(reply)
    again(one)
    one.sent[1].answer({})
    assert met(one).endswith(';attempts=3;met="reset 503 200"')


def test_without_a_retry_it_is_told_too(rig):
    """The header is there whenever a part needed more than one."""
    one = rig("call: a:/x").start()
    reply = Reply(200, [(b"content-type", b"application/json")], b"1")
    reply.attempts = 2
    one.sent[0].done(reply)
    assert met(one).endswith(';attempts=2;met="reset 200"')


def test_each_item_is_retried_for_itself(rig):
    """The part counts all that was sent."""
    one = rig("""
    endpoints:
      GET /x:
        fan_out: {r: {url: "a:/r/{item}", for_each: "{{ [1, 2] }}", retry: 1}}
    """).start()
    one["/r/1"].answer(status=503)
    one["/r/2"].answer(2)
    again(one)
    one["/r/1"].answer(1)
    assert one.body == {"r": [1, 2]}
    assert 'attempts=3;met="503 200"' in met(one)


def test_an_alternative_begins_after_the_last_attempt(rig):
    """And what the attempts before it met is told with its own."""
    one = rig("call: {url: a:/x, retry: 1, fallback: [b:/x]}").start()
    one.sent[0].answer(status=503)
    again(one)
    one.sent[1].answer(status=503)
    one.sent[2].answer(7)
    assert (one.body, one.targets) == (7, ["/x", "/x", "/x"])
    assert met(one).endswith('attempts=3;met="503 503 200"')


def test_meta_tells_each_attempt(rig):
    """With its status, its cause and its time."""
    one = rig("fan_out: {x: {url: a:/x, retry: 1}}").start()
    one.loop.now += 0.5
    one["/x"].answer(status=503)
    again(one)
    one.sent[1].answer(1)
    part = part_member(one.run.results[0])
    assert (part["attempts"], part["met"]) == (2, ["503", "200"])
    assert [(tried["cause"], tried["status"], tried["ms"]) for tried in part["tried"]] == [("status", 503, 500.0)]


def test_each_attempt_is_told(rig):
    """Listeners hear of every attempt for itself."""
    told = []
    one = rig(TWICE, told.append).start()
    one.sent[0].answer(status=503)
    again(one)
    one.sent[1].answer(1)
    assert [(event.state, event.status) for event in told] == [(State.FAILED, 503), (State.OK, 200)]


def test_each_attempt_waits_for_its_turn(rig):
    """A rate limit of the upstream counts attempts, and one that waits sends what was written first."""
    one = rig("""
    upstreams: {a: {url: "http://a.test", retry: 1, rate_limit: {rate: 1/s, burst: 1, wait: 5s}}}
    endpoints: {GET /x: {call: a:/x}}
    """).start()
    one.sent[0].answer(status=503)
    one.loop.advance(0.5)
    assert len(one.sent) == 1
    one.loop.advance(1)
    one.sent[1].answer(1)
    assert one.body == 1
