"""A shadow gets a share of the requests as well, and can touch neither the answer nor its time."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from aggregator.exchange import Exchange
from aggregator.parts.names import Names
from aggregator.plan.explaining.explain import explain
from aggregator.plan.serving import BackgroundPlan
from aggregator.runtime.answers.answer import Answer
from aggregator.runtime.background.effects import Effect
from aggregator.runtime.background.shadows import Shadow, ShadowQueue, Shadows

ROUTES = """
upstreams:
  users: {url: "http://users.test", breaker: {failures: 2, pause: 10m}}
  next: {url: "http://next.test/v2", timeout: 1h, breaker: {failures: 2, pause: 10m}, retry: 2, cache: 60s}
endpoints:
  GET /quote/{id}:
    call: {url: "users:/quote/{id}", query: {currency: EUR}, headers: {x-a: "{{ id }}"}}
    shadow: [{url: "next:/quote/{id}"}]
  POST /orders:
    call: {url: POST users:/orders, forward: {body: true}}
    shadow: [{url: "POST next:/orders"}]
  GET /home:
    fan_out: {one: users:/one}
    shadow: [{url: "next:/home?of={one.n}"}]
  GET /next: {call: {url: next:/real, retry: none}}
"""


def settle(api) -> None:
    """Wait for the shadows."""
    api.run(api.app.running.shadows.settled())


def asked(api, host: str) -> list[str]:
    """Return what was sent to *host*."""
    return [f"{r.method} {r.url.raw_path.decode()}" for r in api.requests if r.url.host == f"{host}.test"]


def test_a_shadow_gets_what_the_call_sends(serve):
    """Query, headers and body, but for the URL; what another part found is there, too."""
    api = serve(ROUTES, lambda _: httpx.Response(200, json={"n": 5}))
    api.get("/quote/7")
    api.run(api.ask("POST", "/orders", json={"a": 1}))
    api.get("/home")
    settle(api)
    assert sorted(asked(api, "next")) == [
        "GET /v2/home?of=5", "GET /v2/quote/7?currency=EUR", "POST /v2/orders",
    ]  # fmt: skip
    shadows = {request.url.path: request for request in api.requests if request.url.host == "next.test"}
    assert shadows["/v2/quote/7"].headers["x-a"] == "7"
    assert shadows["/v2/orders"].content == b'{"a":1}'


@pytest.mark.long
def test_a_shadow_that_hangs_holds_up_no_answer(serve):
    """Hundreds of answers are there while none of their shadows has ended; what finds no room is dropped.

    It is found again when they have ended.
    """
    held = asyncio.Event()

    async def respond(request):
        if request.url.host == "next.test":
            await held.wait()
        return httpx.Response(200, json=1)

    api = serve(ROUTES, respond)
    assert api.statuses("/quote/7", 200) == [200] * 200
    counts = api.app.running.shadows.counts
    assert (len(asked(api, "next")), counts.dropped, counts.done) == (16, 84, 0)
    held.set()
    settle(api)
    assert (counts.done, counts.failed) == (116, 0)
    api.get("/quote/7")
    settle(api)
    assert (counts.done, counts.dropped) == (117, 84)


def test_a_shadow_that_fails_is_nobody_s_failure(serve):
    """It is sent once; its breaker is its own, so that calls to the same upstream go on, and so do those to ours."""

    def respond(request):
        is_shadow = request.url.host == "next.test" and "quote" in request.url.path
        return httpx.Response(500 if is_shadow else 200, json=1)

    api = serve(ROUTES, respond)
    for _ in range(5):
        assert api.get("/quote/7").status_code == 200
        settle(api)
    assert len(asked(api, "next")) == 2
    assert api.app.running.shadows.counts.failed == 5
    assert api.get("/next").status_code == 200
    assert api.app.running.queue.counts.queued == 0


def test_a_share_of_the_requests_is_sent():
    """One that is drawn below the share."""
    queue, drawn = ShadowQueue(BackgroundPlan(workers=0)), iter([0.0, 0.0999, 0.1, 0.9])
    effect = Effect("shadow next", None, None, 1.0, "always")
    shadows = Shadows((Shadow(effect, 0.1),), queue, None, lambda: next(drawn))
    for _ in range(4):
        shadows.put(Names(Exchange("GET", "/", b"", [])), Answer(200, [], b""))
    assert (queue.depth, queue.not_made) == (2, {"share": 2, "pressure": 0})


def test_a_stop_does_not_wait_for_shadows(serve):
    """What hangs is given up, and nothing is said of it."""

    async def respond(request):
        if request.url.host == "next.test":
            await asyncio.Event().wait()
        return httpx.Response(200, json=1)

    api = serve(ROUTES, respond)
    api.get("/quote/7")
    api.run(asyncio.sleep(0))
    running = api.app.running
    api.run(running.close())
    assert (running.shadows.running, running.shadows.depth, running.shadows.counts.lost) == (0, 0, 0)


def test_explain_tells_of_shadows(serve):
    """Which share, and what is around the call: its breaker, and neither retries nor caches."""
    endpoint = next(one for one in serve(ROUTES).app.running.plan.endpoints if "quote" in one.key)
    stacks = dict(explain(endpoint, frozenset()).stacks)
    assert stacks["request"][-1] == "shadow"
    assert stacks["beside 100%"] == (
        "breaker 2 failures, pause 600s",
        "next (shadow)",
    )
