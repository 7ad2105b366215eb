"""Where a collector is, and how it is spoken to (OTLP)."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

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


def check_installed(url: str, protocol: Protocol) -> None:
    """Raise a located problem where the collector at *url* could not be told anything."""
    if url and not is_installed(protocol):
        raise PydanticCustomError(
            "missing-package", "The exporter of OTLP needs packages that are missing.",
            {"hint": "pip install 'aggregator-server[otel]', or leave `otlp` out"},
        )  # fmt: skip
