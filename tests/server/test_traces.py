"""Traces: what a collector is told, decoded by OpenTelemetry's own messages, and what upstreams and the log hear."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from concurrent import futures
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from tiers import other_cell

from aggregator.config.loading import load_config
from aggregator.config.model.telemetry import collector as collectors
from aggregator.config.model.telemetry.traces import TracesSettings
from aggregator.errors import ConfigError, StartupError
from aggregator.exchange import Exchange
from aggregator.parts.events import RequestEnded
from aggregator.plan.compiling.telemetry import compile_traces
from aggregator.plan.telemetry import TracesPlan
from aggregator.runtime.observing import tracing
from aggregator.server.traces import exporting
from aggregator.server.traces.exporting import BATCH, BATCH_BYTES, MOST, MOST_BYTES, TraceSender
from aggregator.telemetry.traces.trace import CallSpan, Trace, new_span

from .conftest import reply_of

TRACE, SPAN = "12345678901234567890123456789012", "1234567890123456"
PARENT = f"traceparent: 00-{TRACE}-{SPAN}-01"
ENDPOINTS = """
upstreams: {up: {url: "${UP}"}}
endpoints:
  GET /users/{id}: {call: "up:/users/{id}"}
  GET /page:
    fan_out:
      user: up:/users/1
      ads: {url: "up:/ads", optional: true, retry: 1}
"""


@pytest.fixture
def collector(stage):
    """Takes traces by HTTP."""
    found = stage.upstream()
    found["/v1/traces"] = reply_of({})
    return found


@pytest.fixture
def upstream(stage):
    """Knows one user and no ads."""
    found = stage.upstream()
    found["/users/1"] = reply_of({"id": 1})
    found["/ads"] = reply_of({}, 503)
    return found


def spans_in(messages: list[bytes]) -> list[Any]:
    """Return the spans in *messages*, and see that they are of the service."""
    found = []
    for message in messages:
        request = trace_service_pb2.ExportTraceServiceRequest()
        request.ParseFromString(message)
        for resource in request.resource_spans:
            about = {one.key: one.value.string_value for one in resource.resource.attributes}
            assert about["service.name"] == "shop"
            found += [span for scope in resource.scope_spans for span in scope.spans]
    return found


def told(stage: Any, collector: Any, number: int) -> dict[str, Any]:
    """Return the first *number* spans that *collector* has been told of, by name."""

    def spans() -> list[Any]:
        return spans_in([request.body for request in collector.requests])

    stage.until(lambda: len(spans()) >= number)
    return {span.name: span for span in spans()}


def about(span: Any) -> dict[str, Any]:
    """Return the attributes of *span*."""
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in span.attributes}


def settings(collector: Any, more: str = "", sample: str = "100%") -> str:
    """Return the section of traces."""
    return f'telemetry: {{traces: {{otlp: "{collector.url}", service: shop, sample: {sample}{more}}}}}\n'


@pytest.mark.parametrize("door", ["direct", other_cell("asgi")])
def test_spans_of_a_request_its_parts_and_its_calls(stage, collector, upstream, door):
    """A server span with the route, a span for each part and for each attempt, which the upstream was told as parent."""
    gateway = stage.gateway(settings(collector) + ENDPOINTS, upstream, door=door)
    assert gateway.get("/page?token=hidden").status == 200
    spans_by_name = told(stage, collector, 6)
    server, user, ads = (spans_by_name[name] for name in ("GET /page", "user", "ads"))
    calls = [span for span in spans_in([one.body for one in collector.requests]) if span.name == "GET"]
    assert about(server) == {
        "http.request.method": "GET", "http.route": "/page", "http.response.status_code": 200, "url.path": "/page",
        "url.scheme": "http", "server.address": "gateway", "server.port": 80, "aggregator.partial": True,
        "http.response.body.size": about(server)["http.response.body.size"],
    }  # fmt: skip
    assert (server.kind, server.parent_span_id, server.status.code) == (2, b"", 0)
    assert {user.parent_span_id, ads.parent_span_id} == {server.span_id}
    assert about(ads)["aggregator.state"] == "default"
    assert [(event.name, about(event)) for event in ads.events] == [("retry", {"aggregator.attempt": 2})]
    assert len({span.trace_id for span in (server, user, ads, *calls)}) == 1
    parents = {user.span_id: 1, ads.span_id: 2}
    assert {parent: sum(call.parent_span_id == parent for call in calls) for parent in parents} == parents
    sent = {request["traceparent"] for request in upstream.requests}
    assert sent == {f"00-{server.trace_id.hex()}-{call.span_id.hex()}-01" for call in calls}
    failed = [about(call) for call in calls if call.parent_span_id == ads.span_id]
    assert [(one["http.response.status_code"], one["error.type"], one["url.path"]) for one in failed] == [
        (503, "503", "/ads")
    ] * 2
    assert {one["url.full"] for one in failed} == {f"{upstream.url}/ads"}
    assert all(span.start_time_unix_nano <= span.end_time_unix_nano for span in calls)
    assert b"hidden" not in b"".join(request.body for request in collector.requests)


def test_unsampled_requests_are_passed_on_as_such(stage, collector, upstream):
    """Flags 00, and the collector hears nothing."""
    gateway = stage.gateway(settings(collector, sample="0.0000001%") + ENDPOINTS, upstream)
    gateway.get("/users/1")
    assert upstream.last["traceparent"].endswith("-00")
    gateway.stop()
    assert collector.requests == []


@pytest.mark.parametrize(
    ("parent", "continued"), [("false", False), ("true", True), ("[127.0.0.1]", True), ("[10.0.0.0/8]", False)]
)
def test_whose_trace_is_continued(stage, collector, upstream, parent, continued):
    """By default nobody's: clients choose neither ids nor what is told. The state and the decision go with a parent's."""
    gateway = stage.gateway(settings(collector, f", parent: {parent}", "0.0000001%") + ENDPOINTS, upstream)
    gateway.get("/users/1", PARENT, "tracestate: foo=1", "baggage: secret=1")
    sent = upstream.last
    assert (TRACE in sent["traceparent"], sent["tracestate"] == "foo=1") == (continued, continued)
    assert sent["baggage"] is None
    gateway.stop()
    spans = spans_in([request.body for request in collector.requests])
    assert [span.parent_span_id.hex() for span in spans if span.kind == 2] == ([SPAN] if continued else [])


def test_other_ways_to_pass_a_context_on(stage, collector, upstream):
    """B3 and baggage, where they are declared; what a client sent is not beside them."""
    more = ", parent: true, propagate: [tracecontext, b3, baggage]"
    text = settings(collector, more) + ENDPOINTS.replace(
        '{call: "up:/users/{id}"}', '{call: {url: "up:/users/{id}", forward: {headers: all}}}'
    )
    gateway = stage.gateway(text, upstream)
    gateway.get("/users/1", PARENT, "b3: 0", "baggage: tenant=blue")
    sent = upstream.last
    assert [name.lower() for name, _ in sent.headers].count("traceparent") == 1
    assert sent["b3"].startswith(f"{TRACE}-")
    assert sent["baggage"] == "tenant=blue"
    assert sent["traceparent"] == f"00-{TRACE}-{sent['b3'].split('-')[1]}-01"


@pytest.mark.parametrize("sample", ["100%", "0.0000001%"])
@pytest.mark.parametrize("value", ["00-1-2-00", "{{ request.id }}"])
def test_a_declared_context_gives_way(stage, collector, upstream, value, sample):
    """A file that writes one of the fields itself gets one context all the same: ours. So do calls that are alike."""
    headers = f"headers: {{Traceparent: '{value}', x-a: b}}"
    endpoints = f"""
upstreams: {{up: {{url: "${{UP}}"}}}}
endpoints:
  GET /page:
    fan_out:
      user: {{url: "up:/users/1", {headers}}}
      same: {{url: "up:/users/1?again", {headers}}}
"""
    gateway = stage.gateway(settings(collector, sample=sample) + endpoints, upstream)
    assert gateway.get("/page").status == 200
    for request in upstream.requests:
        sent = [value for name, value in request.headers if name.lower() == "traceparent"]
        assert [len(one) for one in sent] == [len("00-") + 32 + 1 + 16 + len("-01")]
        assert request["x-a"] == "b"


def test_without_a_collector_contexts_are_passed_on(stage, upstream):
    """`otlp` that is empty is off, and needs no package."""
    gateway = stage.gateway('telemetry: {traces: {otlp: "", parent: true}}\n' + ENDPOINTS, upstream)
    gateway.get("/users/1", PARENT)
    assert upstream.last["traceparent"].startswith(f"00-{TRACE}-")
    assert gateway.app.running.observers.traces is None


def test_without_traces_nothing_is_added(stage, upstream):
    """No header goes upstream that nobody declared."""
    stage.gateway(ENDPOINTS, upstream).get("/users/1", PARENT)
    assert upstream.last["traceparent"] is None


def test_log_lines_carry_the_ids(stage, collector, upstream):
    """Those of the server span, by which a line leads to the trace."""
    log = settings(collector).replace("telemetry: {", "telemetry: {log: {access: all}, ")
    gateway = stage.gateway(log + ENDPOINTS, upstream)
    gateway.get("/users/1")
    server = told(stage, collector, 2)["GET /users/{id}"]
    (line,) = gateway.said("Answered.")
    assert (line["trace_id"], line["span_id"]) == (server.trace_id.hex(), server.span_id.hex())


def test_a_streamed_answer_has_its_spans(stage, collector, upstream):
    """The call is told with its status; it ends with the answer."""
    text = settings(collector) + ENDPOINTS.replace('{call: "up:/users/{id}"}', '{call: "up:/users/{id}", stream: true}')
    stage.gateway(text, upstream).get("/users/1")
    found = told(stage, collector, 2)
    assert about(found["GET"])["http.response.status_code"] == 200
    assert upstream.last["traceparent"].split("-")[2] == found["GET"].span_id.hex()


def test_a_reload_changes_who_is_told(stage, collector, upstream):
    """What was declared before is sent, and the new collector hears the rest."""
    gateway = stage.gateway(settings(collector) + ENDPOINTS, upstream)
    gateway.get("/users/1")
    other = stage.upstream()
    other["/v1/traces"] = reply_of({})
    gateway.reload(settings(other).replace("100%", "99.9999%") + ENDPOINTS.replace("${UP}", upstream.url))
    gateway.get("/users/1")
    assert told(stage, collector, 2)
    assert told(stage, other, 2)


class GrpcCollector(trace_service_pb2_grpc.TraceServiceServicer):
    """Takes traces by gRPC."""

    def __init__(self) -> None:
        self.messages: list[bytes] = []
        self.heard = threading.Event()

    def Export(self, request: Any, context: Any) -> Any:
        self.messages.append(request.SerializeToString())
        self.keys = dict(context.invocation_metadata()).get("x-key")
        self.heard.set()
        return trace_service_pb2.ExportTraceServiceResponse()


def test_traces_by_grpc(stage, upstream):
    """The same spans, with the headers for the collector."""
    server = grpc.server(futures.ThreadPoolExecutor(2))
    collector = GrpcCollector()
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(collector, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        more = f'otlp: "http://127.0.0.1:{port}", protocol: grpc, headers: {{x-key: "${{KEY}}"}}'
        text = f"telemetry: {{traces: {{{more}, service: shop, sample: 100%}}}}\n{ENDPOINTS}"
        stage.gateway(text, upstream, env={"KEY": "for-the-collector"}).get("/users/1")
        assert collector.heard.wait(60)
        assert {span.name for span in spans_in(collector.messages)} == {"GET /users/{id}", "call", "GET"}
        assert collector.keys == "for-the-collector"
    finally:
        server.stop(None).wait()


class Exporter:
    """Takes nothing, or waits until it is told to try no more."""

    def __init__(self, *, hangs: bool) -> None:
        self._hangs = hangs
        self.begun, self.over = threading.Event(), threading.Event()

    def export(self, batch: Any) -> None:
        self.begun.set()
        if self._hangs:
            self.over.wait(60)

    def shutdown(self) -> None:
        self.over.set()


class Maker:
    """Makes no spans."""

    def batch(self, requests: list[Any]) -> list[Any]:
        return []


def ended(target: bytes = b"", **said: Any) -> RequestEnded:
    """Return a request whose trace is told and has what is *said*, with a call of *target*, if it is given."""
    trace = Trace(TRACE, new_span(), True)
    trace.is_told = True
    for name, value in said.items():
        setattr(trace, name, value)
    trace.calls = [CallSpan(SPAN, "call", "up", "GET", target, 0.0)] if target else []
    exchange = Exchange("GET", "/x", b"", [])
    exchange.trace = trace
    return RequestEnded("GET /x", "id", "GET", "answered", 200, None, False, 0.0, 0.0, exchange=exchange)


def sender_of(exporter: Exporter) -> TraceSender:
    """Return what sends through *exporter*."""
    return TraceSender(TracesPlan("http://collector.test"), build=lambda plan, secrets: (exporter, Maker()))


async def hear(sender: TraceSender, count: int, **said: Any) -> None:
    """Let *sender* hear of requests that have ended, each with what is *said*."""
    for _ in range(count):
        sender.request(ended(**said))


def test_a_collector_that_takes_nothing_costs_counted_losses(caplog):
    """They are logged once, and what waits is bounded."""
    sender = sender_of(Exporter(hangs=False))
    asyncio.run(hear(sender, MOST + 5))
    assert sender.lost == 5
    sender.start()
    sender.close(60)
    assert (sender.sent, sender.lost) == (0, MOST + 5)
    assert [record.getMessage() for record in caplog.records] == ["Traces were lost: the collector did not take them."]


@pytest.mark.parametrize(
    "said", [{"target": b"/" + 65_000 * b"x"}, {"path": "/" + 65_000 * "x"}, {"host": 65_000 * "x"},
             {"path": "/" + 16_250 * "\U0001f600"}, {"hidden": (32_500 * "x", 32_500 * "y")},
             {"state": 65_000 * b"x"}, {"baggage": 65_000 * b"x"}],
)  # fmt: skip
def test_what_waits_is_bounded_in_bytes(said):
    """Whatever a client makes long waits in no greater number than fits, and is sent in batches that a collector takes."""
    batches: list[int] = []
    exporter, size = Exporter(hangs=False), 65_000
    exporter.export = lambda batch: batches.append(len(batch))
    maker = SimpleNamespace(batch=list)
    sender = TraceSender(TracesPlan("http://collector.test"), build=lambda plan, secrets: (exporter, maker))
    asyncio.run(hear(sender, 300, **said))
    waiting = 300 - sender.lost
    assert MOST_BYTES * 0.9 < waiting * size < MOST_BYTES + size
    sender.start()
    sender.close(60)
    assert sum(batches) == waiting
    assert max(batches) * size < BATCH_BYTES + size


def test_an_exporter_that_cannot_be_made_is_told():
    """The server does not start with it, nor does a reload bring it; its libraries are loaded before anybody is served."""

    def build(plan, secrets):
        raise ValueError("no such scheme")

    with pytest.raises(StartupError, match=r"Traces cannot be told to http://collector\.test: no such scheme\."):
        TraceSender(TracesPlan("http://collector.test"), build=build).prepare()


def test_a_collector_that_hangs_delays_no_stop():
    """What is under way is given up; requests that come later are lost."""
    exporter = Exporter(hangs=True)
    sender = sender_of(exporter)
    asyncio.run(hear(sender, 1))
    sender.start()
    assert exporter.begun.wait(60)
    sender.close(0)
    assert exporter.over.is_set()
    asyncio.run(hear(sender, 1))
    assert sender.lost >= 1


def test_a_missing_exporter_is_said(tmp_path, monkeypatch):
    """Before anything is served, with what to install."""
    monkeypatch.setattr(collectors, "is_installed", lambda protocol: False)
    (tmp_path / "routes.yaml").write_text('version: 1\ntelemetry: {traces: {otlp: "http://a.test"}}\nendpoints: {}\n')
    with pytest.raises(ConfigError) as error:
        load_config(tmp_path / "routes.yaml")
    found = next(one for one in error.value.diagnostics if one.code == "missing-package")
    assert found.hint == "pip install 'aggregator-server[otel]', or leave `otlp` out"


@pytest.mark.parametrize(
    ("url", "told_at"),
    [
        ("http://c.test:4318", "http://c.test:4318/v1/traces"), ("http://c.test/", "http://c.test/v1/traces"),
        ("https://c.test/otlp/v1/traces", "https://c.test/otlp/v1/traces"), ("", None),
    ],
)  # fmt: skip
def test_the_path_of_a_collector(url, told_at):
    """Where there is none, that of traces; a path is taken as it is."""
    plan = compile_traces(TracesSettings(otlp=url))
    assert plan is not None
    assert plan.otlp == told_at


def test_secrets_are_in_no_span(stage, collector, upstream):
    """A secret value in the path of a call is masked in spans."""
    text = settings(collector) + ENDPOINTS.replace("up:/users/{id}", "up:/${KEY}/{id}")
    stage.gateway(text, upstream, env={"KEY": "canary-of-a-secret"}).get("/users/1")
    assert about(told(stage, collector, 3)["GET"])["url.path"] == "/********/1"
    assert b"canary" not in b"".join(request.body for request in collector.requests)


def test_a_key_in_the_query_is_in_no_span(stage, collector, upstream):
    """Neither where it came, nor in the path of a call that it is passed on in, as it was sent or as it was meant."""
    key = "canary of a key"
    (stage.folder / "keys.yaml").write_text(f"- {{name: acme, sha256: {hashlib.sha256(key.encode()).hexdigest()}}}\n")
    text = settings(collector) + ENDPOINTS.replace(
        '{call: "up:/users/{id}"}', '{auth: acme, call: "up:/{query.share}/1"}'
    )
    text += "auth: {acme: {api_key: {query: share, keys: {file: keys.yaml}}}}\n"
    stage.gateway(text, upstream).get(f"/users/1?share={quote(key)}")
    spans = told(stage, collector, 3)
    assert about(spans["GET /users/{id}"])["url.path"] == "/users/1"
    assert about(spans["GET"])["url.path"] == "/********/1"
    assert b"canary" not in b"".join(request.body for request in collector.requests)


@pytest.mark.parametrize("propagate", [("tracecontext",), ("b3",)])
@pytest.mark.parametrize(
    ("sample", "last", "sampled"),
    [(0.5, (1 << 63) - 1, True), (0.5, 1 << 63, False), (1.0, (1 << 64) - 1, True), (0.0, 0, False)],
)
def test_the_last_bits_of_an_id_decide(monkeypatch, propagate, sample, last, sampled):
    """Whoever samples by the same share comes to the same, whichever bits are before them; so does a caller's trace."""
    ids = f"{7:016x}{last:016x}".encode(), b"8000000000000001"
    monkeypatch.setattr(tracing, "new_ids", lambda: [ids])
    found = tracing.Tracing(TracesPlan("http://collector.test", sample=sample, propagate=propagate, parent=True))
    exchange = Exchange("GET", "/x", b"", [])
    found.begin("GET /x", exchange)
    assert (exchange.trace.sampled, exchange.trace.id[16:]) == (sampled, f"{last:016x}")
    continued = Exchange("GET", "/x", b"", [(b"b3", f"{exchange.trace.id}-{SPAN}".encode())])
    found.begin("GET /x", continued)
    assert continued.trace.sampled == sampled


def test_what_comes_while_a_batch_is_sent_waits_for_the_next(monkeypatch):
    """A request to the collector costs as much for one trace as for ten."""
    monkeypatch.setattr(exporting, "PAUSE", 3600)
    batches: list[int] = []
    exporter, maker = Exporter(hangs=False), SimpleNamespace(batch=list)
    first, second = threading.Event(), threading.Event()
    sender = TraceSender(TracesPlan("http://collector.test"), build=lambda plan, secrets: (exporter, maker))

    def export(batch: Any) -> None:
        batches.append(len(batch))
        if len(batches) == 1:
            asyncio.run(hear(sender, 1))
            first.set()
        else:
            second.set()

    exporter.export = export
    asyncio.run(hear(sender, BATCH))
    sender.start()
    assert first.wait(60)
    assert not second.wait(0.05)  # it comes at once, or in an hour
    sender.close(60)
    assert batches == [BATCH, 1]
