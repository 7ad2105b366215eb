"""How long an operator waits: ``check`` of the tour, and ``run`` until its first answer."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Sequence
from statistics import median

from harness import aggregator_peer
from harness.bench import Bench, UnusablePeerError
from harness.installing import BENCHMARKS
from harness.payloads import USER_ID
from harness.peers import PEERS_BY_NAME, Setting
from harness.processes import NotStartedError, free_ports, seconds_to_answer
from harness.results import SceneResult, Verdict

CHECK_SECONDS, ANSWER_SECONDS = 0.35, 1.2
TIMES = 5


class Starting:
    """Measures both commands several times, each from its exec."""

    name: str = "start"
    title: str = "Start"

    def run(self, bench: Bench) -> SceneResult:
        notes: list[str] = []
        checks = _repeated(_check, bench, notes)
        answers = _repeated(_first_answer, bench, notes)
        return SceneResult(
            name=self.name,
            title=self.title,
            columns=("command", "seconds, median", "fastest", "slowest"),
            rows=[
                _row("aggregator check of the tour", checks),
                _row("aggregator run, to its first answer", answers),
            ],
            verdicts=[
                _verdict(f"check ≤ {CHECK_SECONDS:g} s", checks, CHECK_SECONDS),
                _verdict(f"first answer ≤ {ANSWER_SECONDS:g} s", answers, ANSWER_SECONDS),
            ],
            notes=notes,
            raw={"check_seconds": checks, "first_answer_seconds": answers},
        )


def _repeated(measure: Callable[[Bench], float], bench: Bench, notes: list[str]) -> list[float]:
    """Seconds of each time; nothing, and a note, where the command fails."""
    try:
        return [round(measure(bench), 4) for _ in range(TIMES)]
    except UnusablePeerError as reason:
        notes.append(f"aggregator: {reason}")
        return []


def _check(bench: Bench) -> float:
    """The tour is the project's own ``routes.yaml``."""
    tour = BENCHMARKS.parent / "routes.yaml"
    if not tour.is_file():
        raise UnusablePeerError("there is no routes.yaml to check")
    pinned = ["taskset", "-c", str(bench.cores.server)]
    begun = time.monotonic()
    outcome = subprocess.run(
        [*pinned, *aggregator_peer.check_command(bench.options.python, tour)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
    )
    seconds = time.monotonic() - begun
    if outcome.returncode:
        raise UnusablePeerError(f"check of the tour ended with {outcome.returncode}")
    return seconds


def _first_answer(bench: Bench) -> float:
    (port,) = free_ports(1)
    setting = Setting(bench.upstream.plain, bench.folder, python=bench.options.python)
    command = PEERS_BY_NAME["aggregator"].command(setting, port)
    server = bench.servers.launch("start", command, port=port, core=bench.cores.server)
    with bench.stopping([server]):
        try:
            return seconds_to_answer(server, f"/user/{USER_ID}", within=20.0)
        except NotStartedError as error:
            raise UnusablePeerError(f"not started, {bench.without_paths(str(error))}") from None


def _row(command: str, seconds: Sequence[float]) -> tuple[str, ...]:
    if not seconds:
        return (command, "–", "–", "–")
    return (command, *(f"{value:.3f}" for value in (median(seconds), min(seconds), max(seconds))))


def _verdict(target: str, seconds: Sequence[float], most: float) -> Verdict:
    if not seconds:
        return Verdict(target, "–", None)
    return Verdict(target, f"{median(seconds):.3f} s", median(seconds) <= most)
