"""Measures contenders turn by turn: A B C, A B C, …, so that a noisy minute hits all of them alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness import usage
from harness.bench import Bench
from harness.series import Contender, Series, Turn
from harness.wrk import run_wrk

_IN_FLIGHT_WEIGHT = 20
"""A slow contender runs until it has answered this many times its clients, if time allows."""


_LENGTHY = 4

_SETTLING_SECONDS = 8.0


def measure(
    bench: Bench, contenders: Sequence[Contender], clients: int, *, lengthy: bool = False
) -> Mapping[str, Series]:
    """Warm every contender up, then give each one turn a round, as often as asked for.

    *lengthy* turns are long enough for the last hundredth of latencies to be more than the first answer to each
    client, which has to wait for connections.
    """
    regular = [entry for entry in contenders if not entry.once]
    seconds = {entry.name: _fitting_seconds(bench, entry, clients) for entry in regular}
    if lengthy:
        seconds = dict.fromkeys(seconds, _LENGTHY * bench.options.slow_seconds)
    turns: dict[str, list[Turn]] = {entry.name: [] for entry in contenders}
    for _ in range(bench.options.rounds):
        for entry in regular:
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
