"""An upstream with many hosts: each call goes to one of them, with its name, and another try to another one."""

from __future__ import annotations

import re
from collections import Counter

import httpx
import pytest

from aggregator.causes import Cause

THREE = 'hosts: ["http://h1.test", "http://h2.test:81", "http://h3.test"]'


def hosts_of(one) -> list[str]:
    """Return the ``Host`` of each request, in the order in which they were sent."""
    return [re.search(rb"^host: (.*?)\r$", call.headers, re.MULTILINE)[1].decode() for call in one.sent]  # type: ignore[index]


def upstream(rig, settings: str, endpoint: str = "call: a:/x"):
    """Return the rig of one endpoint of an upstream with *settings*."""
    return rig(f"upstreams: {{a: {{{settings}}}}}\nendpoints: {{GET /x: {{{endpoint}}}}}\n")


def test_hosts_take_turns(rig):
    """Each gets requests that name it, with its port."""
    one = upstream(rig, f"{THREE}, balance: round_robin")
    for _ in range(6):
        one.start()
        one.sent[-1].answer(1)
    assert hosts_of(one) == ["h1.test", "h2.test:81", "h3.test"] * 2


def test_the_busy_one_is_spared(rig):
    """Of two, the one whose call is under way is not called again before the other."""
    one = upstream(rig, 'hosts: ["http://h1.test", "http://h2.test"]')
    for _ in range(10):
        one.start().start()
        assert set(hosts_of(one)[-2:]) == {"h1.test", "h2.test"}
        for call in one.sent[-2:]:
            call.answer(1)


def test_what_was_given_up_is_not_in_flight(rig):
    """A client that leaves frees the host for the next call."""
    one = upstream(rig, 'hosts: ["http://h1.test", "http://h2.test"]')
    for _ in range(10):
        one.start()
        one.run.cancel()
        assert one.sent[-1].cancelled
    one.start().start()
    assert set(hosts_of(one)[-2:]) == {"h1.test", "h2.test"}


def test_another_try_goes_to_another_host(rig):
    """As long as there is one that has not been tried."""
    one = upstream(rig, f"{THREE}, retry: {{attempts: 5}}").start()
    for number in range(3):
        one.sent[number].fail(Cause.REFUSED)
        one.loop.advance(1)
    assert sorted(hosts_of(one)[:3]) == ["h1.test", "h2.test:81", "h3.test"]
    assert len(one.sent) == 4


def test_a_hedge_goes_to_another_host(rig):
    """The one that takes long is not asked again."""
    one = upstream(rig, 'hosts: ["http://h1.test", "http://h2.test"], hedge: {after: 50ms, budget: 100%}')
    for _ in range(10):
        for _ in range(10):  # hedges are a share of the calls
            one.start()
            one.sent[-1].answer(1)
        one.start()
        one.loop.advance(0.06)
        assert sorted(hosts_of(one)[-2:]) == ["h1.test", "h2.test"]
        one.sent[-1].answer(1)


def test_calls_with_one_key_go_to_one_host(rig):
    """Whoever makes them."""
    one = upstream(rig, THREE + ', balance: {hash: "{{ query.user }}"}')
    for number in range(60):
        one.start(query=f"user={number % 20}")
        one.sent[-1].answer(1)
    named = hosts_of(one)
    assert named[:20] == named[20:40] == named[40:]
    assert len(set(named)) == 3


def test_a_call_without_a_key_goes_anywhere(rig):
    """What cannot be told is no failure."""
    one = upstream(rig, THREE + ', balance: {hash: "{{ query.user.id }}"}')
    for _ in range(60):
        one.start()
        one.sent[-1].answer(1)
    assert len(Counter(hosts_of(one))) == 3


def test_one_name_for_all_hosts(rig):
    """`host_header` is what each of them gets."""
    one = upstream(rig, f"{THREE}, balance: round_robin, host_header: users.internal")
    for _ in range(3):
        one.start()
    assert hosts_of(one) == ["users.internal"] * 3


def test_a_declared_host_stays(rig):
    """What a call says itself is not written over."""
    one = upstream(rig, f"{THREE}, balance: round_robin", "call: {url: a:/x, headers: {x-a: '1', host: own.test}}")
    for _ in range(3):
        one.start()
    assert hosts_of(one) == ["own.test"] * 3


@pytest.mark.parametrize("endpoint", ["call: {url: a:/x}", "stream: true, call: a:/x"])
def test_over_any_client(serve, endpoint):
    """Whole calls and streams reach each host at its address."""
    gateway = serve(
        f"upstreams: {{a: {{{THREE}, balance: round_robin, retry: 2}}}}\nendpoints: {{GET /x: {{{endpoint}}}}}",
        lambda request: httpx.Response(503 if request.url.host == "h1.test" else 200, json=str(request.url)),
    )
    assert [gateway.get("/x").json() for _ in range(2)] == ["http://h2.test:81/x", "http://h3.test/x"]
    assert [request.headers["host"] for request in gateway.upstream.requests] == ["h1.test", "h2.test:81", "h3.test"]


def test_a_redirect_to_another_host_is_followed(serve):
    """The hosts of an upstream are one origin."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/x":
            return httpx.Response(302, headers={"location": "http://h2.test:81/y"})
        return httpx.Response(200, json="here")

    gateway = serve(f"upstreams: {{a: {{{THREE}, redirects: 2}}}}\nendpoints: {{GET /x: {{call: a:/x}}}}", answer)
    assert gateway.get("/x").json() == "here"


EJECTED = 'hosts: ["http://h1.test", "http://h2.test"], balance: round_robin, eject: {failures: 2, pause: 10s}'


@pytest.mark.parametrize(
    ("end", "counts"),
    [
        (503, True),
        (500, True),
        (404, False),
        (429, False),
        (Cause.REFUSED, True),
        (Cause.RESET, True),
        (Cause.DEADLINE, True),
        (Cause.QUEUE_FULL, False),
        (Cause.QUEUE_TIMEOUT, False),
    ],
)
def test_what_ejects_a_host(rig, end, counts):
    """Statuses of 5xx and connections that fail; not what clients did, nor what our own limits refused."""
    one = upstream(rig, EJECTED)
    for _ in range(4):
        one.start()
        last = one.sent[-1]
        if hosts_of(one)[-1] == "h2.test":
            last.answer(1)
        elif isinstance(end, int):
            last.answer(1, status=end)
        else:
            last.fail(end)
    for _ in range(4):
        one.start()
    assert ("h1.test" not in hosts_of(one)[4:]) == counts


def test_what_was_given_up_says_nothing_of_a_host(rig):
    """A client that leaves, or a race that is lost, is no failure."""
    one = upstream(rig, EJECTED)
    for _ in range(8):
        one.start()
        one.run.cancel()
    assert hosts_of(one) == ["h1.test", "h2.test"] * 4


def test_it_is_told(rig, caplog):
    """One line when a host is left out, and one when it is called again."""
    caplog.set_level("INFO", "aggregator.policies")
    one = upstream(rig, EJECTED)
    for _ in range(4):
        one.start()
        one.sent[-1].answer(1, status=500 if hosts_of(one)[-1] == "h1.test" else 200)
    one.loop.advance(10)
    one.start()
    assert [record.message for record in caplog.records] == ["A host was ejected.", "A host is called again."]
    assert caplog.records[0].fields["host"] == "http://h1.test"


BROKEN = (
    'hosts: ["http://h1.test", "http://h2.test"], balance: round_robin, breaker: {failures: 1, per: host, pause: 5s}'
)


def fail_at(one, name: str) -> None:
    """Make calls until one has failed at the host *name*."""
    while not one.sent or hosts_of(one)[-1] != name:
        one.start()
        last = one.sent[-1]
        last.answer(1, status=500 if hosts_of(one)[-1] == name else 200)


def test_a_breaker_of_a_host_keeps_calls_from_it_alone(rig):
    """They go to the others; one call tries it after its pause, and only one."""
    one = upstream(rig, BROKEN)
    fail_at(one, "h1.test")
    for _ in range(4):
        one.start()
        one.sent[-1].answer(1)
    assert set(hosts_of(one)[-4:]) == {"h2.test"}
    one.loop.advance(5)
    for _ in range(4):
        one.start()
    assert sorted(hosts_of(one)[-4:]) == ["h1.test", "h2.test", "h2.test", "h2.test"]


def test_when_all_breakers_are_open_no_call_is_made(rig):
    """It fails at once, as with a breaker of the upstream; another try finds no way either."""
    one = upstream(rig, f"{BROKEN}, retry: 2")
    one.start()
    one.sent[0].answer(1, status=503)
    one.loop.advance(0.1)
    one.sent[1].answer(1, status=503)
    one.loop.advance(0.2)
    assert len(one.sent) == 2
    assert (one.answer.status, one.header("retry-after") in ("4", "5")) == (503, True)
    assert one.body["cause"] == "breaker_open"


def test_a_probe_of_a_host_that_is_given_up_makes_room(rig):
    """The next call tries it."""
    one = upstream(rig, BROKEN)
    fail_at(one, "h1.test")
    one.loop.advance(5)
    while hosts_of(one)[-1] != "h1.test":
        one.start()
    one.run.cancel()
    one.start().start()
    assert "h1.test" in hosts_of(one)[-2:]


def test_what_was_tried_is_tried_again_when_the_rest_is_refused(rig):
    """Rather than nothing: the host that failed a moment ago is not out of order yet."""
    one = upstream(rig, BROKEN.replace("failures: 1", "failures: 2") + ", retry: 1")
    for _ in range(2):
        fail = one.start().sent[-1]
        while hosts_of(one)[-1] != "h1.test":
            fail.answer(1)
            fail = one.start().sent[-1]
        fail.answer(1, status=500)
    one.start()
    assert hosts_of(one)[-1] == "h2.test"
    one.sent[-1].answer(1, status=503)
    one.loop.advance(1)
    assert hosts_of(one)[-2:] == ["h2.test", "h2.test"]


def test_a_thousand_callers_at_once(rig):
    """They are spread evenly, nothing is counted twice, and what fails together ejects a host once."""
    one = upstream(rig, f"{THREE}, eject: {{failures: 5, at_most: 50%}}")
    for _ in range(1000):
        one.start()
    counts = Counter(hosts_of(one))
    assert sum(counts.values()) == 1000
    assert max(counts.values()) - min(counts.values()) < 100
    for call, host in zip(tuple(one.sent), hosts_of(one), strict=True):
        call.answer(1, status=503 if host == "h1.test" else 200)
    assert {hosts_of(one.start())[-1] for _ in range(50)} == {"h2.test:81", "h3.test"}


def test_on_the_network_of_a_test_nothing_is_asked_beside_the_calls(serve):
    """No name is looked up, which may not exist, and no host is asked for its health; calls go to the name."""
    gateway = serve(
        """
        upstreams:
          a: {hosts: ["http://h1.test", "http://h2.test"], health: {path: /health, every: 1ms}}
          b: {url: "http://nobody.invalid", resolve: system, health: {path: /health, every: 1ms}}
        endpoints:
          GET /a: {call: a:/x}
          GET /b: {call: b:/x}
        """,
        lambda request: httpx.Response(200, json=request.url.host),
    )
    assert gateway.get("/a").json() in ("h1.test", "h2.test")
    assert gateway.get("/b").json() == "nobody.invalid"
    assert gateway.upstream.lines == ["GET /x", "GET /x"]
