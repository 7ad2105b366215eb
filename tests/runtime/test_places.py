"""Calls that need a place at their upstream: so many at once, others wait their turn, or are refused."""

from __future__ import annotations

import json
from functools import partial
from types import SimpleNamespace

import pytest

from aggregator.causes import Cause
from aggregator.errors import CallError
from aggregator.policies.concurrency.places import PLACES, Places, Waiter
from aggregator.policies.concurrency.plan import ConcurrencyPlan
from aggregator.policies.registry import Registry

ROUTES = """
upstreams:
  a: {{url: "http://a.test", concurrency: {{limit: 1, queue: 2, wait: 1s}}}}
  b: {{url: "http://b.test"}}
endpoints:
  GET /x: {{{endpoint}}}
"""


def routes(endpoint: str = "call: a:/x") -> str:
    """Return a file with one endpoint, whose upstream has one place."""
    return ROUTES.format(endpoint=endpoint)


def causes(one) -> list[str]:
    """Return why there was no answer."""
    return [json.loads(answer.body)["cause"] for answer in one.answers if answer.status >= 400]


def test_who_comes_first_is_served_first(rig):
    """One is under way, two wait, and each begins when the one before has ended."""
    one = rig(routes('call: "a:/{n}"').replace("GET /x", "GET /x/{n}"))
    for name in "123":
        one.start(name)
    assert one.targets == ["/1"]
    one["/1"].answer(1)
    assert one.targets == ["/1", "/2"]
    one["/2"].fail(Cause.RESET)
    one["/3"].answer(3)
    assert one.targets == ["/1", "/2", "/3"]
    assert [answer.status for answer in one.answers] == [200, 502, 200]


def test_a_full_queue_refuses_at_once(rig):
    """503 with Retry-After; nothing was sent."""
    one = rig(routes())
    for _ in range(4):
        one.start()
    assert causes(one) == ["queue_full"]
    assert (one.answer.status, one.header("retry-after"), len(one.sent)) == (503, "1", 1)


def test_a_wait_has_an_end(rig):
    """Who waited for too long is refused, and nobody is served instead of somebody else."""
    one = rig(routes()).start().start()
    one.loop.advance(0.99)
    assert one.answers == []
    one.loop.advance(0.02)
    assert causes(one) == ["queue_timeout"]
    one.sent[0].answer(1)
    one.start()
    assert len(one.sent) == 2


def test_the_wait_is_part_of_the_time(rig):
    """The deadline of a call that waited is what it would have been without."""
    one = rig(routes("timeout: 60s\n    call: {url: a:/x, timeout: 2s}".replace("\n    ", ", "))).start().start()
    one.loop.advance(0.5)
    one.sent[0].answer(1)
    assert one.sent[1].deadline == pytest.approx(102.0)


def test_a_client_that_hangs_up_in_the_queue(rig):
    """It is out of the line; its timer is gone."""
    one = rig(routes()).start().start()
    one.run.cancel()
    assert one.loop.waiting == []
    one.sent[0].answer(1)
    assert len(one.sent) == 1
    one.start()
    assert len(one.sent) == 2


def test_a_client_that_hangs_up_gives_its_place_back(rig):
    """The next in line begins."""
    one = rig(routes()).start()
    first = one.run
    one.start()
    first.cancel()
    assert len(one.sent) == 2
    one.sent[1].answer(1)
    assert one.answer.status == 200


def test_required_parts_go_first(rig):
    """They are served before optional ones that came earlier, and take their room when the queue is full."""
    one = rig(
        routes("""fan_out: {
        first: a:/first,
        nice: {url: a:/nice, optional: true},
        nicer: {url: a:/nicer, optional: true},
        must: a:/must}""")
    )
    one.start()
    assert one.targets == ["/first"]
    one["/first"].answer(1)
    assert one.targets == ["/first", "/must"]
    one["/must"].answer(1)
    one["/nicer"].answer(1)
    assert one.body == {"first": 1, "nice": None, "nicer": 1, "must": 1}
    assert "nice;state=default;cause=queue_full" in one.header("aggregator-parts")


@pytest.mark.parametrize(
    "nice",
    [
        "nice: {fan_out: {inner: a:/nice}, optional: true}",
        "nice: {fan_out: {deep: {fan_out: {inner: a:/nice}}}, optional: true}",
        "nice: {race: [a:/nice, 'http://b.test/b'], optional: true}",
        "nice: {url: 'http://b.test/b', fallback: [a:/nice], optional: true}",
    ],
)
def test_what_is_in_an_optional_part_is_optional(rig, nice):
    """A call of a group, a race or an alternative in it waits behind those that the answer cannot go without."""
    one = rig(routes(f"fan_out: {{first: a:/first, {nice}, must: a:/must}}"))
    one.start()
    if "/b" in one.targets:
        one["/b"].answer(status=500)
    one["/first"].answer(1)
    assert "/must" in one.targets
    assert "/nice" not in one.targets


def test_a_call_that_waits_to_retry_holds_no_place(rig):
    """Others go meanwhile."""
    one = rig(routes("call: {url: a:/x, retry: {attempts: 2, backoff: 100ms}}")).start().start()
    one.sent[0].answer(status=503)
    assert len(one.sent) == 2
    one.sent[1].answer(1)
    one.loop.advance(0.2)
    one.sent[2].answer(1)
    assert [answer.status for answer in one.answers] == [200, 200]


def test_a_refusal_is_no_failure_of_the_upstream(rig):
    """A breaker does not count it, and a retry does not follow it."""
    one = rig("""
    upstreams: {a: {url: "http://a.test", concurrency: {limit: 1, queue: 0}, breaker: {failures: 1}, retry: 2}}
    endpoints: {GET /x: {call: a:/x}}
    """).start()
    for _ in range(5):
        one.start()
    assert causes(one) == ["queue_full"] * 5
    one.sent[0].answer(1)
    one.start()
    assert len(one.sent) == 2


def test_a_thousand_callers(rig):
    """One is served at a time, two wait, and all others are told at once."""
    one = rig(routes())
    for _ in range(1000):
        one.start()
    assert (len(one.under_way), len(one.answers)) == (1, 997)
    while one.under_way:
        one.under_way[0].answer(1)
    assert sum(answer.status == 200 for answer in one.answers) == 3


def test_a_reload_in_the_middle():
    """What is under way is counted on, who waits goes on waiting, and the new limit is that from then on."""
    registry = Registry()
    first = registry.draft()
    places = first.hold(PLACES, "a", ("a", ConcurrencyPlan(1, 10, 1.0)))
    first.commit()
    assert places.enters()
    second = registry.draft()
    assert second.hold(PLACES, "a", ("a", ConcurrencyPlan(3, 10, 1.0))) is places
    assert not places.enters()
    second.commit()
    assert [places.enters() for _ in range(3)] == [True, True, False]


def test_a_larger_limit_serves_those_who_wait(rig):
    """They begin once the reload has been committed, as many as there are places, before any call has ended."""
    clock, served = rig(routes()).loop, []
    places = Places(("a", ConcurrencyPlan(1, 2, 1.0)))
    assert places.enters()
    for name in "xy":
        waiter = Waiter(clock.time(), clock.time() + 9.0, 0, False, False, partial(served.append, name), print)
        places.join(waiter, clock)
    places.adopt(("a", ConcurrencyPlan(2, 2, 1.0)))
    assert served == []
    clock.advance(0.0)
    assert (served, places.inside, places.waiting) == (["x"], 2, 1)


def test_an_adaptive_limit_follows_what_the_upstream_does():
    """It shrinks by calls that time out, and lets somebody through all the same."""
    places = Places(("a", ConcurrencyPlan(50, 10, 1.0, adaptive=True)))
    assert places.limit == 20
    for _ in range(200):
        assert places.enters()
        places.leave(1.0, overloaded=True)
    assert places.limit == 2


def test_what_is_optional_is_judged_by_what_all_calls_take():
    """It is refused at once where a place would come too late, though only required ones were answered so far."""
    places = Places(("a", ConcurrencyPlan(1, 10, 1.0)))
    assert places.enters()
    places.leave(1.0, 0.9)
    assert places.enters()
    for optional in (False, True):
        waiter = Waiter(1.0, 2.5, 0, False, optional, list, print)
        with pytest.raises(CallError, match="Too many calls wait"):
            places.join(waiter, SimpleNamespace(time=lambda: 1.0))


def test_who_hangs_up_after_a_wait_ends_the_call(rig):
    """It has its place by then, and gives that to the next."""
    one = rig(routes('call: "a:/{n}"').replace("GET /x", "GET /x/{n}"))
    runs = [one.start(name).run for name in "123"]
    one["/1"].answer(1)
    assert one.targets == ["/1", "/2"]
    runs[1].cancel()
    assert (one["/2"].cancelled, one.targets) == (True, ["/1", "/2", "/3"])
    runs[1].cancel()
    assert len(one.under_way) == 1
