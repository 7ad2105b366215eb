"""Metrics that are pushed: what a collector is told, decoded by OpenTelemetry's own messages, and one that is down."""

from __future__ import annotations

import asyncio
import threading
from concurrent import futures
from typing import Any

import grpc
import pytest
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2, metrics_service_pb2_grpc

from aggregator.config.model.telemetry import collector as collectors
from aggregator.config.model.telemetry.metrics import MetricsSettings
from aggregator.plan.telemetry import PushPlan
from aggregator.server.generations import observing
from aggregator.server.metrics import otlp
from aggregator.server.metrics.otlp import DataMaker, _attributes, build_maker, frozen
from aggregator.server.metrics.pushing import MetricSender, sender_for
from aggregator.telemetry.metrics import families
from aggregator.telemetry.metrics.exposition import Summary, Table, labels_text
from aggregator.telemetry.metrics.histogram import Histogram

from .conftest import PATIENCE, reply_of

ENDPOINTS = """
upstreams: {up: {url: "${UP}"}}
endpoints:
  GET /users/{id}: {call: "up:/users/{id}"}
"""
PLAN = PushPlan("http://collector.test/v1/metrics")


@pytest.fixture(autouse=True)
def patience(monkeypatch):
    """A process that stops waits for a collector on a busy machine, and pushes to it once."""
    monkeypatch.setattr(observing, "LAST_SECONDS", PATIENCE)
    monkeypatch.setattr(otlp, "PUSH_SECONDS", PATIENCE)


@pytest.fixture
def collector(stage):
    """Takes metrics by HTTP."""
    found = stage.upstream()
    found["/v1/metrics"] = reply_of({})
    return found


@pytest.fixture
def upstream(stage):
    """Knows one user."""
    found = stage.upstream()
    found["/users/1"] = reply_of({"id": 1})
    return found


def attributes(point: Any) -> dict[str, str]:
    """Return the labels of *point*."""
    return {one.key: one.value.string_value for one in point.attributes}


def points_in(message: bytes, service: str = "shop") -> dict[str, list[Any]]:
    """Return the points in *message* by the name of their metric, and see that they are of *service*."""
    request = metrics_service_pb2.ExportMetricsServiceRequest()
    request.ParseFromString(message)
    (resource,) = request.resource_metrics
    about = {one.key: one.value.string_value for one in resource.resource.attributes}
    assert (about["service.name"], ":" in about["service.instance.id"]) == (service, True)
    (scope,) = resource.scope_metrics
    return {one.name: list(getattr(one, one.WhichOneof("data")).data_points) for one in scope.metrics}


def settings(collector: Any, more: str = "") -> str:
    """Return the section of metrics."""
    return f'telemetry: {{metrics: {{otlp: "{collector.url}", service: shop{more}}}}}\n'


def test_what_is_counted_is_pushed_by_the_same_names(stage, collector, upstream):
    """With the labels and values of a scrape; a server that stops pushes a last time."""
    gateway = stage.gateway(settings(collector, ", headers: {x-key: open}") + ENDPOINTS, upstream)
    gateway.get("/users/1")
    gateway.get("/users/2")
    gateway.stop()
    (pushed,) = collector.requests
    assert (pushed["x-key"], pushed["content-type"]) == ("open", "application/x-protobuf")
    points = points_in(pushed.body)
    requests = {(one["endpoint"], one["status"]): point.as_double or point.as_int
                for point in points["aggregator_requests"] if (one := attributes(point))}  # fmt: skip
    assert (requests["GET /users/{id}", "2xx"], requests["GET /users/{id}", "5xx"]) == (1, 0)
    assert sum(requests.values()) == 2
    durations = [one for one in points["aggregator_request_duration_seconds"] if attributes(one)["status"] == "2xx"]
    assert [(one.count, len(one.bucket_counts), list(one.explicit_bounds)) for one in durations] == [
        (1, 6, [0.005, 0.025, 0.1, 0.5, 2.0])
    ]
    parts = [attributes(one) for one in points["aggregator_parts"] if one.as_int]
    assert {(one["part"], one["state"]) for one in parts} >= {("call", "ok")}
    assert set(points) <= {family.name for family in families.FAMILIES}
    assert len(points) > 30


class GrpcCollector(metrics_service_pb2_grpc.MetricsServiceServicer):
    """Takes metrics by gRPC."""

    def __init__(self) -> None:
        self.messages: list[bytes] = []

    def Export(self, request: Any, context: Any) -> Any:
        self.messages.append(request.SerializeToString())
        return metrics_service_pb2.ExportMetricsServiceResponse()


def test_metrics_by_grpc(stage, upstream):
    """The same."""
    server = grpc.server(futures.ThreadPoolExecutor(2))
    collector = GrpcCollector()
    metrics_service_pb2_grpc.add_MetricsServiceServicer_to_server(collector, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        text = f'telemetry: {{metrics: {{otlp: "http://127.0.0.1:{port}", protocol: grpc}}}}\n{ENDPOINTS}'
        gateway = stage.gateway(text, upstream)
        gateway.get("/users/1")
        gateway.stop()
        assert "aggregator_requests" in points_in(collector.messages[-1], "aggregator")
    finally:
        server.stop(None).wait()


class Exporter:
    """Takes nothing, or waits until it is told to try no more."""

    def __init__(self, *, hangs: bool = False) -> None:
        self._hangs = hangs
        self.calls = 0
        self.over = threading.Event()

    def export(self, data: Any) -> None:
        self.calls += 1
        if self._hangs:
            self.over.wait(60)

    def shutdown(self) -> None:
        self.over.set()


def sender_of(exporter: Exporter, clock: Any = lambda: 0.0) -> MetricSender:
    """Return what pushes through *exporter*."""
    return MetricSender(PLAN, build=lambda plan: (exporter, build_maker(plan)), clock=clock)


def test_pushes_that_are_not_taken_are_counted_and_told_once_a_minute(caplog):
    """Nobody else hears of it."""
    times = iter([0.0, 1.0, 60.0])
    sender = sender_of(Exporter(), lambda: next(times))

    async def main() -> None:
        for _ in range(3):
            await sender.push()

    asyncio.run(main())
    assert (sender.sent, sender.lost) == (0, 3)
    assert [record.fields["count"] for record in caplog.records] == [1, 2]


def test_a_collector_that_hangs_delays_no_stop():
    """What is being sent then is given up."""
    exporter = Exporter(hangs=True)
    sender = sender_of(exporter)

    async def main() -> None:
        sender.prepare()
        sender.follow(lambda: iter([(families.SHED, [("", 1)])]))
        await sender.close(0.0)

    asyncio.run(main())
    assert exporter.over.is_set()


def test_a_reload_goes_on_pushing_what_is_counted_now():
    """The same sender, in one task; another declaration has another."""
    found: list[str] = []
    sender = sender_of(Exporter())

    async def main() -> None:
        sender.follow(lambda: iter(found.append("before") or ()))
        task = sender._task
        sender.follow(lambda: iter(found.append("after") or ()))
        assert sender._task is task
        await sender.push()
        sender.stop()

    asyncio.run(main())
    assert found == ["after"]
    assert sender_for(PLAN, sender) is sender
    assert sender_for(PushPlan("http://other.test"), sender) is not sender
    assert sender_for(None, sender) is None


def test_labels_are_read_back():
    """Whatever names in the file hold."""
    text = labels_text(("endpoint", 'GET /"a"\\n{id},x="y"'), ("part", "line\nbreak"))
    assert _attributes(text) == {"endpoint": 'GET /"a"\\n{id},x="y"', "part": "line\nbreak"}


def test_samples_are_frozen_when_they_are_taken():
    """What is counted while they are sent is in the next push."""
    histogram, counts = Histogram((1.0,)), [1, 2]
    taken = [frozen(("", histogram))[1], frozen(("", Table(("a", "b"), counts)))[1]]
    histogram.add(0.5)
    counts[0] += 1
    assert (taken[0].counts, list(taken[1].counts)) == ([0, 0], [1, 2])


def test_kinds_and_units():
    """Counters are rising sums, summaries histograms without boundaries, all else is a gauge."""
    maker: DataMaker = build_maker(PLAN)
    samples = [
        (families.SHED, [("", 3)]), (families.IN_FLIGHT, [("", 1)]), (families.TRACES, []),
        (families.DIALS, [(labels_text(("upstream", "up")), Summary(2, 0.5))]), (families.MEMORY, [("", 5)]),
    ]  # fmt: skip
    (resource,) = maker.data(samples, 1).resource_metrics
    metrics = {one.name: one for one in resource.scope_metrics[0].metrics}
    assert {name: (type(one.data).__name__, one.unit) for name, one in metrics.items()} == {
        "aggregator_shed_requests": ("Sum", ""),
        "aggregator_requests_in_flight": ("Gauge", ""),
        "aggregator_upstream_connect_seconds": ("Histogram", "s"),
        "process_resident_memory_bytes": ("Gauge", "By"),
    }
    (dials,) = metrics["aggregator_upstream_connect_seconds"].data.data_points
    assert (dials.count, dials.sum, dials.bucket_counts, dials.explicit_bounds) == (2, 0.5, [2], ())


def test_a_package_that_is_missing_is_told_by_check(monkeypatch):
    """Where a collector is declared, and only there."""
    monkeypatch.setattr(collectors, "is_installed", lambda protocol: False)
    MetricsSettings.model_validate({"otlp": ""})
    with pytest.raises(ValueError, match="needs packages that are missing"):
        MetricsSettings.model_validate({"otlp": "http://collector.test"})
