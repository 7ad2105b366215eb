"""A streamed answer is one plain call whose body nobody looks into."""

from __future__ import annotations

from collections.abc import Iterator

from aggregator.config.analysis.sites import Analysis
from aggregator.config.analysis.surroundings import Surroundings
from aggregator.config.findings import Finding
from aggregator.config.rules.spots import report

_OF_CALL = (
    "optional", "default", "when", "for_each", "fallback", "race", "fan_out", "select", "target", "allow", "deny",
    "rename", "group", "transform", "format", "graphql", "redirects",
)  # fmt: skip


def check_streams(analysis: Analysis, _: Surroundings) -> Iterator[Finding]:
    """Settings that would need the body that is being sent on."""
    settings = analysis.settings
    if settings is None or not settings.stream:
        return
    at = analysis.path
    if settings.call is None:
        message = "only the body of a single `call` can be streamed"
        yield Finding("stream", message, (*at, "stream"), "write `call:`, or remove `stream`")
        return
    if settings.response is not None:
        yield Finding("stream", "`response` has no effect on a stream", (*at, "response"), "remove it", at_key=True)
    if settings.body is not None:
        message = "the body of a streaming endpoint is not read, so it cannot be checked"
        yield Finding("stream", message, (*at, "body"), "remove `body`", at_key=True)
    for key in _OF_CALL:
        if key in settings.call.model_fields_set:
            message = f"`{key}` has no effect on a stream"
            yield Finding("stream", message, (*at, "call", key), "remove it", at_key=True)
    if settings.call.success is not None and settings.call.success.when is not None:
        message = "the body of a stream is not read, so it cannot be judged"
        yield Finding("stream", message, (*at, "call", "success", "when"), "judge by `status`")
    for use in analysis.uses:
        for reference in use.references:
            if reference[0] == "body":
                message = "the body of a streaming endpoint is not read"
                yield report(use, "stream", message, ("body",), "pass it on with `forward: {body: true}`")
