"""OpenTelemetry's own exporter, for the collector and the protocol that are declared."""

from __future__ import annotations

import logging
from importlib.metadata import version
from typing import Any

from aggregator.plan.telemetry import TracesPlan
from aggregator.server.traces.spans import SpanMaker
from aggregator.telemetry.redaction import Masker

_SECONDS = 5
"""How long a batch may take, the tries of the exporter included."""


def build_exporter(plan: TracesPlan) -> Any:
    """Return the exporter of *plan*; it logs nothing, since losses are told by us."""
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
    assert plan.otlp is not None
    if plan.protocol == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter

        return GrpcExporter(plan.otlp, insecure=plan.otlp.startswith("http://"), headers=plan.headers, timeout=_SECONDS)
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    return OTLPSpanExporter(plan.otlp, headers=dict(plan.headers), timeout=_SECONDS)


def build_maker(plan: TracesPlan, secrets: frozenset[str]) -> SpanMaker:
    """Return what makes the spans of the service that *plan* names."""
    from opentelemetry.sdk.resources import Resource

    own = version("aggregator-server")
    about = {"service.name": plan.service, "telemetry.distro.name": "aggregator", "telemetry.distro.version": own}
    return SpanMaker(_hashed_once(Resource.create(about)), Masker(secrets))


def _hashed_once(resource: Any) -> Any:
    """Return a resource equal to *resource* that knows its hash.

    The encoder asks for it once a span, and that of a resource is made of its JSON each time.
    """
    from opentelemetry.sdk.resources import Resource

    known = hash(resource)

    class Hashed(Resource):
        __eq__ = Resource.__eq__

        def __hash__(self) -> int:
            return known

    return Hashed(dict(resource.attributes), resource.schema_url)
