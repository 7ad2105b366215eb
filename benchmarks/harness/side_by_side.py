"""Measures contenders of nearly the same speed: all under load, and let run one at a time for hundredths of a second.

A machine whose speed changes by half from one second to the next changes for all of them alike that way. Who shall not
run has its load generator stopped; latencies hold these pauses and mean nothing here.
"""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from subprocess import Popen

from harness import usage
from harness.bench import Bench
from harness.series import Contender, Series, Turn
from harness.wrk import result_of, run_wrk, start_wrk

TURN = 0.04
"""Seconds of a short turn. Answers that take as long themselves need longer ones: who is stopped works on."""
_DRAIN = 1 / 8
"""The share of a turn that comes after it, in which a server answers what it still has."""

_LONGER = 5
"""A round is this many times the length of an ordinary turn for each contender."""

_WARM_SECONDS = 2
_REST = 0.2
"""Seconds around the end, in which all are stopped: a load generator that goes on later sees that its time is over."""


def measure(
    bench: Bench, contenders: Sequence[Contender], clients: int, rounds: int | None = None, turn: float = TURN
) -> Mapping[str, Series]:
    """Warm every contender up, then give all of them rounds of many turns of *turn* seconds, in an order of chance."""
    for entry in contenders:
        run_wrk(
            entry.url,
            clients=clients,
            seconds=_WARM_SECONDS,
            core=bench.cores.load,
            paths=entry.paths,
            headers=entry.headers,
        )
    turns = [_round(bench, contenders, clients, turn) for _ in range(rounds or bench.options.rounds)]
    return {
        entry.name: Series(entry, tuple(found[number] for found in turns)) for number, entry in enumerate(contenders)
    }


def joined(several: Sequence[Mapping[str, Series]]) -> Mapping[str, Series]:
    """Return the rounds of *several* measurements of contenders of the same names as one series each."""
    first = several[0]
    return {name: Series(first[name].contender, sum((found[name].turns for found in several), ())) for name in first}


def _round(bench: Bench, contenders: Sequence[Contender], clients: int, turn: float) -> list[Turn]:
    seconds = _LONGER * bench.options.seconds * len(contenders)
    before = [_spent(entry) for entry in contenders]
    ends = time.monotonic() + seconds
    loads: list[Popen[str]] = []
    try:
        for entry in contenders:
            load = start_wrk(
                entry.url, clients=clients, seconds=seconds, core=bench.cores.load, paths=entry.paths,
                headers=entry.headers,
            )  # fmt: skip
            load.send_signal(signal.SIGSTOP)
            loads.append(load)
        ran = _take_turns(loads, ends - _REST, turn)
        time.sleep(max(0.0, ends + _REST - time.monotonic()))
        for load in loads:
            load.send_signal(signal.SIGCONT)
        found = [result_of(load) for load in loads]
    finally:
        for load in loads:
            load.kill()
    return [
        Turn(replace(load, seconds=took), _spent(entry) - was, usage.peak_bytes(entry.pid) if entry.pid else 0)
        for entry, load, took, was in zip(contenders, found, ran, before, strict=True)
    ]


def _spent(entry: Contender) -> float:
    return usage.cpu_seconds(entry.pid) if entry.pid else 0.0


def _take_turns(loads: Sequence[Popen[str]], until: float, turn: float) -> list[float]:
    """Let one of *loads*, all stopped, run for a *turn* until then; return how long each has run."""
    ran = [0.0] * len(loads)
    order = list(range(len(loads)))
    while time.monotonic() < until:
        random.shuffle(order)
        for number in order:
            begun = time.monotonic()
            loads[number].send_signal(signal.SIGCONT)
            time.sleep(turn)
            loads[number].send_signal(signal.SIGSTOP)
            time.sleep(turn * _DRAIN)
            ran[number] += time.monotonic() - begun
    return ran
