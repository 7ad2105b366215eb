"""Traces: to whom they are told, how many, and how their context goes on."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from aggregator.config.model.telemetry.shares import Sample
from aggregator.fields import NetworkList, Settings

_EXPORTERS = {
    "http": "opentelemetry.exporter.otlp.proto.http",
    "grpc": "opentelemetry.exporter.otlp.proto.grpc",
}


def _collector(url: str) -> str:
    """Return *url*, empty for none; raise a located problem for one that no collector can have."""
    parts = urlsplit(url)
    if url and (parts.scheme not in ("http", "https") or not parts.hostname or parts.query):
        hint = {"hint": "write it like http://collector:4318; without a path it gets /v1/traces"}
        raise PydanticCustomError("bad-url", "This is not the URL of a collector.", hint)
    return url


Collector = Annotated[str, AfterValidator(_collector)]
"""The URL of a collector, empty for none."""


def is_installed(protocol: str) -> bool:
    """Return whether the exporter for *protocol* is there."""
    try:
        return find_spec(_EXPORTERS[protocol]) is not None
    except ModuleNotFoundError:
        return False


class TracesSettings(Settings):
    """A span for each request, part and call, told after the answer has left; and their context in calls."""

    otlp: Collector = Field(
        "",
        description="URL of the collector (OTLP), `/v1/traces` without a path; empty tells nobody. Needs the package "
        "`aggregator-server[otel]`.",
        examples=["${OTLP_URL:-}"],
    )
    protocol: Literal["http", "grpc"] = Field("http", description="How the collector is spoken to.")
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
        if self.otlp and not is_installed(self.protocol):
            raise PydanticCustomError(
                "missing-package", "The exporter of OTLP needs packages that are missing.",
                {"hint": "pip install 'aggregator-server[otel]', or leave `otlp` out"},
            )  # fmt: skip
        if self.parent is not False and not self.propagate:
            hint = {"hint": "write `propagate: [tracecontext]`, or remove `parent`"}
            raise PydanticCustomError("no-effect", "`parent` has no effect: no context is read.", hint)
        return self
