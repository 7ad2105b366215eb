"""Every number of a scrape that is not zero, after some requests of each kind; and how late a loop is said to be."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families as parsed

from aggregator import create_app, load_config
from aggregator.server.application.serving import Application
from aggregator.server.metrics.lag import LoopLag

FILE = """
version: 1
telemetry: {metrics: {buckets: [1ms, 100s]}}
upstreams:
  up: {url: "http://up.test", breaker: {failures: 2, pause: 60s}, concurrency: 7, cache: {ttl: 60s}}
  other: {url: "http://other.test"}
endpoints:
  GET /users/{id}: {call: "up:/users/{id}"}
  GET /both:
    slo: {objective: 99%, partial: bad, latency: 10s}
    fan_out: {a: "up:/users/1", b: {url: "other:/nowhere", optional: true}, c: {url: "other:/x", when: "{{ query.c }}"}}
  GET /told: {respond: {body: 1}, background: [{name: audit, url: "other:/seen"}, {name: mail, url: "other:/nowhere"}]}
  POST /once: {idempotency: {}, respond: {body: 1}}
"""
TARGETS = ("/users/1", "/users/1", "/users/9", "/users/9", "/users/8", "/both", "/told", "/none", "/a//b")
COUNTED = """\
requests_total                  GET /users/{id} 2xx                     2
requests_total                  GET /users/{id} 5xx                     3
requests_total                  GET /both 2xx                           1
requests_total                  GET /told 2xx                           1
requests_total                  POST /once 2xx                          2
requests_total                  * 4xx                                   3
request_duration_seconds_count  GET /users/{id} 2xx                     2
request_duration_seconds_count  GET /users/{id} 5xx                     3
request_duration_seconds_count  GET /both 2xx                           1
request_duration_seconds_count  GET /told 2xx                           1
request_duration_seconds_count  POST /once 2xx                          2
response_size_bytes_count       GET /users/{id}                         5
response_size_bytes_count       GET /both                               1
response_size_bytes_count       GET /told                               1
response_size_bytes_count       POST /once                              2
partial_answers_total           GET /both                               1
slo_partial_answers_total       GET /both                               1
parts_total                     GET /users/{id} call ok *               2
parts_total                     GET /users/{id} call failed unreachable 2
parts_total                     GET /users/{id} call failed breaker_open 1
parts_total                     GET /both a ok *                        1
parts_total                     GET /both b default status              1
parts_total                     GET /both c skipped *                   1
attempts_total                  up 2xx *                                1
attempts_total                  up * unreachable                        2
attempts_total                  up * breaker_open                       1
attempts_total                  other 2xx *                             1
attempts_total                  other 4xx status                        2
attempt_duration_seconds_count  up                                      3
attempt_duration_seconds_count  other                                   3
breaker_open                    up                                      1
concurrency_limit               up                                      7
cache_lookups_total             up hit                                  2
cache_lookups_total             up miss                                 4
background_calls_total          audit done                              1
background_calls_total          mail failed                             1
idempotent_requests_total       made                                    1
idempotent_requests_total       replayed                                1
config_generation                                                       1
"""
SERIES = {
    "requests_total": 19, "request_duration_seconds_bucket": 64, "request_duration_seconds_count": 16,
    "response_size_bytes_count": 4, "partial_answers_total": 4, "slo_partial_answers_total": 1,
    "attempt_duration_seconds_bucket": 8, "attempt_duration_seconds_count": 2, "upstream_connections": 4,
    "upstream_connect_seconds_count": 2, "upstream_waiting_calls": 2, "breaker_open": 1, "concurrency_limit": 1,
    "concurrency_calls": 1, "concurrency_waiting_calls": 1, "cache_lookups_total": 4, "cache_size_bytes": 1,
    "saved_calls_total": 1, "background_calls_total": 10, "background_waiting_calls": 1, "shadow_calls_total": 3,
    "effects": 5, "effect_deliveries_total": 7, "effect_orders_total": 4, "idempotent_requests_total": 6,
    "effects_broken": 1, "requests_in_flight": 1, "pressure": 1, "shed_requests_total": 1, "reloads_total": 2,
    "config_refused": 1, "config_info": 1, "build_info": 1, "lost_log_lines_total": 1, "event_loop_lag_seconds": 1,
}  # fmt: skip
"""How many series a family has: those of the file, zeros among them, and none of what the file does not declare."""
_TIMED = ("_sum", "_created", "_info", "_bucket", "_size_bytes", "_timestamp_seconds", "_lag_seconds")
"""Endings of what depends on the machine, or is the same as what is looked at."""


def replied(request: httpx.Request) -> httpx.Response:
    """Answer, but not everything, and one not at all."""
    if request.url.path == "/users/9":
        raise httpx.ConnectError("no")
    return httpx.Response(404 if request.url.path == "/nowhere" else 200, json={"id": 1})


@pytest.fixture
def app(tmp_path: Path) -> Application:
    """The application of the file, in front of upstreams that are played."""
    (tmp_path / "routes.yaml").write_text(FILE)
    made = create_app(load_config(tmp_path / "routes.yaml"), transport=httpx.MockTransport(replied))
    assert isinstance(made, Application)
    return made


@pytest.mark.anyio
async def test_every_number_that_is_not_zero(app: Application) -> None:
    """Of requests, parts, calls, policies and background calls; each family has as many series as the file has names."""
    over_asgi = httpx.ASGITransport(app)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=over_asgi, base_url="http://a") as client:
        for target in TARGETS:
            await client.get(target)
        for _ in range(2):
            await client.post("/once", headers={"idempotency-key": "a-key-of-some-length"})
        await client.post("/none")
        while app.running.queue.counts.done + app.running.queue.counts.failed < 2:  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0)
        text = (await client.get("/metrics")).text
    samples = [one for family in parsed(text) for one in family.samples]
    told = {
        (one.name.removeprefix("aggregator_"), " ".join(value or "*" for value in one.labels.values())): one.value
        for one in samples
        if one.value and one.name.startswith("aggregator_") and not one.name.endswith(_TIMED)
    }
    assert told == {(line[:32].rstrip(), line[32:].rpartition(" ")[0].strip()): float(line.rpartition(" ")[2])
                    for line in COUNTED.splitlines()}  # fmt: skip
    count = Counter(one.name.removeprefix("aggregator_") for one in samples)
    assert {name: count[name] for name in SERIES} == SERIES
    assert (count["upstream_hosts"], count["traces_total"], count["metric_pushes_total"]) == (0, 0, 0)


class Timers:
    """Stands for a loop whose time a test sets, with one timer."""

    now = 0.0
    planned: tuple[float, Any, tuple[Any, ...]] | None = None

    def time(self) -> float:
        """Return the seconds of the test."""
        return self.now

    def call_later(self, seconds: float, callback: Any, *arguments: Any) -> Timers:
        """Keep what is to be called, and when."""
        self.planned = (self.now + seconds, callback, arguments)
        return self

    def cancel(self) -> None:
        """Forget it."""
        self.planned = None

    def fire(self, late: float) -> None:
        """Call what is due so many seconds too *late*."""
        assert self.planned is not None
        due, callback, arguments = self.planned
        self.now = due + late
        callback(*arguments)


def test_the_longest_delay_is_that_of_this_window_and_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    """A window is of fifteen seconds; what is older is forgotten, and after the end nothing is measured."""
    loop, lag = Timers(), LoopLag()
    lag.stop()
    monkeypatch.setattr(asyncio, "get_running_loop", lambda: loop)
    lag.start()
    assert (lag.longest, loop.planned and loop.planned[0]) == (0.0, 0.25)
    found = []
    for late in (0.5, 0.125, 13.5, 1.0, 0.0):
        loop.fire(late)
        found.append((loop.now, lag.longest))
    assert found == [(0.75, 0.5), (1.125, 0.5), (14.875, 13.5), (16.125, 13.5), (16.375, 13.5)]
    while loop.now <= 31.125:
        loop.fire(0.0)
    assert (loop.now, lag.longest) == (31.125 + 0.25, 1.0)
    while loop.now <= 46.375:
        loop.fire(0.0)
    assert (loop.now, lag.longest) == (46.375 + 0.25, 0.0)
    lag.stop()
    assert loop.planned is None
