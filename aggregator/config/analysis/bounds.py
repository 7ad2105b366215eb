"""How long the attempts at a call may take, and what says so."""

from __future__ import annotations

from aggregator.config.analysis.sites import Analysis, CallSite
from aggregator.config.analysis.surroundings import Surroundings
from aggregator.policies.retry.diagnostics import Bounds

_DEFAULT_TOTAL = 10.0


def bounds_of_call(analysis: Analysis, call: CallSite, around: Surroundings) -> Bounds:
    """Return the shortest limit that is around all attempts of *call*."""
    own, whole = _of_call(call, around), bounds_of_endpoint(analysis, around)
    return own if call.is_background or whole is None or own.seconds <= whole.seconds else whole


def bounds_of_endpoint(analysis: Analysis, around: Surroundings) -> Bounds | None:
    """Return the limit that is around all calls of an endpoint that it waits for; None for none."""
    settings, deadline = analysis.settings, around.settings.defaults.deadline
    if settings is not None and settings.timeout is not None:
        return Bounds(settings.timeout, (*analysis.path, "timeout"), "the deadline")
    if settings is None or deadline is None or settings.stream:
        return None
    return Bounds(deadline, ("defaults", "deadline"), "the deadline")


def _of_call(call: CallSite, around: Surroundings) -> Bounds:
    root, name = around.settings, call.url.upstream if call.url else None
    upstream = around.upstream(name)
    levels = (
        (call.whole.settings.timeout, (*call.whole.path, "timeout")),
        (upstream.timeout if upstream else None, ("upstreams", str(name), "timeout")),
        (root.defaults.timeout, ("defaults", "timeout")),
        (root.client.timeout if "timeout" in root.client.model_fields_set else None, ("client", "timeout")),
    )
    for limits, path in levels:
        if limits is not None and limits.total is not None:
            return Bounds(limits.total, path, "the time of the call")
    return Bounds(_DEFAULT_TOTAL, call.whole.path, "10s, unless it has a `timeout`")
