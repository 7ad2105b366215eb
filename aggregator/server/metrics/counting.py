"""A listener that counts: what became of requests, their parts, and the calls to upstreams."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from weakref import WeakValueDictionary

from aggregator.exchange import Exchange
from aggregator.parts.events import WELL, CallTally, Listeners, RequestEnded
from aggregator.parts.result import Result
from aggregator.plan.analysis.walking import upstreams_in
from aggregator.plan.calls import PartPlan
from aggregator.plan.telemetry import MetricsPlan
from aggregator.plan.types import EndpointPlan, Plan
from aggregator.plan.upstreams import UpstreamPlan
from aggregator.server.metrics.lag import LoopLag
from aggregator.server.metrics.series import CLASSES, EndpointSeries, UpstreamSeries
from aggregator.telemetry.metrics.histogram import MOST_WAITING, Exemplar


class Counts:
    """The numbers since the start of what the served plan names. Labels come from the file, never from requests.

    *bounds* are the boundaries of durations, in seconds; *clock* gives Unix time. ``unmatched`` counts requests that
    met no endpoint, by class; ``used`` are the upstreams of the plan, which are looked for once. ``lag`` measures the
    event loop from ``start`` to ``stop``.
    """

    def __init__(self, bounds: Sequence[float], clock: Callable[[], float] = time.time) -> None:
        self.bounds = tuple(bounds)
        self._clock = clock
        self.endpoints: dict[str, EndpointSeries] = {}
        self.upstreams: dict[str, UpstreamSeries] = {}
        self.used: tuple[UpstreamPlan, ...] = ()
        self._known: WeakValueDictionary[str, UpstreamSeries] = WeakValueDictionary()
        self.unmatched = [0] * len(CLASSES)
        self.lag = LoopLag()
        self.listeners = Listeners(answers=(self,), tallies=(self.tally,))

    def follow(self, plan: Plan) -> None:
        """Count what *plan* names from now on: what is new begins at zero, what is gone ends, the rest goes on.

        An endpoint whose parts have changed keeps its numbers, and those of the parts that it still has.
        """
        known = self.endpoints
        self.endpoints = {}
        for endpoint in plan.declared:
            fresh, old = (
                EndpointSeries(endpoint.key, self.bounds, _parts(endpoint), endpoint.slo),
                known.get(endpoint.key),
            )
            if old is not None:
                fresh.go_on_from(old)
            self.endpoints[endpoint.key] = fresh
        self.used = tuple(upstreams_in(plan))
        labels = dict.fromkeys(upstream.label for upstream in self.used)
        self.upstreams = {label: self._series_of(label) for label in labels}

    def __call__(self, event: RequestEnded) -> None:
        """Count a request that has ended."""
        if not event.endpoint:
            self.unmatched[event.status // 100 - 1] += 1
            return
        seconds = event.ended - event.started
        self.answered(event.endpoint, event.exchange, event.status, event.parts, seconds, event.size, smooth=False)
        series = self.endpoints.get(event.endpoint)
        if event.is_partial and series is not None:
            series.add_partial(event.status, seconds)

    def answered(
        self, endpoint: str, exchange: Exchange, status: int, parts: tuple[Result, ...], seconds: float, size: int,
        smooth: bool,
    ) -> bool:  # fmt: skip
        """Count an answer, whole or not."""
        series = self.endpoints.get(endpoint)
        if series is None:
            return False
        if (trace := exchange.trace) is not None and trace.is_told:
            series.durations[status // 100 - 1].keep(Exemplar(trace.id, seconds, self._clock()))
        if smooth and status in WELL and len(parts) == series.width:  # as nearly all are
            waiting = series.seconds
            waiting.append(seconds)
            series.octets.append(size)
            if len(waiting) >= MOST_WAITING:
                series.fold()
        else:
            series.add(status, parts, seconds, size)
        return False

    def tally(self, upstream: str) -> CallTally:
        """Return what counts the calls to *upstream* (its label)."""
        return self._series_of(upstream)

    def _series_of(self, label: str) -> UpstreamSeries:
        """Return the series of an upstream, which a generation that is being built may know before it is followed."""
        series = self._known.get(label)
        if series is None:
            series = self._known[label] = UpstreamSeries(label, self.bounds)
        return series


def _parts(endpoint: EndpointPlan) -> Sequence[PartPlan]:
    return () if endpoint.fan is None else endpoint.fan.parts


def counts_for(plan: MetricsPlan | None, known: Counts | None) -> Counts | None:
    """Return what counts by *plan*: *known* goes on if it has the same boundaries; None where nothing is counted."""
    if plan is None:
        return None
    return known if known is not None and known.bounds == plan.buckets else Counts(plan.buckets)
