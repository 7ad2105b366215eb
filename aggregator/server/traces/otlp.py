"""OpenTelemetry's own exporter, for the collector and the protocol that are declared."""

from __future__ import annotations

import logging
from importlib.metadata import version
from types import FunctionType
from typing import Any

from aggregator.plan.telemetry import TracesPlan
from aggregator.server.traces.spans import SpanMaker
from aggregator.telemetry.redaction import Masker

_SCOPE = "aggregator"
_SECONDS = 5
"""How long a batch may take, the tries of the exporter included."""
_KNOWN = "1.45.*"
"""Versions of the exporters that the tests run with."""


def build_exporter(plan: TracesPlan) -> Any:
    """Return the exporter of *plan*, of batches that are messages; it logs nothing, since losses are told by us."""
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
    assert plan.otlp is not None
    if plan.protocol == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter

        kind = _taking_messages(GrpcExporter)
        return kind(plan.otlp, insecure=plan.otlp.startswith("http://"), headers=plan.headers, timeout=_SECONDS)
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    kind = _taking_messages(OTLPSpanExporter)
    return kind(plan.otlp, headers=dict(plan.headers), timeout=_SECONDS)


def _taking_messages(exporter: type) -> Any:
    """Return *exporter* for messages that are made already: where it calls ``encode_spans`` it finds one of ours.

    It has no other way in; which of its methods calls that depends on its version. Raises ``ImportError`` where none
    does.
    """
    ours = {name: _with_messages(method) for name, method in vars(exporter).items() if _encodes(method)}
    if not ours:
        package = exporter.__module__.rpartition(".")[0].replace(".", "-")
        raise ImportError(f"this version of {package} is not known: install {package}=={_KNOWN}")
    return type(exporter.__name__, (exporter,), ours)


def _encodes(method: object) -> bool:
    return isinstance(method, FunctionType) and "encode_spans" in method.__code__.co_names


def _with_messages(method: FunctionType) -> FunctionType:
    names = {**method.__globals__, "encode_spans": lambda batch: batch.message}
    return FunctionType(method.__code__, names, method.__name__, method.__defaults__, method.__closure__)


def build_maker(plan: TracesPlan, secrets: frozenset[str]) -> SpanMaker:
    """Return what makes the spans of the service that *plan* names."""
    from opentelemetry.sdk.resources import Resource

    own = version("aggregator-server")
    about = {"service.name": plan.service, "telemetry.distro.name": "aggregator", "telemetry.distro.version": own}
    return SpanMaker(_without_spans(Resource.create(about)), Masker(secrets))


def _without_spans(resource: Any) -> Any:
    """Return the message of *resource* and our scope as OpenTelemetry's encoder makes it, without a span."""
    from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope
    from opentelemetry.trace import SpanContext

    one = ReadableSpan(
        "", SpanContext(1, 1, is_remote=False), resource=resource, instrumentation_scope=InstrumentationScope(_SCOPE)
    )
    message = encode_spans([one])
    message.resource_spans[0].scope_spans[0].ClearField("spans")
    return message
