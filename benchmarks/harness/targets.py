"""What a load scene must show. Each target looks at the measured series and gives its verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median
from typing import Protocol

from harness.results import Verdict
from harness.series import Series, ratios

SeriesByName = Mapping[str, Series]


class Target(Protocol):
    def judge(self, series: SeriesByName) -> Verdict: ...


@dataclass(frozen=True, slots=True)
class Ratio:
    """*subject* answers at least *least* times as many requests as *against*, in the median round."""

    least: float
    against: str
    label: str
    subject: str = "aggregator"

    def judge(self, series: SeriesByName) -> Verdict:
        target = f"≥ {self.least:g} × {self.label}"
        if self.subject not in series or self.against not in series:
            return Verdict(target, "–", None)
        found = ratios(series[self.subject], series[self.against])
        got = f"{median(found):.2f} × ({min(found):.2f}–{max(found):.2f})"
        return Verdict(target, got, median(found) >= self.least)


@dataclass(frozen=True, slots=True)
class NoErrors:
    """Every answer was good."""

    subject: str = "aggregator"

    def judge(self, series: SeriesByName) -> Verdict:
        if self.subject not in series:
            return Verdict("no error", "–", None)
        errors = series[self.subject].errors
        return Verdict("no error", str(errors), errors == 0)


@dataclass(frozen=True, slots=True)
class Growth:
    """Memory above what the server held at rest stays under *most* times the bytes in flight."""

    most: float
    bytes_in_flight: int
    subject: str = "aggregator"

    def judge(self, series: SeriesByName) -> Verdict:
        target = f"peak memory ≤ {self.most:g} × the {self.bytes_in_flight / 1e6:.0f} MB in flight"
        if self.subject not in series:
            return Verdict(target, "–", None)
        found = series[self.subject]
        growth = (found.peak_bytes - found.contender.resting_bytes) / self.bytes_in_flight
        return Verdict(target, f"{growth:.2f} × above rest", growth <= self.most)


@dataclass(frozen=True, slots=True)
class Latency:
    """A percentile stays under *most* milliseconds, in the median round."""

    percentile: str
    most: float
    subject: str = "aggregator"

    def judge(self, series: SeriesByName) -> Verdict:
        target = f"{self.percentile} ≤ {self.most:g} ms"
        if self.subject not in series:
            return Verdict(target, "–", None)
        got = series[self.subject].latency(self.percentile)
        return Verdict(target, f"{got:.0f} ms", got <= self.most)


@dataclass(frozen=True, slots=True)
class AddedLatency:
    """At the median, *subject* adds at most *most* milliseconds to *against*, pairwise within a round."""

    most: float
    against: str
    subject: str
    label: str

    def judge(self, series: SeriesByName) -> Verdict:
        target = f"{self.label}: ≤ {self.most:g} ms added at the median"
        if self.subject not in series or self.against not in series:
            return Verdict(target, "–", None)
        pairs = zip(series[self.subject].turns, series[self.against].turns, strict=True)
        got = median(mine.load.p50 - own.load.p50 for mine, own in pairs)
        return Verdict(target, f"{got:.3f} ms", got <= self.most)
