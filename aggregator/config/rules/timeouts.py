"""Limits of time go together: no call may take longer than the answer that it is for."""

from __future__ import annotations

from collections.abc import Iterator

from aggregator.config.analysis.sites import Analysis
from aggregator.config.analysis.surroundings import Surroundings
from aggregator.config.model.upstreams.limits import Timeouts
from aggregator.config.text.values import Steps
from aggregator.diagnostics.finding import Elsewhere, Finding, Shown
from aggregator.durations import number_text


def check_timeouts(analysis: Analysis, around: Surroundings) -> Iterator[Finding]:
    """Yield findings about timeouts of calls that the endpoint's deadline cuts short."""
    own = analysis.settings.timeout if analysis.settings is not None else None
    deadline = own if own is not None else around.settings.defaults.deadline
    if analysis.settings is None or (analysis.settings.stream and own is None):
        deadline = None
    for call in analysis.calls:
        limits = call.settings.timeout
        if limits is None or call.via is not None:
            continue
        path = (*call.path, "timeout")
        yield from _phases(limits, path)
        if deadline is not None and limits.total is not None and limits.total > deadline and not call.is_background:
            place: Steps = (*analysis.path, "timeout") if own is not None else ("defaults", "deadline")
            longest, whole = number_text(limits.total), number_text(deadline)
            message = f"the call may take {longest}s, but the whole endpoint only has {whole}s"
            there = Elsewhere(place, "the deadline")
            hint = "shorten it, or give the endpoint more time"
            shows = (Shown(f"{longest}s", ((*path, "total"),)), Shown(f"{whole}s", (place,)))
            yield Finding("timeout-too-long", message, (*path, "total"), hint, "warning", related=(there,), shows=shows)
    settings = analysis.settings
    if settings is not None and settings.idle_timeout is not None and not settings.stream:
        message = "`idle_timeout` has no effect without `stream: true`"
        yield Finding(
            "no-effect",
            message,
            (*analysis.path, "idle_timeout"),
            "add `stream: true`, or write `timeout`",
            at_key=True,
        )


def _phases(limits: Timeouts, path: Steps) -> Iterator[Finding]:
    """Yield findings about limits of a phase on a call: connections belong to upstreams, which calls share."""
    for name in ("connect", "read", "write", "pool"):
        if getattr(limits, name) is not None:
            message = f"a call has no `{name}` limit of its own"
            hint = f"write `{name}` in the `timeout` of the upstream, or of `client`; a call has its `total`"
            yield Finding("no-effect", message, (*path, name), hint, at_key=True)


def check_limits(limits: Timeouts, path: Steps) -> Iterator[Finding]:
    """Yield findings about limits of a phase that are longer than the whole."""
    for name in ("connect", "read", "write", "pool"):
        value = getattr(limits, name)
        if value is not None and limits.total is not None and value > limits.total:
            message = (
                f"`{name}` may take {number_text(value)}s, but the whole call only has {number_text(limits.total)}s"
            )
            there = Elsewhere((*path, "total"), "the whole call")
            shows = (
                Shown(f"{number_text(value)}s", ((*path, name),)),
                Shown(f"{number_text(limits.total)}s", (there.path,)),
            )
            yield Finding(
                "timeout-too-long",
                message,
                (*path, name),
                f"shorten `{name}`",
                "warning",
                related=(there,),
                shows=shows,
            )
