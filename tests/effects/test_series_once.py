"""Upstreams may share the name that is shown of them: an exposition has one series for them all."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import httpx

from tests.effects.conftest import Application, process

TEXT = """
state: ./state
background: {durable: {sync: normal}}
telemetry: {metrics: {}}
upstreams:
  pay:
    route: {by: '{{ params.to }}', to: {one: 'http://one.test', two: 'http://two.test'}}
    breaker: {failures: 1}
    concurrency: {limit: 3}
    cache: {ttl: 1m}
  many: {hosts: ['http://one.test', 'http://two.test'], breaker: {failures: 1}}
endpoints:
  GET /pay/{to}: {call: 'pay:/x'}
  GET /many: {call: 'many:/x'}
  POST /signup:
    body: {type: object}
    respond: {status: 201, body: {ok: true}}
    background: {name: push, durable: true, url: 'PUT http://good.test/x', json: {}, delay: 1h}
  POST /leave:
    body: {type: object}
    respond: {status: 201, body: {ok: true}}
    background: {name: push, durable: true, url: 'PUT http://bad.test/x', json: {}}
"""
BAD = frozenset({"bad.test", "one.test"})


def scraped(served: Application) -> dict[str, float]:
    """Return the samples of a scrape, each of which there is once."""
    text = served.get("/metrics").text
    samples = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
    assert [series for series, count in Counter(name for name, _, _ in samples).items() if count > 1] == []
    return {name: float(value) for name, _, value in samples}


def test_no_series_is_there_twice(tmp_path: Path) -> None:
    """What several of a name hold is added up; of a state the worst is told, whichever comes last."""
    with process(tmp_path, TEXT, lambda sent: httpx.Response(503 if sent.url.host in BAD else 200, json=1)) as served:
        for path in ("/pay/one", "/pay/two", "/pay/two", "/many"):
            served.get(path)
        for _ in range(8):
            served.post("/signup", json={})
            served.post("/leave", json={})
        served.until(lambda: served.outbox.ends["again"] >= 5)
        samples = scraped(served)
    assert samples['aggregator_effects_slow{upstream="push"}'] == 1
    assert samples['aggregator_breaker_open{upstream="pay"}'] == 1
    assert samples['aggregator_cache_lookups_total{upstream="pay",result="miss"}'] == 2
    assert samples['aggregator_concurrency_limit{upstream="pay"}'] == 6
