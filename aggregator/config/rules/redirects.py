"""Redirects are followed for calls that may be sent again and whose answer is read here; elsewhere that is said."""

from __future__ import annotations

from collections.abc import Iterator

from aggregator.config.analysis.sites import Analysis, CallSite
from aggregator.config.analysis.surroundings import Surroundings
from aggregator.diagnostics.finding import Elsewhere, Finding
from aggregator.http import SAFE


def check_redirects(analysis: Analysis, around: Surroundings) -> Iterator[Finding]:
    """Yield findings about redirects that would have to be followed by sending twice, or after a body has begun."""
    for call in analysis.calls:
        if call.via is None and call.settings.redirects and _is_unsafe(call):
            message = f"no redirect is followed for {call.method}, which must not be sent twice"
            yield Finding("no-effect", message, (*call.path, "redirects"), "remove it", "warning", at_key=True)
    if analysis.settings is not None and analysis.settings.stream:
        yield from _check_stream(analysis, around)


def _is_unsafe(call: CallSite) -> bool:
    return not call.is_durable and call.method not in SAFE  # of those that are kept another rule speaks


def _check_stream(analysis: Analysis, around: Surroundings) -> Iterator[Finding]:
    for call in analysis.calls:
        name = call.url.upstream if call.url is not None and not call.is_background else None
        upstream = around.upstream(name)
        if upstream is not None and upstream.redirects:
            message = f"the `redirects` of `{name}` are not followed by a stream: a redirect fails it"
            there = Elsewhere(("upstreams", str(name), "redirects"), "of calls that are no streams")
            hint = "call the address that it leads to"
            yield Finding("no-effect", message, (*analysis.path, "stream"), hint, "warning", related=(there,))
