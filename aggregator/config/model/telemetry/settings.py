"""The section ``telemetry``."""

from __future__ import annotations

from pydantic import Field

from aggregator.config.model.telemetry.log import LogSettings
from aggregator.config.model.telemetry.metrics import MetricsSettings
from aggregator.config.model.telemetry.traces import TracesSettings
from aggregator.fields import Settings


class TelemetrySettings(Settings):
    """What the server tells of itself."""

    metrics: MetricsSettings | None = Field(
        None, description="Count requests, parts and calls; nothing is counted without.", examples=[{}]
    )
    traces: TracesSettings | None = Field(
        None,
        description="Tell a collector what became of requests, and pass the context of traces on.",
        examples=[{"otlp": "http://collector:4318", "sample": "1%"}],
    )
    log: LogSettings = Field(
        default_factory=LogSettings.model_construct, description="Lines about answers, and about the process."
    )
