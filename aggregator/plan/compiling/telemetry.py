"""What the server tells of itself, compiled."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from aggregator.config.model.root import RootSettings
from aggregator.config.model.schemes.scheme import SchemeSettings
from aggregator.config.model.telemetry.metrics import MetricsSettings, SloSettings
from aggregator.config.model.telemetry.settings import TelemetrySettings
from aggregator.config.model.telemetry.traces import TracesSettings
from aggregator.edge.networks import parse_networks
from aggregator.plan.telemetry import LogPlan, MetricsPlan, PushPlan, RecorderPlan, SloPlan, TracesPlan
from aggregator.plan.types import EndpointPlan
from aggregator.telemetry.hiding import NOTHING_HIDDEN, Hidden, hidden_places
from aggregator.telemetry.traces.context import FIELDS
from aggregator.templates import compile_value


def compile_metrics(settings: TelemetrySettings, endpoints: Sequence[EndpointPlan]) -> MetricsPlan | None:
    """Return what is counted, None for nothing; what *endpoints* promise is a boundary, too."""
    metrics = settings.metrics
    if metrics is None or not metrics.prometheus:
        return None
    promised = {slo.latency for endpoint in endpoints if (slo := endpoint.slo) is not None and slo.latency is not None}
    return MetricsPlan(tuple(sorted({*metrics.buckets, *promised})), _push(metrics))


def _push(settings: MetricsSettings) -> PushPlan | None:
    url = otlp_url(settings.otlp, "/v1/metrics") if settings.protocol == "http" else settings.otlp
    headers = tuple(settings.headers.items())
    return PushPlan(url, settings.protocol, headers, settings.service, settings.every) if url else None


def compile_slo(settings: SloSettings | None) -> SloPlan | None:
    """Return what clients are promised, None for nothing."""
    return None if settings is None else SloPlan(settings.objective, settings.latency, settings.partial == "bad")


def hidden_of(root: RootSettings) -> Hidden:
    """Return what nobody is shown of requests: what the file hides, and where its schemes take credentials from."""
    return hidden_places((*root.telemetry.hide, *(place for one in root.auth.values() for place in _credentials(one))))


def _credentials(scheme: SchemeSettings) -> Iterator[str]:
    """Yield the places of the credentials of *scheme*; cookies and ``Authorization`` are shown to nobody anyway."""
    if scheme.api_key is not None and scheme.api_key.query is not None:
        yield f"query.{scheme.api_key.query}"
    if scheme.api_key is not None and scheme.api_key.header is not None:
        yield f"headers.{scheme.api_key.header}"
    if scheme.external is not None:
        yield from (f"headers.{name}" for name in scheme.external.headers)


def compile_log(telemetry: TelemetrySettings, hidden: Hidden) -> LogPlan:
    """Return which answers are logged, and how."""
    settings = telemetry.log
    return LogPlan(
        settings.access, settings.format, settings.file, tuple(settings.sample.items()),
        tuple((name, compile_value(value)) for name, value in settings.fields.items()), hidden,
    )  # fmt: skip


def compile_traces(settings: TracesSettings | None, hidden: Hidden = NOTHING_HIDDEN) -> TracesPlan | None:
    """Return which traces are told and passed on, None for none."""
    if settings is None:
        return None
    parent = settings.parent
    return TracesPlan(
        otlp_url(settings.otlp, "/v1/traces") if settings.protocol == "http" else settings.otlp or None,
        settings.protocol, tuple(settings.headers.items()), settings.service, settings.sample,
        parent if isinstance(parent, bool) else parse_networks(parent), settings.propagate,
        hidden,
    )  # fmt: skip


def traced_fields(settings: TracesSettings | None) -> frozenset[bytes]:
    """Return the headers by which calls are told their context, in lower case."""
    return frozenset() if settings is None else frozenset(name for way in settings.propagate for name in FIELDS[way])


def compile_recorder(settings: TelemetrySettings, hidden: Hidden) -> RecorderPlan | None:
    """Return what is remembered of requests, None for nothing."""
    recorder = settings.recorder
    if recorder is None:
        return None
    return RecorderPlan(recorder.keep, recorder.slow, recorder.bodies or 0, recorder.headers, hidden)


def otlp_url(url: str, path: str) -> str | None:
    """Return *url* with *path* where it has none (OTLP/HTTP, endpoint URLs); None for an empty one."""
    return None if not url else url if urlsplit(url).path not in ("", "/") else url.rstrip("/") + path
