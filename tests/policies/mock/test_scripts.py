"""What a mock does with a request: the most particular route answers, faults come by their share, delays as declared."""

from __future__ import annotations

import random
from statistics import median, quantiles

import pytest

from aggregator.errors import CallError, Cause
from aggregator.policies.mock.plan import DelayPlan, FailPlan, MockPlan, MockRoutePlan
from aggregator.policies.mock.script import Act, Script
from aggregator.templates import compile_pattern, compile_value
from aggregator.transport import Reply

JSON = (b"content-type", b"application/json")


def fault(status: int) -> Reply:
    """Return the reply of a fault."""
    return Reply(status, [JSON], b'{"error":"A fault on purpose."}')


def shown(act: Act) -> tuple[int, object, bytes] | None:
    """Return the reply of *act*."""
    reply = act.outcome
    return (reply.status, reply.headers, reply.body) if isinstance(reply, Reply) else None


def route(key: str, body: object = None, **more: object) -> MockRoutePlan:
    """Return a route that answers *body*."""
    method, _, path = key.partition(" ")
    known = {"status": 200, "is_text": False, "headers": (), "delay": None, "fail": None} | more
    return MockRoutePlan(method=method, pattern=compile_pattern(path), body=compile_value(body), **known)


def script(*routes: MockRoutePlan, alone: bool = True, draw=lambda: 0.5, **more: object) -> Script:
    """Return the script of a mock."""
    known = {"delay": None, "fail": None, "when": None, "prefix": b"/v1"} | more
    return Script(MockPlan(routes=routes, is_alone=alone, **known), draw, random.Random(7).gauss)


def ask(one: Script, method: str, target: str, headers: bytes = b"", body: bytes | None = None) -> Reply:
    """Return the reply to a request."""
    outcome = one.act(method.encode(), target.encode(), headers, body).outcome
    assert isinstance(outcome, Reply)
    return outcome


def test_an_answer_sees_the_request():
    """Its path, its query, its headers and its body, as the upstream would get them."""
    one = script(route("POST /pay/{id}", ["{{ id }}", "{{ query.page }}", "{{ headers['x-a'] }}", "{{ body.amount }}"]))
    reply = ask(one, "POST", "/v1/pay/a%20b?page=3", b"host: h\r\nx-a: 1\r\n", b'{"amount": 5}')
    assert (reply.status, reply.body) == (200, b'["a b","3","1",5]')
    assert reply.headers == [(b"content-type", b"application/json")]


def test_what_it_lacks():
    """404 where nothing is behind it, and on to the upstream where something is; a method of another counts as lacking."""
    assert ask(script(route("GET /a")), "GET", "/v1/b").status == 404
    assert ask(script(route("GET /a")), "POST", "/v1/a").status == 404
    assert script(route("GET /a"), alone=False).act(b"GET", b"/v1/b", b"", None).outcome is None


def test_the_answer_to_a_head_has_no_body():
    """It is that of GET otherwise."""
    assert ask(script(route("GET /a", 1)), "HEAD", "/v1/a").body == b""


def test_a_template_that_fails_is_told():
    """As a failure of the mock, by whoever tries it."""
    reply = ask(script(route("GET /a", "{{ body.x + 1 }}")), "GET", "/v1/a")
    assert reply.status == 500
    assert b"The mock failed" in reply.body


def test_faults_come_by_their_share():
    """Two of a hundred, more or less; the rest is answered."""
    one = script(route("GET /a"), fail=FailPlan(0.02, status=503), draw=random.Random(1).random)
    statuses = [ask(one, "GET", "/v1/a").status for _ in range(5000)]
    assert 50 <= statuses.count(503) <= 150
    assert set(statuses) == {200, 503}


def test_delays_are_distributed():
    """Half of them below `p50`, one in a hundred above `p99`."""
    one = Script(MockPlan((), DelayPlan(0.02, 0.4), None, None, True, b""), drift=lambda: generator.gauss(0.0, 1.0))
    generator = random.Random(3)
    delays = [one.act(b"GET", b"/", b"", None).delay for _ in range(5000)]
    assert 0.018 < median(delays) < 0.022
    assert 0.3 < quantiles(delays, n=100)[98] < 0.55
    same = script(route("GET /a"), delay=DelayPlan(0.1, 0.1))
    assert same.act(b"GET", b"/v1/a", b"", None).delay == 0.1


def test_a_route_may_ask_for_a_query():
    """It answers requests that have its pairs, in any order and among others, before a route that asks for none."""
    known = {"query": frozenset({b"page=2", b"size=5"})}
    one = script(route("GET /a", "that page", **known), route("GET /a", "any"))
    assert ask(one, "GET", "/v1/a?size=5&sort=up&page=2").body == b'"that page"'
    assert ask(one, "GET", "/v1/a?page=2").body == b'"any"'


def test_a_segment_is_the_same_however_it_is_encoded():
    """A colon that is written as it is, and one that is encoded."""
    assert ask(script(route("GET /a:b", 1)), "GET", "/v1/a:b").body == b"1"
    assert ask(script(route("GET /a:b", 1)), "GET", "/v1/a%3Ab").body == b"1"


@pytest.mark.parametrize(
    ("fail", "of_the_route", "act"),
    [
        (FailPlan(1.0, status=503), None, Act(0.75, fault(503))),
        (FailPlan(1.0), None, Act(0.75, fault(500))),
        (None, FailPlan(1.0, status=429), Act(0.75, fault(429))),
        (FailPlan(1.0, status=503), FailPlan(1.0, status=429), Act(0.75, fault(503))),
        (FailPlan(0.5, status=503), FailPlan(0.51, status=429), Act(0.75, fault(429))),
        (FailPlan(1.0, timeout=True), None, Act(0.75, None, None, end=False)),
        (None, FailPlan(1.0, bytes=3), Act(0.75, Reply(200, [JSON, (b"content-length", b"1")], b""), 3)),
        (None, FailPlan(0.5, bytes=3), Act(0.75, Reply(200, [JSON, (b"content-length", b"1")], b""))),
    ],
)
def test_what_comes_of_a_request(fail: FailPlan | None, of_the_route: FailPlan | None, act: Act) -> None:
    """After the delay of the mock and that of the route; a fault comes for draws below its share, the mock's first."""
    one = script(
        route("GET /a", 1, delay=DelayPlan(0.5, 0.5), fail=of_the_route), delay=DelayPlan(0.25, 0.25), fail=fail
    )
    found = one.act(b"HEAD", b"/v1/a", b"", None)
    assert (found.delay, found.cut, found.end) == (act.delay, act.cut, act.end)
    assert shown(found) == shown(act)


def test_what_goes_on_to_the_upstream_may_be_spoiled() -> None:
    """Its reply is cut off, and it comes later; where there is no upstream, nothing is cut."""
    for alone, status, cut in ((False, None, 3), (True, 404, None)):
        one = script(route("GET /a"), alone=alone, delay=DelayPlan(0.25, 0.25), fail=FailPlan(1.0, bytes=3))
        found = one.act(b"GET", b"/v1/b", b"", None)
        outcome = found.outcome
        assert (found.delay, found.cut, found.end) == (0.25, cut, True)
        assert (outcome.status if isinstance(outcome, Reply) else outcome) == status


def test_a_connection_that_is_reset() -> None:
    """Its cause is that."""
    found = script(route("GET /a"), fail=FailPlan(1.0, reset=True)).act(b"GET", b"/v1/a", b"", None).outcome
    assert isinstance(found, CallError)
    assert found.cause is Cause.RESET


def test_what_a_reply_says_itself_is_not_said_for_it() -> None:
    """Neither what kind of text it is, nor how long it is."""
    fields = tuple((name, compile_value(text)) for name, text in ((b"content-type", "a/b"), (b"content-length", "9")))
    assert ask(script(route("GET /a", 1, headers=fields)), "HEAD", "/v1/a").headers == [
        (b"content-type", b"a/b"), (b"content-length", b"9"),
    ]  # fmt: skip
    text = (b"content-type", b"text/plain; charset=utf-8")
    assert ask(script(route("GET /a", "x", is_text=True)), "GET", "/v1/a").headers == [text]
