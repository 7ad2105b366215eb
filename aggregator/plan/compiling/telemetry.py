"""What the server tells of itself, compiled."""

from __future__ import annotations

from collections.abc import Sequence

from aggregator.config.model.telemetry.log import LogSettings
from aggregator.config.model.telemetry.metrics import SloSettings
from aggregator.config.model.telemetry.settings import TelemetrySettings
from aggregator.plan.telemetry import LogPlan, MetricsPlan, SloPlan
from aggregator.plan.types import EndpointPlan
from aggregator.templates import compile_value


def compile_metrics(settings: TelemetrySettings, endpoints: Sequence[EndpointPlan]) -> MetricsPlan | None:
    """Return what is counted, None for nothing; what *endpoints* promise is a boundary, too."""
    metrics = settings.metrics
    if metrics is None or not metrics.prometheus:
        return None
    promised = {slo.latency for endpoint in endpoints if (slo := endpoint.slo) is not None and slo.latency is not None}
    return MetricsPlan(tuple(sorted({*metrics.buckets, *promised})))


def compile_slo(settings: SloSettings | None) -> SloPlan | None:
    """Return what clients are promised, None for nothing."""
    return None if settings is None else SloPlan(settings.objective, settings.latency, settings.partial == "bad")


def compile_log(settings: LogSettings) -> LogPlan:
    """Return which answers are logged, and how."""
    return LogPlan(
        settings.access, settings.format, settings.file, tuple(settings.sample.items()),
        tuple((name, compile_value(value)) for name, value in settings.fields.items()),
    )  # fmt: skip
