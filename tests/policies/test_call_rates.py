"""Limits of calls to an upstream: a call waits for its turn, or fails as `limited`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from aggregator.policies.rate_limit.plan import CallRatePlan
from aggregator.policies.rate_limit.shared_pacing import build_pace
from aggregator.policies.registry import Registry
from aggregator.stores.rate import Rate
from tests.policies.conftest import Served

Serve = Callable[..., Served]


def test_calls_beyond_the_rate_are_not_made(serve: Serve) -> None:
    """All endpoints together call an upstream as often as it is granted; then 503 says when to come again."""
    served = serve("""
        upstreams: {fx: {url: "http://fx.test", rate_limit: {rate: 2/m, burst: 2}}, b: {url: "http://b.test"}}
        endpoints:
          GET /a: {call: "fx:/a"}
          GET /b: {fan_out: {x: "fx:/b", y: {url: "fx:/c", optional: true}, z: "b:/z"}}
    """)
    assert served.statuses("/a", 1) == [200]
    answer = served.get("/b")
    assert (answer.status_code, answer.json()["y"]) == (200, None)
    assert "cause=limited" in answer.headers["aggregator-parts"]
    refused = served.get("/a")
    assert (refused.status_code, refused.json()["cause"]) == (503, "limited")
    assert refused.headers["retry-after"] == "30"
    assert served.lines == ["GET /a", "GET /b", "GET /z"]
    served.now += 30
    assert served.statuses("/a", 1) == [200]


def test_a_call_waits_for_its_turn(serve: Serve) -> None:
    """Up to `wait`, and no longer than its own time; each that waits has a turn of its own."""
    served = serve("""
        upstreams: {fx: {url: "http://fx.test", rate_limit: {rate: 50/s, burst: 1, wait: 50ms}}}
        endpoints:
          GET /a: {call: "fx:/a"}
          GET /soon: {call: {url: "fx:/a", timeout: 10ms}}
    """)

    async def flood() -> list[int]:
        answers = await asyncio.gather(*(served.ask("GET", "/a") for _ in range(6)), served.ask("GET", "/soon"))
        return sorted(answer.status_code for answer in answers)

    assert served.run(flood()) == [200, 200, 200, 503, 503, 503, 503]
    assert len(served.requests) == 3


def test_who_leaves_while_waiting_gives_the_turn_back() -> None:
    """A call that waited for nothing does not keep others from their turn."""
    now = [0.0]
    pace = build_pace("fx", CallRatePlan(Rate(1, 3600.0, 1), wait=7200.0), "fx", Registry().draft(), lambda: now[0])

    async def leave() -> None:
        assert pace.reserve(9000.0) == 0.0
        waiting = asyncio.ensure_future(pace.turn(9000.0))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])

    asyncio.run(leave())
    now[0] = 3600.0
    assert pace.reserve(0.0) == 0.0


def test_attempts_and_items_are_counted(serve: Serve) -> None:
    """Each alternative and each item takes a turn of its own."""
    served = serve("""
        upstreams: {fx: {url: "http://fx.test", rate_limit: 3/m}}
        endpoints:
          GET /items:
            fan_out: {each: {for_each: {in: "{{ [1, 2, 3, 4] }}", on_error: "null"}, url: "fx:/{item}"}}
    """)
    answer = served.get("/items")
    assert (answer.json()["each"], len(served.requests)) == ([{"ok": True}] * 3 + [None], 3)


def test_a_stream_waits_for_its_turn_too(serve: Serve) -> None:
    """The call of a streaming endpoint counts like any other."""
    served = serve("""
        upstreams: {fx: {url: "http://fx.test", rate_limit: 1/m}}
        endpoints: {GET /a: {call: "fx:/a", stream: true}}
    """)
    assert served.statuses("/a", 2) == [200, 503]
    assert served.get("/a").headers["retry-after"] == "60"


def test_a_row_speaks_of_it(serve: Serve) -> None:
    """`limited` has rows of its own, and belongs to `overloaded`."""
    served = serve("""
        upstreams:
          fx: {url: "http://fx.test", rate_limit: 1/m, status_map: {limited: {status: 200, body: {rates: []}}}}
          gx: {url: "http://gx.test", rate_limit: 1/m, status_map: {overloaded: 429}}
        endpoints: {GET /a: {call: "fx:/a"}, GET /b: {call: "gx:/b"}}
    """)
    assert (served.statuses("/a", 2), served.get("/a").json()) == ([200, 200], {"rates": []})
    assert served.statuses("/b", 2) == [200, 429]
