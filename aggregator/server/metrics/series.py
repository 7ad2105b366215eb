"""The numbers of one endpoint, part or upstream: rows that exist at zero from loading on.

A series that first appears with its first failure hides that failure from ``rate()``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import inf
from typing import Final

from aggregator.causes import CAUSES, Cause, State
from aggregator.parts.events import WELL
from aggregator.parts.result import Result
from aggregator.plan.calls import PartPlan
from aggregator.plan.telemetry import SloPlan
from aggregator.telemetry.metrics.exposition import Sample, Table, labels_text
from aggregator.telemetry.metrics.histogram import Histogram

CLASSES: Final = ("1xx", "2xx", "3xx", "4xx", "5xx")
_WELL: Final = CLASSES.index("2xx")
_SIZE_BOUNDS: Final = (100.0, 1_000.0, 10_000.0, 100_000.0, 1_000_000.0, 10_000_000.0)

_UNSENT: Final = frozenset({Cause.LIMITED, Cause.BREAKER_OPEN, Cause.SWITCHED_OFF, Cause.QUEUE_FULL, Cause.OVER_BUDGET})
"""Why nothing was sent: what did not happen took no time, and would make an upstream look fast."""

Outcome = tuple[State, Cause | None]


class PartSeries:
    """The counts of the outcomes of a part. The *outcomes* are shared by all parts with the same ones."""

    __slots__ = ("_index", "counts", "labels", "outcomes")

    def __init__(self, endpoint: str, name: str, outcomes: tuple[Outcome, ...]) -> None:
        self.labels = labels_text(("endpoint", endpoint), ("part", name))
        self.outcomes = outcomes
        self._index = _index_of(outcomes)
        self.counts = [0] * len(outcomes)

    def add(self, state: State, cause: Cause | None) -> None:
        """Count one outcome; one that is not foreseen is told as a failure by a fault."""
        told = None if state is State.STALE else cause
        self.counts[self._index.get((state, told), self._index[State.FAILED, Cause.FAULT])] += 1

    @property
    def table(self) -> Table:
        """The count of each outcome."""
        return Table(_ENDINGS[id(self.outcomes)], self.counts)


def outcomes_of(part: PartPlan) -> tuple[Outcome, ...]:
    """Return what can become of *part*; equal parts get the same object."""
    return _ALL[part.optional, part.when is not None]


def _outcomes(*, optional: bool, conditional: bool) -> tuple[Outcome, ...]:
    states = [State.FAILED, *((State.DEFAULT,) if optional else ())]
    failures = [(state, cause) for state in states for cause in CAUSES]
    skipped = [(State.SKIPPED, None)] if conditional or optional else []
    return ((State.OK, None), (State.STALE, None), (State.CANCELLED, None), *skipped, *failures)


_ALL: Final = {
    (optional, conditional): _outcomes(optional=optional, conditional=conditional)
    for optional in (False, True)
    for conditional in (False, True)
}
_INDEXES: Final[dict[int, dict[Outcome, int]]] = {
    id(outcomes): {outcome: number for number, outcome in enumerate(outcomes)} for outcomes in _ALL.values()
}
_ENDINGS: Final[dict[int, tuple[str, ...]]] = {
    id(outcomes): tuple(f'state="{state}",cause="{cause or ""}"}} ' for state, cause in outcomes)
    for outcomes in _ALL.values()
}


def _index_of(outcomes: tuple[Outcome, ...]) -> dict[Outcome, int]:
    return _INDEXES[id(outcomes)]


class EndpointSeries:
    """The numbers of one endpoint; ``durations`` by status class.

    Of answers that went well with all of as many parts as its *width*, only ``seconds`` and ``octets`` are put down.
    Where it ``wants_whole`` answers, ``spoilt`` counts those that break its *slo* by a missing part alone.
    """

    __slots__ = (
        "_latency",
        "_parts",
        "_told",
        "durations",
        "labels",
        "octets",
        "partial",
        "seconds",
        "sizes",
        "spoilt",
        "wants_whole",
        "width",
    )  # fmt: skip

    def __init__(
        self, endpoint: str, bounds: tuple[float, ...], parts: Sequence[PartPlan], slo: SloPlan | None = None
    ) -> None:
        self.labels = labels_text(("endpoint", endpoint))
        self.durations = [Histogram(bounds) for _ in CLASSES]
        self.sizes = Histogram(_SIZE_BOUNDS)
        self.partial = self.spoilt = 0
        self.wants_whole = slo is not None and slo.partial_is_bad
        self._latency = inf if slo is None or slo.latency is None else slo.latency
        self.width = len(parts)
        self._parts = {part.name: PartSeries(endpoint, part.name, outcomes_of(part)) for part in parts}

        self._told = 0
        self._open()

    def _open(self) -> None:
        self.seconds, self.octets = self.durations[_WELL].waiting, self.sizes.waiting

    def go_on_from(self, old: EndpointSeries) -> None:
        """Continue the numbers of *old*; parts that are new, or have other outcomes, start at zero."""
        known = old.parts
        self.durations, self.sizes, self.partial, self.spoilt = old.durations, old.sizes, old.partial, old.spoilt
        self._told = old._told
        self._open()
        for name, part in self._parts.items():
            if (before := known.get(name)) is not None and before.outcomes is part.outcomes:
                part.counts = before.counts

    def add(self, status: int, parts: Sequence[Result], seconds: float, size: int) -> None:
        """Count an answer, and what became of each of its *parts*."""
        self.durations[status // 100 - 1].add(seconds)
        self.sizes.add(size)
        for result in parts:
            if (part := self._parts.get(result.name)) is not None:
                part.add(result.state, result.cause)

    def add_partial(self, status: int, seconds: float) -> None:
        """Count an answer that lacked parts, once more."""
        self.partial += 1
        if self.wants_whole and status < 500 and seconds <= self._latency:
            self.spoilt += 1

    def fold(self) -> None:
        """Count what was only put down."""
        self.durations[_WELL].fold()
        self.sizes.fold()

    @property
    def parts(self) -> dict[str, PartSeries]:
        """The counts of the parts, by name."""
        fresh = self.sizes.gathered - self._told  # only answers with all their parts are put down
        if fresh:
            self._told += fresh
            for part in self._parts.values():
                part.counts[0] += fresh
        return self._parts

    def by_class(self) -> Iterator[tuple[str, Histogram]]:
        """Yield the labels of each status class that answers have, and its durations."""
        for name, durations in zip(CLASSES[1:], self.durations[1:], strict=True):
            yield f'{self.labels},status="{name}"', durations


class UpstreamSeries:
    """The numbers of one upstream: how its attempts ended, by the class of their status or the cause.

    Those that went well are those whose durations have waited to be counted.
    """

    __slots__ = ("__weakref__", "_ends", "durations", "labels")

    def __init__(self, upstream: str, bounds: tuple[float, ...]) -> None:
        self.labels = labels_text(("upstream", upstream))
        self.durations = Histogram(bounds)
        self._ends: dict[tuple[str, str], int] = {("3xx", ""): 0, ("", "cancelled"): 0}
        self._ends |= {(name, Cause.STATUS.value): 0 for name in ("3xx", "4xx", "5xx")}
        self._ends |= {("", cause.value): 0 for cause in CAUSES if cause is not Cause.STATUS}

    def add(self, state: State, cause: Cause | None, status: int, seconds: float) -> None:
        """Count one call that has ended."""
        if state is State.OK and status in WELL:
            self.durations.put_down(seconds)
            return
        end = _end(state, cause, status)
        self._ends[end] = self._ends.get(end, 0) + 1
        if cause not in _UNSENT:
            self.durations.add(seconds)

    @property
    def counts(self) -> dict[tuple[str, str], int]:
        """The number of calls by outcome."""
        return {("2xx", ""): self.durations.gathered} | self._ends

    def samples(self) -> Iterator[Sample]:
        """Yield a sample for each end of an attempt that is known."""
        for (status, cause), count in self.counts.items():
            yield f'{self.labels},status="{status}",cause="{cause}"', count


def _end(state: State, cause: Cause | None, status: int) -> tuple[str, str]:
    """Return the class of the status, and the cause of a failure, of a call that has ended."""
    told = "cancelled" if state is State.CANCELLED else "" if cause is None else cause.value
    return CLASSES[status // 100 - 1] if status >= 100 and told in ("", "status") else "", told
