"""Traces: to whom they are told, how many, and how their context goes on."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from aggregator.config.model.telemetry.collector import Collector, Protocol, check_installed
from aggregator.config.model.telemetry.shares import Sample
from aggregator.fields import NetworkList, Settings


class TracesSettings(Settings):
    """A span for each request, part and call, told after the answer has left; and their context in calls."""

    otlp: Collector = Field(
        "",
        description="URL of the collector (OTLP), `/v1/traces` without a path; empty tells nobody. Needs the package "
        "`aggregator-server[otel]`.",
        examples=["${OTLP_URL:-}"],
    )
    protocol: Protocol = Field("http", description="How the collector is spoken to.")
    headers: dict[str, str] = Field(
        default_factory=dict,
        description="Headers for the collector.",
        examples=[{"x-key": "${file:/run/secrets/otlp}"}],
    )
    service: str = Field("aggregator", description="Name of this service in traces.", examples=["shop"], min_length=1)
    sample: Sample = Field(
        0.01, description="Share of the traces that begin here; those of a trusted parent say it themselves."
    )
    parent: bool | NetworkList = Field(
        False,
        description="Whose trace is continued: `true` for everybody's, or the networks of clients that are trusted; "
        "else each request begins one.",
        examples=[["10.0.0.0/8"]],
    )
    propagate: tuple[Literal["tracecontext", "b3", "baggage"], ...] = Field(
        ("tracecontext",),
        description="How context is read from clients, the first way first, and sent upstream.",
        examples=[["tracecontext", "b3"]],
    )

    @model_validator(mode="after")
    def _of_a_collector(self) -> TracesSettings:
        check_installed(self.otlp, self.protocol)
        if self.parent is not False and not self.propagate:
            hint = {"hint": "write `propagate: [tracecontext]`, or remove `parent`"}
            raise PydanticCustomError("no-effect", "`parent` has no effect: no context is read.", hint)
        return self
