"""What happens within one attempt has the time: the wait for a place, and a hedge."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from aggregator.config.analysis.bounds import bounds_of_call
from aggregator.config.analysis.sites import Analysis, CallSite
from aggregator.config.analysis.surroundings import Surroundings
from aggregator.config.model.upstreams.upstream import UpstreamSettings
from aggregator.config.text.values import Steps
from aggregator.diagnostics.finding import Elsewhere, Finding
from aggregator.policies.concurrency.diagnostics import queue_findings
from aggregator.policies.hedge.diagnostics import hedge_findings
from aggregator.policies.hedge.settings import NO_HEDGE
from aggregator.policies.retry.diagnostics import Bounds
from aggregator.policies.retry.settings import NO_RETRY, RetrySettings


def check_attempts(analysis: Analysis, around: Surroundings) -> Iterator[Finding]:
    """Yield findings about hedges, and queues of upstreams, for which the calls of an endpoint have no time."""
    for call in analysis.calls:
        if call.via is not None or call.settings.kind != "url" or call.is_durable:
            continue
        upstream = around.upstream(call.url.upstream if call.url else None)
        bounds, hedge = _of_attempt(analysis, call, upstream, around), call.settings.hedge
        if hedge is not None and hedge is not NO_HEDGE:
            yield from hedge_findings(hedge, (*call.path, "hedge"), bounds)
        if upstream is not None and bounds.place[0] != "upstreams":
            yield from _check_shared(upstream, bounds, call)


def _of_attempt(analysis: Analysis, call: CallSite, upstream: UpstreamSettings | None, around: Surroundings) -> Bounds:
    """Return the shortest limit of one attempt at *call*."""
    whole, own = bounds_of_call(analysis, call, around), call.whole.settings.retry
    if own is not None or upstream is None:
        return _shorter(whole, own, (*call.whole.path, "retry"))
    return _shorter(whole, upstream.retry, ("upstreams", str(call.url and call.url.upstream), "retry"))


def _shorter(bounds: Bounds, retry: RetrySettings | None, path: Steps) -> Bounds:
    if retry is None or retry is NO_RETRY or retry.per_try is None or retry.per_try >= bounds.seconds:
        return bounds
    return Bounds(retry.per_try, (*path, "per_try"), "the limit of one attempt")


def _check_shared(upstream: UpstreamSettings, bounds: Bounds, call: CallSite) -> Iterator[Finding]:
    """Yield findings about what all calls to *upstream* share, which needs more time than one of them has."""
    assert call.url is not None
    path: Steps = ("upstreams", str(call.url.upstream))
    hedge = upstream.hedge if call.whole.settings.hedge is None else None
    for found in chain(
        () if hedge is None else hedge_findings(hedge, (*path, "hedge"), bounds),
        () if upstream.concurrency is None else queue_findings(upstream.concurrency, (*path, "concurrency"), bounds),
    ):
        there = Elsewhere(found.path, "what its upstream says")
        hint = f"give it more time, or {found.hint}" + (", or `hedge: none` here" if found.code == "bad-hedge" else "")
        yield Finding(found.code, found.message, bounds.place, hint, "warning", related=(there,), shows=found.shows)


def check_upstream_attempts(around: Surroundings) -> Iterator[Finding]:
    """Yield findings about hedges and queues of upstreams, within the time that they give an attempt themselves."""
    for name, upstream in around.settings.upstreams.items():
        path: Steps = ("upstreams", name)
        total = upstream.timeout.total if upstream.timeout is not None else None
        whole = Bounds(float("inf") if total is None else total, (*path, "timeout"), "the time of a call")
        bounds = _shorter(whole, upstream.retry, (*path, "retry"))
        if upstream.hedge is not None:
            yield from hedge_findings(upstream.hedge, (*path, "hedge"), bounds)
        if upstream.concurrency is not None:
            yield from queue_findings(upstream.concurrency, (*path, "concurrency"), bounds)
