"""What the server tells of itself is for operators."""

from __future__ import annotations

import re
from collections.abc import Iterator

from aggregator.config.analysis.scope import Inputs, Scope
from aggregator.config.analysis.sites import Analysis
from aggregator.config.analysis.surroundings import Surroundings
from aggregator.config.analysis.texts import Texts
from aggregator.config.model.upstreams.forward import ForwardSettings
from aggregator.config.rules.names import check_names
from aggregator.config.text.values import Steps
from aggregator.diagnostics.finding import Elsewhere, Finding
from aggregator.telemetry.traces.context import FIELDS

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}").fullmatch
_SAMPLED = re.compile(r"[1-4](?:\d\d|xx)").fullmatch
_OF_LINES = frozenset(
    {
        "ts", "level", "logger", "message", "endpoint", "method", "status", "path", "request_id", "client", "ms",
        "size", "parts", "cause", "reason", "fault", "sample", "count", "trace_id", "span_id",
    }
)  # fmt: skip
"""Fields of the lines about answers."""
_ADMIN: tuple[Steps, ...] = (("server", "admin"),)
_METRICS: tuple[Steps, ...] = (("telemetry", "metrics"),)


def check_telemetry(around: Surroundings) -> Iterator[Finding]:
    """Yield findings about metrics that every client can read."""
    settings = around.settings
    if settings.telemetry.metrics is not None and settings.server.admin is None:
        message = "every client can read `/metrics`, which names endpoints and upstreams"
        hint = "declare `server: {admin: 127.0.0.1:9000}`: they are served there, then, and nowhere else"
        yield Finding("public-metrics", message, ("telemetry", "metrics"), hint, "warning", at_key=True, lacks=_ADMIN)


def check_log(around: Surroundings) -> Iterator[Finding]:
    """Yield findings about fields of log lines (their names, and what they read) and about what is sampled."""
    path: Steps = ("telemetry", "log", "fields")
    analysis, scope = Analysis(path, None), Scope(Inputs(has_body=False, has_auth=True))
    for name, value in around.settings.telemetry.log.fields.items():
        if name in _OF_LINES or not _NAME(name):
            taken = name in _OF_LINES
            message = f"every line has a `{name}`" if taken else f"`{name}` is no name of a field"
            hint = f"call it `own_{name}`" if taken else "write letters, digits and _, such as `tenant`"
            yield Finding("bad-field", message, (*path, name), hint, at_key=True)
        Texts(analysis).value(value, (*path, name), scope)
    for on in around.settings.telemetry.log.sample:
        if not _SAMPLED(on):
            hint = "leave it out: failures are always logged" if on.startswith("5") else "write it like 2xx or 404"
            at = ("telemetry", "log", "sample", on)
            yield Finding("bad-sample", f"lines of `{on}` cannot be sampled", at, hint, at_key=True)
    yield from analysis.problems
    yield from check_names(analysis, around)


def check_objective(analysis: Analysis, around: Surroundings) -> Iterator[Finding]:
    """Yield findings about an objective that nobody measures."""
    settings = analysis.settings
    if settings is not None and settings.slo is not None and around.settings.telemetry.metrics is None:
        hint = "declare `telemetry: {metrics: {}}`, or remove `slo`"
        yield Finding("no-effect", "nothing measures this objective", (*analysis.path, "slo"), hint, at_key=True,
                      lacks=_METRICS)  # fmt: skip


def check_traced(around: Surroundings) -> Iterator[Finding]:
    """Yield findings about headers of ``defaults`` and upstreams that traces write anew."""
    yield from _traced(around, around.settings.defaults.forward, ("defaults", "forward"))
    for name, upstream in around.settings.upstreams.items():
        yield from _traced(around, upstream.forward, ("upstreams", name, "forward"))


def check_traced_calls(analysis: Analysis, around: Surroundings) -> Iterator[Finding]:
    """Yield findings about headers of an endpoint and its calls that traces write anew."""
    if analysis.settings is not None:
        yield from _traced(around, analysis.settings.forward, (*analysis.path, "forward"))
    for call in analysis.calls:
        if call.via is None:
            yield from _traced(around, call.settings.forward, (*call.path, "forward"))


def _traced(around: Surroundings, forward: ForwardSettings | None, path: Steps) -> Iterator[Finding]:
    traces = around.settings.telemetry.traces
    if traces is None or forward is None:
        return
    there = Elsewhere(("telemetry", "traces"), "written by this", at_key=True)
    written = {name for way in traces.propagate for name in FIELDS[way]}
    for index, header in enumerate(forward.headers):
        if header.lower().encode() in written:
            message, hint = (
                f"`{header}` of the client is not passed on: traces write it anew",
                "remove it; `parent` of the traces says whose goes on",
            )
            place = (*path, "headers", index)
            yield Finding("no-effect", message, place, hint, "warning", text=header, related=(there,))
