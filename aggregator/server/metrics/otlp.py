"""Samples as the messages of OpenTelemetry, and its own exporter, for the collector that is declared.

Names and labels are those of a scrape, without the suffixes that Prometheus wants (OpenTelemetry, "Prometheus and
OpenMetrics Compatibility"): a collector that writes for Prometheus adds them. Exemplars are told by a scrape alone.
"""

from __future__ import annotations

import logging
import os
import re
import socket
import time
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, TypeAlias

from aggregator.plan.telemetry import PushPlan
from aggregator.telemetry.metrics.exposition import Sample, Summary, Table
from aggregator.telemetry.metrics.families import Family
from aggregator.telemetry.metrics.histogram import Histogram

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import Metric, MetricsData
    from opentelemetry.sdk.resources import Resource

PUSH_SECONDS = 5
"""How long a push may take, the tries of the exporter included."""
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
_UNITS = {"_seconds": "s", "_bytes": "By"}

Frozen: TypeAlias = tuple[Family, list[Sample]]
"""A family, and its samples as they were when somebody looked."""


def frozen(sample: Sample) -> Sample:
    """Return *sample* with numbers that do not change any more."""
    labels, value = sample
    if isinstance(value, Histogram):
        return labels, value.copied()
    return labels, Table(value.endings, tuple(value.counts)) if isinstance(value, Table) else value


def build_exporter(plan: PushPlan) -> Any:
    """Return the exporter of *plan*; it logs nothing, since losses are told by us."""
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
    if plan.protocol == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter as GrpcExporter

        insecure = plan.otlp.startswith("http://")
        return GrpcExporter(plan.otlp, insecure=insecure, headers=plan.headers, timeout=PUSH_SECONDS)
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter

    return OTLPMetricExporter(plan.otlp, headers=dict(plan.headers), timeout=PUSH_SECONDS)


def build_maker(plan: PushPlan) -> DataMaker:
    """Return what makes messages of the service that *plan* names; each process of a machine is an instance of it."""
    from opentelemetry.sdk.resources import Resource

    instance = f"{socket.gethostname()}:{os.getpid()}"
    return DataMaker(Resource.create({"service.name": plan.service, "service.instance.id": instance}))


class DataMaker:
    """Makes messages about *resource*, whose counters began when this was made."""

    def __init__(self, resource: Resource) -> None:
        from opentelemetry.sdk.metrics import export
        from opentelemetry.sdk.util.instrumentation import InstrumentationScope

        self._kinds = export
        self._resource = resource
        self._scope = InstrumentationScope("aggregator", version("aggregator-server"))
        self._began = time.time_ns()

    def data(self, samples: Iterable[Frozen], now: int) -> MetricsData:
        """Return the message of *samples*, taken *now* (Unix time in nanoseconds)."""
        metrics = [self._metric(family, some, now) for family, some in samples if some]
        scopes = [self._kinds.ScopeMetrics(self._scope, metrics, "")]
        return self._kinds.MetricsData([self._kinds.ResourceMetrics(self._resource, scopes, "")])

    def _metric(self, family: Family, samples: Sequence[Sample], now: int) -> Metric:
        kinds, total = self._kinds, self._kinds.AggregationTemporality.CUMULATIVE
        data: Any
        if isinstance(samples[0][1], Histogram | Summary):
            data = kinds.Histogram([self._histogram(*sample, now) for sample in samples], total)
        else:
            points = [
                kinds.NumberDataPoint(_attributes(labels), self._began, now, value) for labels, value in _flat(samples)
            ]
            data = kinds.Sum(points, total, is_monotonic=True) if family.kind == "counter" else kinds.Gauge(points)
        unit = next((unit for end, unit in _UNITS.items() if family.name.endswith(end)), "")
        made: Metric = kinds.Metric(family.name, family.meaning, unit, data)
        return made

    def _histogram(self, labels: str, value: Any, now: int) -> Any:
        counts, bounds = ([value.number], ()) if isinstance(value, Summary) else (value.counts, value.bounds)
        amount = value.total if isinstance(value, Summary) else value.sum
        return self._kinds.HistogramDataPoint(
            _attributes(labels), self._began, now, sum(counts), amount, counts, bounds, None, None  # type: ignore[arg-type]
        )  # fmt: skip


def _flat(samples: Iterable[Sample]) -> Iterator[tuple[str, Any]]:
    for labels, value in samples:
        if isinstance(value, Table):
            for ending, count in zip(*value, strict=True):
                yield f"{labels},{ending}", count
        else:
            yield labels, value


@lru_cache(maxsize=100_000)  # there are as many as the file has series
def _attributes(labels: str) -> dict[str, str]:
    """Return *labels*, as ``labels_text`` writes them, by name."""
    return {name: re.sub(r"\\(.)", _unescaped, value) for name, value in _LABEL.findall(labels)}


def _unescaped(found: re.Match[str]) -> str:
    return "\n" if found[1] == "n" else found[1]
