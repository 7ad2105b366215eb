"""What the server counts: requests, parts, calls and itself, by names of the file and by nothing of a client."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_open
from prometheus_client.parser import text_string_to_metric_families as parse_plain

from aggregator.plan.telemetry import SloPlan
from aggregator.server.metrics import page
from aggregator.server.metrics.sampling import BACKGROUND_STATES
from aggregator.server.metrics.series import EndpointSeries
from aggregator.telemetry.metrics.families import FAMILIES

from .conftest import reply_of

ADMIN = 'server: {admin: "127.0.0.1:0"}\n'
METRICS = "telemetry: {metrics: {buckets: [1ms, 10s]}}\n"
ENDPOINTS = """
upstreams: {up: {url: "demo://users"}}
endpoints:
  GET /users/{id}: {call: "up:/users/{id}"}
  GET /both: {fan_out: {a: "up:/users/1", b: {url: "up:/nowhere", optional: true}}}
"""

Samples = dict[tuple[str, str], float]


def scraped(text: str) -> Samples:
    """Return the samples of a scrape by name and labels, written as JSON of the labels' values in their order."""
    return {
        (sample.name, json.dumps(list(sample.labels.values()))): sample.value
        for metric in parse_plain(text)
        for sample in metric.samples
    }


def values(samples: Samples, name: str, *labels: str) -> float:
    """Return the sample *name* with these values of *labels*."""
    return samples[name, json.dumps(list(labels))]


@pytest.fixture
def counted(stage: Any) -> Any:
    """A server that counts, in front of the demo upstream."""
    return stage.gateway(METRICS + ENDPOINTS)


def test_requests_are_counted_by_endpoint_and_class(counted):
    """The path of a request is in no label: the endpoint is its key in the file."""
    for number in (1, 2, 3):
        counted.get(f"/users/{number}")
    counted.get("/users/999999")
    samples = scraped(counted.get("/metrics").body.decode())
    assert values(samples, "aggregator_requests_total", "GET /users/{id}", "2xx") == 3
    assert values(samples, "aggregator_requests_total", "GET /users/{id}", "4xx") == 1
    assert values(samples, "aggregator_request_duration_seconds_count", "GET /users/{id}", "2xx") == 3
    assert values(samples, "aggregator_response_size_bytes_count", "GET /users/{id}") == 4


def test_an_answer_is_bad_once():
    """By `partial: bad`, what is late or a 5xx besides is not bad for its missing part: rules would take it off twice."""
    series = EndpointSeries("GET /x", (1.0,), (), SloPlan(0.99, 1.0, partial_is_bad=True))
    for status, seconds in ((200, 0.5), (404, 1.0), (200, 1.5), (502, 0.5)):
        series.add_partial(status, seconds)
    assert (series.partial, series.spoilt) == (4, 2)


def test_answers_that_should_have_been_whole_are_counted(stage):
    """Where the file says `partial: bad`, for the rules of `aggregator monitoring`; elsewhere there is no series."""
    whole = '  GET /whole: {slo: {objective: 99%, partial: bad, latency: 10s}, fan_out: {b: {url: "up:/no", optional: true}}}'
    gateway = stage.gateway(METRICS + ENDPOINTS + whole)
    for path in ("/whole", "/both"):
        gateway.get(path)
    samples = scraped(gateway.get("/metrics").body.decode())
    told = {
        labels: value for (name, labels), value in samples.items() if name == "aggregator_slo_partial_answers_total"
    }
    assert told == {'["GET /whole"]': 1}


def test_parts_and_calls_are_counted_by_what_became_of_them(counted):
    """A part that was replaced tells why; its upstream tells what it answered."""
    counted.get("/both")
    samples = scraped(counted.get("/metrics").body.decode())
    assert values(samples, "aggregator_parts_total", "GET /both", "a", "ok", "") == 1
    assert values(samples, "aggregator_parts_total", "GET /both", "b", "default", "status") == 1
    assert values(samples, "aggregator_partial_answers_total", "GET /both") == 1
    assert values(samples, "aggregator_attempts_total", "up", "2xx", "") == 1
    assert values(samples, "aggregator_attempts_total", "up", "4xx", "status") == 1
    assert values(samples, "aggregator_upstream_connect_seconds_count", "up") >= 1


def test_a_call_that_was_never_sent_took_no_time(stage):
    """An open breaker counts, and does not make its upstream look fast."""
    gateway = stage.gateway(METRICS + """
upstreams: {up: {url: "http://127.0.0.1:1", breaker: {failures: 1, pause: 60s}}}
endpoints: {GET /x: {call: "up:/x"}}
""")  # fmt: skip
    for _ in range(3):
        gateway.get("/x")
    samples = scraped(gateway.get("/metrics").body.decode())
    assert values(samples, "aggregator_attempts_total", "up", "", "breaker_open") == 2
    assert values(samples, "aggregator_attempt_duration_seconds_count", "up") == 1


def test_policies_tell_what_they_know(stage):
    """Breaker, places and cache of an upstream, by its name; nothing of upstreams without them."""
    gateway = stage.gateway(METRICS + """
upstreams:
  up: {url: "demo://users", breaker: {failures: 3, pause: 60s}, concurrency: 7, cache: {ttl: 60s}}
  plain: {url: "demo://users"}
endpoints:
  GET /users/{id}: {call: "up:/users/{id}"}
  GET /plain: {call: "plain:/users/1"}
""")  # fmt: skip
    for target in ("/users/1", "/users/1", "/plain"):
        gateway.get(target)
    samples = scraped(gateway.get("/metrics").body.decode())
    assert values(samples, "aggregator_breaker_open", "up") == 0
    assert values(samples, "aggregator_concurrency_limit", "up") == 7
    assert values(samples, "aggregator_cache_lookups_total", "up", "hit") == 1
    assert values(samples, "aggregator_cache_lookups_total", "up", "miss") == 1
    assert values(samples, "aggregator_cache_size_bytes", "up") > 100
    assert not any('"plain"' in labels for name, labels in samples if "breaker" in name or "cache" in name)
    gateway.reload(
        gateway.path.read_text().replace("demo://users", "http://127.0.0.1:1").replace("ttl: 60s", "ttl: 1s")
    )
    for number in range(4):
        gateway.get(f"/users/{number}")
    samples = scraped(gateway.get("/metrics").body.decode())
    assert values(samples, "aggregator_breaker_open", "up") == 1


def test_an_upstream_whose_other_hosts_take_calls_is_not_kept_away(stage):
    """Its gauge is 1 when the breakers of all hosts are open, whichever of them was called first."""
    gateway = stage.gateway(METRICS + """
upstreams:
  up:
    hosts: [{url: "http://127.0.0.1:1"}, {url: "http://127.0.0.1:2", priority: 2}]
    breaker: {failures: 1, pause: 60s, per: host}
endpoints: {GET /x: {call: "up:/x"}}
""")  # fmt: skip
    found = []
    for _ in range(3):
        found.append(values(scraped(gateway.get("/metrics").body.decode()), "aggregator_breaker_open", "up"))
        gateway.get("/x")
    assert found == [0, 0, 1]


def test_every_series_is_there_from_the_beginning(counted):
    """At zero, so that the first failure is a rise; requests add none but those that met no endpoint."""
    before = scraped(counted.get("/metrics").body.decode())
    assert values(before, "aggregator_parts_total", "GET /both", "b", "default", "read_timeout") == 0
    assert values(before, "aggregator_requests_total", "GET /both", "5xx") == 0
    for number in range(50):
        counted.get(f"/random-{number}")
        counted.ask(f"M{number}X", "/users/1")
    counted.get("/both")
    after = scraped(counted.get("/metrics").body.decode())
    assert set(after) == set(before)
    assert values(after, "aggregator_requests_total", "", "4xx") == 100


def test_both_formats_hold_every_family(counted):
    """Each metric of the reference is there, in the format that the scraper asks for."""
    for accept, parse in (("text/plain", parse_plain), ("application/openmetrics-text", parse_open)):
        reply = counted.get("/metrics", f"accept: {accept}")
        assert (reply["content-type"] or "").startswith(accept)
        names = {metric.name for metric in parse(reply.body.decode())}
        assert names >= {family.name for family in FAMILIES if family.kind != "info"}


def test_numbers_go_on_over_a_reload_and_end_with_their_endpoint(counted):
    """What stays goes on, what is new begins at zero, what is gone is told no more."""
    counted.get("/users/1")
    fresh = ENDPOINTS.partition("  GET /both")[0] + "  GET /new: {respond: {body: 1}}\n"
    counted.reload(METRICS + fresh)
    counted.get("/users/1")
    samples = scraped(counted.get("/metrics").body.decode())
    assert values(samples, "aggregator_requests_total", "GET /users/{id}", "2xx") == 2
    assert values(samples, "aggregator_requests_total", "GET /new", "2xx") == 0
    assert values(samples, "aggregator_reloads_total", "applied") == 1
    assert not any("GET /both" in labels for _, labels in samples)


def test_parts_go_on_over_a_reload(counted):
    """A part that stays as it is counts on, and one that is new begins at zero."""
    counted.get("/both")
    counted.reload(
        METRICS + ENDPOINTS.replace('b: {url: "up:/nowhere", optional: true}', "b: up:/users/2, c: up:/users/3")
    )
    counted.get("/both")
    samples = scraped(counted.get("/metrics").body.decode())
    counts = [values(samples, "aggregator_parts_total", "GET /both", part, "ok", "") for part in "abc"]
    assert counts == [2, 1, 1]


def test_the_calls_of_an_upstream_go_on_over_a_reload(counted):
    """What calls it after a save counts on where what called it before has ended."""
    counted.get("/users/1")
    text = counted.path.read_text()
    counted.reload(text.replace("GET /users/", "GET /people/"))
    counted.get("/people/1")
    samples = scraped(counted.get("/metrics").body.decode())
    assert values(samples, "aggregator_attempts_total", "up", "2xx", "") == 2
    assert values(samples, "aggregator_attempt_duration_seconds_count", "up") == 2


def test_nothing_is_counted_unless_declared(stage):
    """`/metrics` is a path like others then, and calls are told to nobody."""
    gateway = stage.gateway("endpoints: {GET /metrics: {respond: {body: mine}}}")
    assert gateway.get("/metrics").json == "mine"
    assert gateway.app.running.metrics is None


def test_with_an_admin_address_clients_cannot_read_them(stage):
    """They are there and nowhere else; counting begins with the save that declares it."""
    gateway = stage.gateway(ADMIN + "endpoints: {GET /n: {respond: {body: 1}}}")
    gateway.reload(ADMIN + METRICS + "endpoints: {GET /n: {respond: {body: 1}}}")
    gateway.get("/n")
    assert gateway.get("/metrics").status == 404
    with stage.wire(gateway.admin) as wire:
        reply = wire.send(b"GET /metrics HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n").reply()
    assert values(scraped(reply.body.decode()), "aggregator_requests_total", "GET /n", "2xx") == 1


def test_background_calls_are_counted_by_name(stage):
    """Each that the file names is there at zero, and tells what became of it."""
    text = (
        METRICS
        + ENDPOINTS
        + """
  GET /told: {respond: {body: 1}, background: [{name: audit, url: "up:/users/1"}, {name: mail, url: "up:/nowhere"}]}
"""
    )
    gateway = stage.gateway(text)

    def ends() -> dict[tuple[str, str], float]:
        samples = scraped(gateway.get("/metrics").body.decode())
        named = {key: value for key, value in samples.items() if key[0] == "aggregator_background_calls_total"}
        return {tuple(json.loads(labels)): value for (_, labels), value in named.items()}

    assert ends() == {(call, state): 0 for call in ("audit", "mail") for state in BACKGROUND_STATES}
    gateway.get("/told")
    stage.until(lambda: sum(ends().values()) == 2)
    assert {labels for labels, value in ends().items() if value} == {("audit", "done"), ("mail", "failed")}


def test_exemplars_lead_to_traces(stage):
    """In OpenMetrics, the bucket of a request that is told has its trace; nothing of it is in the plain format."""
    collector = stage.upstream()
    collector["/v1/traces"] = reply_of({})
    text = METRICS.replace("telemetry: {", f'telemetry: {{traces: {{otlp: "{collector.url}", sample: 100%}}, ')
    gateway = stage.gateway(text + ENDPOINTS)
    gateway.get("/users/1")
    page = gateway.get("/metrics", "accept: application/openmetrics-text").body.decode()
    found = [
        sample.exemplar
        for metric in parse_open(page)
        for sample in metric.samples
        if sample.exemplar and sample.name == "aggregator_request_duration_seconds_bucket"
    ]
    assert [(list(one.labels), len(one.labels["trace_id"])) for one in found] == [(["trace_id"], 32)]
    assert "trace_id" not in gateway.get("/metrics").body.decode()


def test_requests_are_served_while_a_long_page_is_written(monkeypatch):
    """Between two pieces the event loop has its turn, and no piece is longer than a moment."""
    labels = [(f'endpoint="GET /{number}"', number) for number in range(20_000)]
    monkeypatch.setattr(page, "sample_all", lambda running, counts: iter([(FAMILIES[0], labels)]))
    turns: list[int] = []

    async def main() -> list[bytes]:
        async def watch() -> None:
            while True:
                turns.append(1)
                await asyncio.sleep(0)

        watching = asyncio.create_task(watch())
        answer = await page.metrics_answer(SimpleNamespace(metrics=object()), "")
        watching.cancel()
        return answer.pieces

    pieces = asyncio.run(main())
    assert len(turns) >= len(pieces) - 1 > 10
    assert max(map(len, pieces)) < 64 * 1024
    assert b"".join(pieces).count(b"\n") == 20_002
