"""Under pressure a server goes without hedges, retries and shadows, then without optional parts; and comes back."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from aggregator.policies.degrade.plan import DegradePlan
from aggregator.policies.degrade.pressure import CALM, ESSENTIAL, SPARING, Pressure

ROUTES = """
server: {degrade: {in_flight: 100}}
upstreams:
  up: {url: "http://up.test", retry: {attempts: 2, on: [503], backoff: 1ms..1ms}}
  next: {url: "http://next.test"}
endpoints:
  GET /retried: {call: up:/retried}
  GET /shadowed: {call: up:/x, shadow: [{url: next:/x}]}
  GET /home:
    cache: {ttl: 60s, public: true}
    response: {meta: true}
    fan_out:
      must: up:/must
      ads: {url: up:/ads, optional: true, default: []}
      more: {fan_out: {a: up:/a, b: {url: up:/b, optional: true}}}
"""


@pytest.fixture
def pressure():
    """Return a pressure that only the test measures."""
    found = Pressure(lambda: (0, 0))
    found._plan = DegradePlan(in_flight=100, queue=10, loop_lag=0.1)
    return found


def levels(pressure: Pressure, *measured: tuple[int, int, float]) -> list[int]:
    """Return the level after each measurement."""
    found = []
    for one in measured:
        pressure.measure(*one)
        found.append(pressure.level)
    return found


def test_any_of_the_limits_is_pressure(pressure):
    """At the limit it is sparing, at a quarter more essential; from calm to essential at once."""
    assert levels(pressure, (99, 9, 0.09), (100, 0, 0.0), (124, 0, 0.0), (125, 0, 0.0)) == [0, 1, 1, 2]
    for one in ((0, 13, 0.0), (0, 0, 0.13)):
        pressure.level = CALM
        assert levels(pressure, one) == [ESSENTIAL]


def test_it_falls_one_step_after_another_and_late(pressure):
    """Ten looks below the lower limit for each step, one after the other: what wavers changes nothing."""
    assert levels(pressure, (200, 0, 0.0), *[(99, 0, 0.0)] * 10) == [2] * 10 + [1]
    assert levels(pressure, *[(85, 0, 0.0)] * 30) == [1] * 30
    assert levels(pressure, *[(79, 0, 0.0)] * 9, (85, 0, 0.0), *[(79, 0, 0.0)] * 10) == [1] * 19 + [0]


def test_each_change_is_a_line_of_the_log(pressure, caplog):
    """With what brought it about."""
    caplog.set_level("INFO")
    levels(pressure, (10, 0, 0.11), *[(0, 0, 0.0)] * 10)
    said = [(record.levelname, record.fields) for record in caplog.records]
    assert said == [
        ("WARNING", {"before": "calm", "now": "sparing", "load": "1.10", "of": "loop_lag"}),
        ("INFO", {"before": "sparing", "now": "calm", "load": "0.00"}),
    ]


def test_the_loop_is_looked_at_while_it_serves():
    """By a timer that ends with the configuration; without `degrade` there is none."""
    looked = asyncio.Event()

    async def run():
        def read():
            looked.set()
            return 500, 0

        pressure = Pressure(read)
        pressure.configure(None)
        assert pressure.timer is None
        pressure.configure(DegradePlan(in_flight=100))
        await asyncio.wait_for(looked.wait(), 10)
        assert pressure.level == ESSENTIAL
        pressure.configure(None)
        assert (pressure.level, pressure.timer) == (CALM, None)

    asyncio.run(run())


@pytest.fixture
def api(serve):
    """Return an application whose pressure only the test sets; the first answer to anything but ads is 503."""
    seen: set[str] = set()

    def respond(request):
        first = request.url.path == "/retried" and "retried" not in seen
        seen.add(request.url.path[1:])
        return httpx.Response(503 if first else 200, json=request.url.path)

    api = serve(ROUTES, respond)
    api.app.running.pressure.timer.cancel()
    return api


def test_under_pressure_nothing_is_sent_beyond_what_is_needed(api):
    """A failure is not sent again, and no shadow is made; an answer is what it was."""
    api.app.running.pressure.level = SPARING
    assert api.get("/retried").status_code == 502
    assert api.get("/shadowed").status_code == 200
    api.run(api.app.running.shadows.settled())
    assert api.lines == ["GET /retried", "GET /x"]
    assert api.get("/home").json()["ads"] == "/ads"


def test_under_more_pressure_optional_parts_are_skipped(api):
    """With their default, at any depth; the header, `meta` and the log say why, and no such answer is kept."""
    api.app.running.pressure.level = ESSENTIAL
    answer = api.get("/home")
    assert {key: value for key, value in answer.json().items() if key != "meta"} == {
        "must": "/must", "ads": [], "more": {"a": "/a", "b": None},
    }  # fmt: skip
    assert "ads;state=skipped;cause=degraded;ms=0;attempts=0" in answer.headers["aggregator-parts"]
    assert "more;state=ok;lost=1;cause=degraded" in answer.headers["aggregator-parts"]
    assert answer.headers["cache-control"] == "no-store"
    assert sorted(api.lines) == ["GET /a", "GET /must"]
    api.app.running.pressure.level = CALM
    assert api.get("/home").json()["ads"] == "/ads"


def test_a_reload_ends_it(api):
    """Where the file declares it no more, nothing is left of it."""
    api.app.running.pressure.level = ESSENTIAL
    api.reload(ROUTES.replace("server: {degrade: {in_flight: 100}}", ""))
    assert api.app.running.pressure.level == CALM
    assert api.get("/home").json()["ads"] == "/ads"
