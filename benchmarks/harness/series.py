"""What is measured of a contender: its turns, and what a turn cost and gave."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from statistics import median

from harness.wrk import Load


@dataclass(frozen=True, slots=True)
class Contender:
    """A running server that takes part, and what is asked of it."""

    name: str
    label: str
    url: str
    pid: int | None
    """None for one that is not under test, such as the upstream asked directly."""
    resting_bytes: int = 0
    """Memory held before the first measured request."""
    paths: Path | None = None
    headers: tuple[str, ...] = ()
    """Lines that each request has beside those of the load generator."""
    once: bool = False
    """Measured a single time, after the rounds: one that cannot be brought to rest between turns."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One contender in one round."""

    load: Load
    cpu_seconds: float
    peak_bytes: int

    @property
    def cpu_per_request(self) -> float | None:
        """Seconds of processor time for one request, over the whole process tree."""
        return self.cpu_seconds / self.load.requests if self.load.requests else None

    @property
    def busy(self) -> float:
        """Share of one processor that the server used."""
        return self.cpu_seconds / self.load.seconds


@dataclass(frozen=True, slots=True)
class Series:
    """All turns of one contender, in order of the rounds."""

    contender: Contender
    turns: tuple[Turn, ...]

    @property
    def rate(self) -> float:
        return median(turn.load.rate for turn in self.turns)

    @property
    def errors(self) -> int:
        return sum(turn.load.errors for turn in self.turns)

    def latency(self, percentile: str) -> float:
        """Median over the rounds of ``p50``, ``p90``, ``p99`` or ``slowest``, in milliseconds."""
        return float(median(getattr(turn.load, percentile) for turn in self.turns))

    @property
    def cpu_per_request(self) -> float | None:
        known = [turn.cpu_per_request for turn in self.turns if turn.cpu_per_request is not None]
        return median(known) if known else None

    @property
    def busy(self) -> float:
        return median(turn.busy for turn in self.turns)

    @property
    def peak_bytes(self) -> int:
        return max(turn.peak_bytes for turn in self.turns)


def ratios(series: Series, other: Series) -> list[float]:
    """Rate of *series* in terms of *other*, within each round; infinite where *other* gave nothing."""
    pairs = zip(series.turns, other.turns, strict=True)
    return [a.load.rate / b.load.rate if b.load.rate else float("inf") for a, b in pairs]
