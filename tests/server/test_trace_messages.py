"""The messages of spans, and the exporters that are to take them as they are."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.exporter.otlp.proto.http import trace_exporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode

from aggregator.causes import State
from aggregator.errors import StartupError
from aggregator.plan.telemetry import TracesPlan
from aggregator.server.traces.exporting import TraceSender
from aggregator.server.traces.otlp import build_maker
from aggregator.server.traces.snapshots import PartSnapshot, Snapshot
from aggregator.telemetry.traces.trace import CallSpan, Server, Trace

TRACE, SPAN, CALL = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", "00f067aa0ba902b7"
PLAN = TracesPlan("http://collector.test/v1/traces", service="shop")


def request(trace: Trace, *parts: PartSnapshot, status: int = 200) -> Snapshot:
    """Return a request of *trace* with *parts*, from the second 1.0 to 2.0."""
    return Snapshot("GET /x", "GET", "answered", status, "", False, 1.0, 2.0, 5, trace, parts, 0.0, 0)


def part(**values: Any) -> PartSnapshot:
    """Return a part that has *values*."""
    usual = {"name": "user", "state": State.OK, "cause": "", "attempts": 1, "started": 1.0, "ended": 1.5, "age": None}
    return PartSnapshot(**{**usual, "inside": (), **values})


def message(*requests: Snapshot) -> Any:
    """Return the message of *requests*."""
    return build_maker(PLAN, frozenset()).batch(requests).message


def spans(*requests: Snapshot) -> Any:
    """Return the spans of *requests*."""
    (resource,) = message(*requests).resource_spans
    (scope,) = resource.scope_spans
    return scope.spans


def test_a_message_is_the_one_that_opentelemetry_makes_of_these_spans():
    """Resource, scope, ids, kinds, times, status, flags and attributes: each as its own encoder has it."""
    call = CallSpan(CALL, "user", "up", "GET", b"/users/1?a=b", 1.25, Server("https", "api.test", 443))
    call.ended, call.status, call.state, call.cause = 1.5, 503, "failed", "status"
    trace = Trace(TRACE, SPAN, True, parent=CALL, calls=[call], path="/x", scheme="http", host="a.test:8080")
    own, caller = (SpanContext(int(TRACE, 16), int(one, 16), is_remote=one == CALL) for one in (SPAN, CALL))
    made = message(request(trace, status=502))
    told = {one.key: one.value.string_value for one in made.resource_spans[0].resource.attributes}
    assert told["service.name"] == "shop"
    about = {
        "http.request.method": "GET", "http.route": "/x", "http.response.status_code": 502, "http.response.body.size": 5,
        "url.path": "/x", "url.scheme": "http", "server.address": "a.test", "server.port": 8080, "error.type": "502",
    }  # fmt: skip
    called = {
        "http.request.method": "GET", "url.path": "/users/1", "aggregator.upstream": "up",
        "aggregator.state": "failed", "server.address": "api.test", "server.port": 443,
        "url.full": "https://api.test/users/1", "http.response.status_code": 503, "error.type": "503",
    }  # fmt: skip
    same: dict[str, Any] = {
        "resource": Resource(told), "instrumentation_scope": InstrumentationScope("aggregator"),
        "status": Status(StatusCode.ERROR),
    }  # fmt: skip
    expected = encode_spans([
        ReadableSpan("GET /x", own, caller, attributes=about, kind=SpanKind.SERVER,
                     start_time=10**9, end_time=2 * 10**9, **same),
        ReadableSpan("GET", SpanContext(int(TRACE, 16), int(CALL, 16), is_remote=False), own, attributes=called,
                     kind=SpanKind.CLIENT, start_time=1_250_000_000, end_time=1_500_000_000, **same),
    ])  # fmt: skip
    assert made == expected


@pytest.mark.parametrize(
    ("host", "address", "port"),
    [("a.test", "a.test", 80), ("A.test:8443", "a.test", 8443), ("[::1]:9", "::1", 9), ("192.0.2.1", "192.0.2.1", 80)],
)
def test_the_address_of_a_server_is_apart_from_its_port(host, address, port):
    """The port of the scheme is told, too, where a client has left it out."""
    (span,) = spans(request(Trace(TRACE, SPAN, True, scheme="http", host=host)))
    about = {one.key: one.value for one in span.attributes}
    assert (about["server.address"].string_value, about["server.port"].int_value) == (address, port)


@pytest.mark.parametrize(
    ("server", "full"),
    [
        (Server("http", "a.test", 80), "http://a.test/x"), (Server("http", "::1", 8080), "http://[::1]:8080/x"),
        (Server("https", "a.test", 8443), "https://a.test:8443/x"), (Server("nats", "a.test", 4222), None), (None, None),
    ],
)  # fmt: skip
def test_a_call_says_where_it_went(server, full):
    """The whole URL of HTTP, without the query; nothing where it went to no address."""
    trace = Trace(TRACE, SPAN, True, calls=[CallSpan(CALL, "user", "up", "GET", b"/x?a=b", 1.0, server)])
    about = {one.key: one.value.string_value for one in spans(request(trace))[1].attributes}
    assert about.get("url.full") == full
    assert about.get("server.address") == (None if server is None else server[1])


@pytest.mark.parametrize(
    ("values", "events"),
    [
        ({}, []),
        ({"age": 2.5}, [("cache_hit", 2.5)]),
        ({"age": 2.5, "state": State.STALE}, [("stale", 2.5)]),
        ({"cause": "breaker_open", "state": State.FAILED}, [("breaker_open", None)]),
    ],
)
def test_events_of_a_part(values, events):
    """What was kept is told with its age in seconds, a breaker by its name; a usual part has no event."""
    found = spans(request(Trace(TRACE, SPAN, True), part(**values)))[1].events
    ages = [one.attributes[0].value.double_value if one.attributes else None for one in found]
    assert list(zip([one.name for one in found], ages, strict=True)) == events


def test_a_text_that_no_message_can_hold_is_left_out():
    """Half a surrogate pair in a path costs the path alone."""
    odd, well = spans(request(Trace(TRACE, SPAN, True, path="/\ud800")), request(Trace(TRACE, SPAN, True, path="/x")))
    keys = [one.key for one in well.attributes]
    assert [one.key for one in odd.attributes] == [key for key in keys if key != "url.path"]


def test_an_empty_message_has_no_spans_of_others():
    """What was made for one batch is not in the next."""
    maker = build_maker(PLAN, frozenset())
    first, second = (maker.batch([request(Trace(TRACE, SPAN, True))]) for _ in range(2))
    assert (len(first), len(second)) == (1, 1)


def test_an_exporter_that_cannot_take_messages_is_refused_at_the_start(monkeypatch):
    """Else every batch would be lost, one after the other."""
    unknown = type("OTLPSpanExporter", (), {"__module__": trace_exporter.__name__})
    monkeypatch.setattr(trace_exporter, "OTLPSpanExporter", unknown)
    with pytest.raises(
        StartupError,
        match=r"this version of opentelemetry-exporter-otlp-proto-http is not known: install .+==1\.45\.\*\.$",
    ):
        TraceSender(PLAN).prepare()
