"""Measures contenders turn by turn: A B C, A B C, …, so that a noisy minute hits all of them alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from harness import usage
from harness.bench import Bench
from harness.wrk import Load, run_wrk

_IN_FLIGHT_WEIGHT = 20
"""A slow contender runs until it has answered this many times its clients, if time allows."""


_LENGTHY = 4

_PAIRED_ROUNDS = 7
_PAIRED_SECONDS = 1

_SETTLING_SECONDS = 8.0


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


def measure(
    bench: Bench, contenders: Sequence[Contender], clients: int, *, lengthy: bool = False, paired: bool = False
) -> Mapping[str, Series]:
    """Warm every contender up, then give each one turn a round, as often as asked for.

    *lengthy* turns are long enough for the last hundredth of latencies to be more than the first answer to each
    client, which has to wait for connections. *paired* contenders are of nearly the same speed: they take many short
    turns, the first of one round being the last of the next, so that a machine whose speed changes by half from one
    second to the next changes it for both.
    """
    regular = [entry for entry in contenders if not entry.once]
    seconds = {entry.name: _fitting_seconds(bench, entry, clients) for entry in regular}
    if lengthy:
        seconds = dict.fromkeys(seconds, _LENGTHY * bench.options.slow_seconds)
    if paired:
        seconds = dict.fromkeys(seconds, _PAIRED_SECONDS)
    turns: dict[str, list[Turn]] = {entry.name: [] for entry in contenders}
    for number in range(bench.options.rounds * (_PAIRED_ROUNDS if paired else 1)):
        for entry in reversed(regular) if paired and number % 2 else regular:
            turns[entry.name].append(_turn(bench, entry, clients, seconds[entry.name]))
    for entry in contenders:
        if entry.once:
            turns[entry.name].append(_turn(bench, entry, clients, bench.options.slow_seconds))
    return {entry.name: Series(entry, tuple(turns[entry.name])) for entry in contenders}


def _fitting_seconds(bench: Bench, entry: Contender, clients: int) -> float:
    """Warm *entry* up and choose how long to measure it."""
    options = bench.options
    warm = run_wrk(entry.url, clients=clients, seconds=1, core=bench.cores.load, paths=entry.paths)
    _settle(entry)
    wanted = _IN_FLIGHT_WEIGHT * clients / max(warm.rate, 0.1)
    return min(max(options.seconds, wanted), max(options.seconds, options.slow_seconds))


def _turn(bench: Bench, entry: Contender, clients: int, seconds: float) -> Turn:
    before = usage.cpu_seconds(entry.pid) if entry.pid else 0.0
    load = run_wrk(entry.url, clients=clients, seconds=seconds, core=bench.cores.load, paths=entry.paths)
    if entry.pid is None:
        return Turn(load, 0.0, 0)
    turn = Turn(load, usage.cpu_seconds(entry.pid) - before, usage.peak_bytes(entry.pid))
    _settle(entry)
    return turn


def _settle(entry: Contender) -> None:
    """Let *entry* finish what wrk left behind, so that it takes no time from the next one's turn."""
    if entry.pid is not None and not entry.once:
        usage.wait_until_idle(entry.pid, _SETTLING_SECONDS)
