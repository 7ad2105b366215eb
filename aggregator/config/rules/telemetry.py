"""What the server tells of itself is for operators."""

from __future__ import annotations

from collections.abc import Iterator

from aggregator.config.analysis.sites import Analysis
from aggregator.config.analysis.surroundings import Surroundings
from aggregator.diagnostics.finding import Finding


def check_telemetry(around: Surroundings) -> Iterator[Finding]:
    """Metrics that every client can read."""
    settings = around.settings
    if settings.telemetry.metrics is not None and settings.server.admin is None:
        message = "every client can read `/metrics`, which names endpoints and upstreams"
        hint = "declare `server: {admin: 127.0.0.1:9000}`: they are served there, then, and nowhere else"
        yield Finding("public-metrics", message, ("telemetry", "metrics"), hint, "warning", at_key=True)


def check_objective(analysis: Analysis, around: Surroundings) -> Iterator[Finding]:
    """An objective that nobody measures."""
    settings = analysis.settings
    if settings is not None and settings.slo is not None and around.settings.telemetry.metrics is None:
        hint = "declare `telemetry: {metrics: {}}`, or remove `slo`"
        yield Finding("no-effect", "nothing measures this objective", (*analysis.path, "slo"), hint, at_key=True)
