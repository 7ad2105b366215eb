"""A scene of one kind: several contenders under the same load, compared by rate, latency, CPU and memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from harness import rounds, side_by_side, usage
from harness.bench import Bench, UnusablePeerError, ask_user, check_answer
from harness.peers import PEERS_BY_NAME
from harness.processes import Server
from harness.results import Bar, SceneResult
from harness.series import Contender, Series, ratios
from harness.targets import Target
from harness.upstream import Manner

UPSTREAM = "upstream"
"""The name of an entry that is the upstream itself, asked directly."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One contender of a scene; *name* tells it from others that start the same *peer*."""

    peer: str
    name: str = ""
    label: str = ""
    path: str = ""
    manner: Manner = "plain"
    connections: int | None = None
    once: bool = False

    @property
    def key(self) -> str:
        return self.name or self.peer


@dataclass(frozen=True, slots=True)
class LoadScene:
    """*clients* keep-alive clients ask *path* of every entry; the first entry is the subject of ratios."""

    name: str
    title: str
    path: str
    clients: int
    entries: Sequence[Entry]
    targets: Sequence[Target]
    note: str = ""
    lengthy: bool = False
    nearly_equal: bool = False

    def run(self, bench: Bench) -> SceneResult:
        started: list[Server] = []
        contenders: list[Contender] = []
        notes = [self.note] if self.note else []
        with bench.stopping(started):
            for entry in self.entries:
                if entry.peer != UPSTREAM and not bench.options.wants(entry.peer):
                    continue
                try:
                    contenders.append(self._enter(bench, entry, started))
                except UnusablePeerError as reason:
                    notes.append(f"{entry.key}: {reason}")
            if self.nearly_equal:
                series = side_by_side.measure(bench, contenders, self.clients)
            else:
                series = rounds.measure(bench, contenders, self.clients, lengthy=self.lengthy)
        return self._result(series, notes)

    def _enter(self, bench: Bench, entry: Entry, started: list[Server]) -> Contender:
        path = entry.path or self.path
        if entry.peer == UPSTREAM:
            return Contender(entry.key, entry.label, bench.upstream.origins(entry.manner)[0] + path, None)
        server = bench.start_peer(entry.peer, entry.manner, entry.connections)
        started.append(server)
        ask_user(server.origin)
        usage.forget_peak(server.pid)
        resting = usage.resident_bytes(server.pid)
        check_answer(server.origin, path)
        label = entry.label or PEERS_BY_NAME[entry.peer].label
        return Contender(entry.key, label, server.origin + path, server.pid, resting, once=entry.once)

    def _result(self, series: Mapping[str, Series], notes: Sequence[str]) -> SceneResult:
        alone = self.clients == 1
        subject = None if alone else series.get(self.entries[0].key)
        return SceneResult(
            name=self.name,
            title=self.title,
            columns=CLOSE_COLUMNS if self.nearly_equal else COLUMNS,
            rows=[(close_row if self.nearly_equal else table_row)(found, subject) for found in series.values()],
            verdicts=[target.judge(series) for target in self.targets],
            notes=notes,
            bars=[
                Bar(found.contender.label, found.latency("p50") if alone else found.rate) for found in series.values()
            ],
            unit="milliseconds at the median" if alone else "requests a second",
            raw={name: raw_figures(found) for name, found in series.items()},
        )


COLUMNS = (
    "peer",
    "requests/s",
    "first row answers",
    "p50 ms",
    "p90 ms",
    "p99 ms",
    "slowest ms",
    "CPU µs/request",
    "processor used",
    "at rest MB",
    "peak MB",
    "errors",
)


_PAUSED = slice(3, 7)
CLOSE_COLUMNS = COLUMNS[: _PAUSED.start] + COLUMNS[_PAUSED.stop :]
"""Without latencies, for contenders that were measured side by side."""


def close_row(series: Series, subject: Series | None) -> tuple[str, ...]:
    row = table_row(series, subject)
    return row[: _PAUSED.start] + row[_PAUSED.stop :]


def table_row(series: Series, subject: Series | None) -> tuple[str, ...]:
    contender, cpu = series.contender, series.cpu_per_request
    own = contender.pid is not None
    return (
        contender.label,
        f"{series.rate:.4g}" if series.rate < 1000 else f"{series.rate:.0f}",
        _times(subject, series),
        _milliseconds(series, "p50"),
        _milliseconds(series, "p90"),
        _milliseconds(series, "p99"),
        _milliseconds(series, "slowest"),
        f"{cpu * 1e6:.0f}" if own and cpu is not None else "–",
        f"{series.busy:.0%}" if own else "–",
        f"{contender.resting_bytes / 1e6:.0f}" if own else "–",
        f"{series.peak_bytes / 1e6:.0f}" if own else "–",
        str(series.errors),
    )


def _milliseconds(series: Series, percentile: str) -> str:
    answered = any(turn.load.requests for turn in series.turns)
    return f"{series.latency(percentile):.2f}" if answered else "–"


def _times(subject: Series | None, series: Series) -> str:
    if subject is None or subject is series or series.contender.once:
        return "–"
    return f"{median(ratios(subject, series)):.3g} × as many"


def raw_figures(series: Series) -> dict[str, object]:
    """One dictionary a contender, a list entry a round."""
    return {
        "label": series.contender.label,
        "resting_bytes": series.contender.resting_bytes,
        "rounds": [
            {
                "rate": round(turn.load.rate, 2),
                "requests": turn.load.requests,
                "seconds": round(turn.load.seconds, 3),
                "errors": turn.load.errors,
                "p50_ms": turn.load.p50,
                "p90_ms": turn.load.p90,
                "p99_ms": turn.load.p99,
                "max_ms": turn.load.slowest,
                "cpu_seconds": round(turn.cpu_seconds, 3),
                "peak_bytes": turn.peak_bytes,
            }
            for turn in series.turns
        ],
    }
