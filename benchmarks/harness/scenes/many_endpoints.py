"""Does the number of endpoints cost anything? The same server with 5 endpoints and with 5000."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from harness import aggregator_peer, payloads, side_by_side, usage
from harness.bench import Bench, UnusablePeerError, get_json
from harness.processes import NotStartedError, Server, free_ports, seconds_to_answer
from harness.results import SceneResult, Verdict
from harness.scenes.load_scene import CLOSE_COLUMNS, close_row, raw_figures
from harness.series import Contender, Series
from harness.targets import Ratio

FEW, MANY = 5, 5000
CLIENTS = 32
RELOAD_PATIENCE = 15.0
START_SECONDS, RELOAD_SECONDS, BYTES_AN_ENDPOINT = 4.0, 0.5, 40_000


@dataclass(frozen=True, slots=True)
class Started:
    """A server with *count* endpoints, its file, and how long it took to its first answer."""

    count: int
    server: Server
    config: Path
    seconds: float
    resting_bytes: int


@dataclass(frozen=True, slots=True)
class Attempt:
    """What one pair of servers showed; times in seconds, memory after the load."""

    few_seconds: float
    many_seconds: float
    series: Mapping[str, Series]
    bytes_an_endpoint: float
    reloads: Sequence[float]


class ManyEndpoints:
    """Compares throughput, start, memory and reload."""

    name: str = "many_endpoints"
    title: str = f"{MANY} endpoints instead of {FEW}, one call each, {CLIENTS} clients"

    def run(self, bench: Bench) -> SceneResult:
        try:
            attempts = [self._attempt(bench) for _ in range(bench.options.rounds)]
        except UnusablePeerError as reason:
            return SceneResult(self.name, self.title, CLOSE_COLUMNS, (), _unmeasured(), (f"aggregator: {reason}",))
        return self._result(attempts)

    def _attempt(self, bench: Bench) -> Attempt:
        servers: list[Server] = []
        with bench.stopping(servers):
            few, many = (_start(bench, count, servers) for count in (FEW, MANY))
            contenders = [_contender(bench, many), _contender(bench, few)]
            series = side_by_side.measure(bench, contenders, CLIENTS, rounds=1)
            held = [usage.resident_bytes(started.server.pid) for started in (few, many)]
            reloads = [_reload(bench, many, change) for change in range(3)]
        return Attempt(few.seconds, many.seconds, series, (held[1] - held[0]) / (MANY - FEW), reloads)

    def _result(self, attempts: Sequence[Attempt]) -> SceneResult:
        series = side_by_side.joined([attempt.series for attempt in attempts])
        start = median(attempt.many_seconds for attempt in attempts)
        bytes_an_endpoint = median(attempt.bytes_an_endpoint for attempt in attempts)
        reload = median(seconds for attempt in attempts for seconds in attempt.reloads)
        return SceneResult(
            name=self.name,
            title=self.title,
            columns=CLOSE_COLUMNS,
            rows=[close_row(found, series[_name(MANY)]) for found in series.values()],
            verdicts=[
                Ratio(0.95, _name(FEW), f"the rate with {FEW}", subject=_name(MANY)).judge(series),
                Verdict(TARGETS[1], f"{start:.2f} s", start <= START_SECONDS),
                Verdict(TARGETS[2], f"{reload:.2f} s", reload <= RELOAD_SECONDS),
                Verdict(TARGETS[3], f"{bytes_an_endpoint / 1000:.1f} kB", bytes_an_endpoint <= BYTES_AN_ENDPOINT),
            ],
            notes=[
                f"With {FEW} endpoints the start takes {median(attempt.few_seconds for attempt in attempts):.2f} s.",
                "Side by side, in turns of 40 ms, because 5 % is little. Each endpoint calls a URL of its own.",
                "Both are started anew for each round: where things come to lie in memory is worth as much as 5 %.",
            ],
            raw={name: raw_figures(found) for name, found in series.items()}
            | {
                "start_seconds": {
                    _name(FEW): [round(attempt.few_seconds, 3) for attempt in attempts],
                    _name(MANY): [round(attempt.many_seconds, 3) for attempt in attempts],
                },
                "reload_seconds": [round(seconds, 3) for attempt in attempts for seconds in attempt.reloads],
                "bytes_an_endpoint": [round(attempt.bytes_an_endpoint) for attempt in attempts],
            },
        )


TARGETS = (
    f"≥ 0.95 × the rate with {FEW}",
    f"start with {MANY} ≤ {START_SECONDS:g} s",
    f"reload of one changed line ≤ {RELOAD_SECONDS:g} s",
    f"memory ≤ {BYTES_AN_ENDPOINT / 1000:g} kB an endpoint",
)


def _unmeasured() -> list[Verdict]:
    return [Verdict(target, "–", None) for target in TARGETS]


def _name(count: int) -> str:
    return f"endpoints_{count}"


def _start(bench: Bench, count: int, servers: list[Server]) -> Started:
    config = bench.folder / f"{_name(count)}.yaml"
    config.write_text(aggregator_peer.many_routes(bench.upstream.plain, count))
    (port,) = free_ports(1)
    command = aggregator_peer.run_command(bench.options.python, config, port)
    server = bench.servers.launch(_name(count), command, port=port, core=bench.cores.server)
    servers.append(server)
    try:
        seconds = seconds_to_answer(server, f"/user_{count - 1}/{payloads.USER_ID}", within=60.0)
    except NotStartedError as error:
        raise UnusablePeerError(f"not started, {bench.without_paths(str(error))}") from None
    return Started(count, server, config, seconds, usage.resident_bytes(server.pid))


def _contender(bench: Bench, started: Started) -> Contender:
    """It is asked for all its endpoints, in an order that jumps about the file."""
    paths = bench.folder / f"{_name(started.count)}.paths"
    numbers = (turn * 1237 % MANY % started.count for turn in range(MANY))
    paths.write_text("".join(f"/user_{number}/{payloads.USER_ID}\n" for number in numbers))
    label = f"aggregator, {started.count} endpoints"
    return Contender(
        _name(started.count), label, started.server.origin, started.server.pid, started.resting_bytes, paths
    )


def _reload(bench: Bench, started: Started, change: int) -> float:
    """Change the call of the last endpoint, and give the seconds until the running server answers so."""
    last, user = f"/user_{started.count - 1}", payloads.USER_ID
    to_count = change % 2 == 0
    own, other = "call: users:/users/{user_id}?", "call: users:/users/{user_id}/notifications/count?"
    head, mark, tail = started.config.read_text().rpartition(f"  GET {last}/")
    tail = tail.replace(own, other) if to_count else tail.replace(other, own)
    expected = payloads.NOTIFICATIONS if to_count else payloads.PROFILE
    fresh = started.config.with_suffix(".fresh")
    fresh.write_text(head + mark + tail)
    changed = time.monotonic()
    fresh.replace(started.config)
    while (waited := time.monotonic() - changed) < RELOAD_PATIENCE:
        if get_json(f"{started.server.origin}{last}/{user}") == (200, expected):
            return waited
        time.sleep(0.005)
    raise UnusablePeerError(f"a changed line was not served within {RELOAD_PATIENCE:g} s")
