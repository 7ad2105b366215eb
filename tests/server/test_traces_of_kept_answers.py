"""A trace says that an answer, or the value of a part, was found in a cache, and how old it was."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

from aggregator.exchange import Exchange
from aggregator.parts.events import RequestEnded
from aggregator.plan.telemetry import TracesPlan
from aggregator.runtime.answers.answer import Answer
from aggregator.runtime.keeping.variants import KeptVariants
from aggregator.server.traces.otlp import build_maker
from aggregator.server.traces.snapshots import snapshot
from aggregator.telemetry.traces.trace import Trace

from .conftest import reply_of

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


def events_of(span: Any) -> list[tuple[str, dict[str, float]]]:
    """Return the events of *span*, each with its attributes."""
    return [
        (event.name, {one.key: one.value.int_value or one.value.double_value for one in event.attributes})
        for event in span.events
    ]


@pytest.mark.parametrize(
    ("is_ours", "status", "age", "events"),
    [
        (True, b"aggregator; hit; ttl=50", b"10", [("cache_hit", {"aggregator.age": 10})]),
        (True, b"aggregator; hit; ttl=0", b"0", [("cache_hit", {"aggregator.age": 0})]),
        (True, b"aggregator; hit; ttl=-3", b"63", [("stale", {"aggregator.age": 63})]),
        (False, b"aggregator; hit; ttl=50", b"10", []),
        (False, b"aggregator; hit; ttl=50", b"ten", []),
        (False, b"aggregator; fwd=uri-miss; stored", b"0", []),
        (True, b"aggregator; hit; ttl=9, aggregator; fwd=uri-miss; stored", b"ten", []),
    ],
)
def test_the_answer_that_a_cache_had(is_ours: bool, status: bytes, age: bytes, events: list[Any]) -> None:
    """The event is that of the request; an answer that was made has none, whatever an aggregator further in said."""
    answer = Answer(200, [(b"age", age), (b"cache-status", status)], b"")
    if is_ours:
        entry: Any = None
        answer.variants = KeptVariants(entry, b"", entry)
    exchange = Exchange("GET", "/x", b"", [])
    exchange.trace = Trace(TRACE, SPAN, True)
    ended = RequestEnded("GET /x", "r", "GET", "answered", 200, None, False, 1.0, 2.0, exchange=exchange, answer=answer)
    plan = TracesPlan("http://collector.test/v1/traces", service="shop")
    message = build_maker(plan, frozenset()).batch([snapshot(ended, 0.0)]).message
    (span,) = message.resource_spans[0].scope_spans[0].spans
    assert events_of(span) == events
    assert [event.time_unix_nano for event in span.events] == [2 * 10**9] * len(events)


@pytest.mark.parametrize(("status", "cache"), [(200, "1m"), (404, "{ttl: {404: 1m}}")])
def test_the_second_of_two_equal_requests(stage: Any, status: int, cache: str) -> None:
    """It is answered from the cache of the endpoint, and asks no upstream: an answer, and a failure told again."""
    collector, upstream = stage.upstream(), stage.upstream()
    collector["/v1/traces"], upstream["/a"] = reply_of({}), reply_of({"a": 1}, status)
    gateway = stage.gateway(
        f'telemetry: {{traces: {{otlp: "{collector.url}", sample: 100%}}}}\nupstreams: {{up: {{url: "${{UP}}"}}}}\n'
        f'endpoints:\n  GET /a: {{call: "up:/a", cache: {cache}}}\n',
        upstream,
    )
    assert [gateway.get("/a").status for _ in range(2)] == [status, status]
    gateway.stop()
    assert len(upstream.requests) == 1
    spans = []
    for request in collector.requests:
        message = trace_service_pb2.ExportTraceServiceRequest()
        message.ParseFromString(request.body)
        spans += message.resource_spans[0].scope_spans[0].spans
    told = [events_of(span) for span in spans if span.name == "GET /a"]
    assert told == [[], [("cache_hit", {"aggregator.age": 0})]]
