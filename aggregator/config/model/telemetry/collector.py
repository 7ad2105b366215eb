"""Where a collector is, and how it is spoken to (OTLP)."""

from importlib.util import find_spec
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from aggregator.fields import Settings

Protocol = Literal["http", "grpc"]
_EXPORTERS = {
    "http": "opentelemetry.exporter.otlp.proto.http",
    "grpc": "opentelemetry.exporter.otlp.proto.grpc",
}


def _collector(url: str) -> str:
    """Return *url*, empty for none; raise a located problem for one that no collector can have."""
    parts = urlsplit(url)
    if url and (parts.scheme not in ("http", "https") or not parts.hostname or parts.query):
        hint = {"hint": "write it like http://collector:4318; without a path it gets that of OTLP, such as /v1/traces"}
        raise PydanticCustomError("bad-url", "This is not the URL of a collector.", hint)
    return url


Collector = Annotated[str, AfterValidator(_collector)]
"""The URL of a collector, empty for none."""


def is_installed(protocol: Protocol) -> bool:
    """Return whether the exporter for *protocol* is there."""
    try:
        return find_spec(_EXPORTERS[protocol]) is not None
    except ModuleNotFoundError:
        return False


class CollectorSettings(Settings):
    """Where the collector is that is told of something, and how."""

    otlp: Collector = Field(
        "",
        description="URL of the collector (OTLP) that is told of them, `/v1/traces` or `/v1/metrics` without a path; "
        "empty: none is. Needs the package `aggregator-server[otel]`.",
        examples=["${OTLP_URL:-}"],
    )
    protocol: Protocol = Field("http", description="How the collector is spoken to.")
    headers: dict[str, str] = Field(
        default_factory=dict,
        description="Headers for the collector.",
        examples=[{"x-key": "${file:/run/secrets/otlp}"}],
    )
    service: str = Field("aggregator", description="Name of this service there.", examples=["shop"], min_length=1)

    @model_validator(mode="after")
    def _can_be_told(self) -> Self:
        if self.otlp and not is_installed(self.protocol):
            raise PydanticCustomError(
                "missing-package", "The exporter of OTLP needs packages that are missing.",
                {"hint": "pip install 'aggregator-server[otel]', or leave `otlp` out"},
            )  # fmt: skip
        return self
