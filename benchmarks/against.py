"""How fast this tree is against another one: ``python benchmarks/against.py PYTHON_OF_THE_OTHER [SCENE …]``.

Both serve the same file and are loaded in turns, in ten pairs, three minutes for each scene. Both are started anew for
each pair: where a process happens to have its objects in memory makes it some hundredths faster or slower for as long
as it lives, and one pair of processes says nothing of the trees. Shown is the median of the pairs, of rates and of the
processor's time for an answer; of the scene ``start``, how long each takes to check the tour and to give its first
answer. It exits with 1 when a rate is below what its scene wants. A tree that is older than the file language of today
is given the words that it knows.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from harness import aggregator_peer, machine, side_by_side
from harness.bench import Bench, Options
from harness.installing import BENCHMARKS
from harness.payloads import USER_ID
from harness.processes import Server, Servers, free_ports, seconds_to_answer
from harness.series import Contender, Series
from harness.upstream import Upstream, start_upstream

PAIRS = 10
MANY = 5000
LEAST = 0.95
"""How many times the rate of the other tree a scene wants, unless it says so."""
_OLDER = (
    (aggregator_peer.TELEMETRY, "# no telemetry section"),
    ("server: {title", 'server: {access_log: "off", title'),
)


@dataclass(frozen=True, slots=True)
class Scene:
    """*clients* ask for *path* of a file, in turns of seconds; the rate is to be *least* times the other's."""

    path: str
    least: float = LEAST
    clients: int = 32
    turn: float = side_by_side.TURN
    text: Callable[[Upstream], str] = lambda upstream: aggregator_peer.routes(upstream.plain)


SCENES = {
    "single_call": Scene(f"/user/{USER_ID}", 0.98),
    "fan_out": Scene(f"/dashboard/{USER_ID}", 0.98),
    "fan_out_20": Scene(f"/wide/{USER_ID}"),
    "page": Scene(f"/page/{USER_ID}"),
    "thousand": Scene(
        f"/dashboard/{USER_ID}",
        clients=1000,
        turn=2.0,
        text=lambda upstream: aggregator_peer.routes(upstream.slow, connections=4096),
    ),
    "idle": Scene(f"/user/{USER_ID}", clients=1),
    "megabytes": Scene(f"/large/{USER_ID}", clients=4, turn=1.0),
    "tls": Scene(f"/dashboard/{USER_ID}", text=lambda upstream: aggregator_peer.routes(upstream.tls, ca=upstream.ca)),
    "many_endpoints": Scene(
        f"/user_{MANY // 2}/{USER_ID}", text=lambda upstream: aggregator_peer.many_routes(upstream.plain, MANY)
    ),
}
START = "start"
BY_DEFAULT = ("single_call", "fan_out")


def main() -> int:
    """Compare them, and print a line for each scene; 1 beyond a target."""
    given = _arguments()
    cores = machine.Cores.of_this_machine()
    machine.allow_many_files()
    options = Options(rounds=1, seconds=1, slow_seconds=10, python=given.python)
    with tempfile.TemporaryDirectory() as folder, Servers(Path(folder)) as servers:
        upstream = start_upstream(servers, Path(folder) / "upstream", cores.upstream)
        bench = Bench(options, cores, servers, upstream, Path(folder))
        pythons = {"this": given.python, "other": given.other}
        are_met = [_compared(bench, pythons, name, given.pairs) for name in given.scenes or BY_DEFAULT]
    return int(not all(are_met))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("other", type=Path, help="the python of an environment in which the other tree is installed")
    known = f"of {', '.join([*SCENES, START])}; without any: {' and '.join(BY_DEFAULT)}"
    parser.add_argument("scenes", nargs="*", metavar="SCENE", help=known)
    parser.add_argument("--python", type=Path, default=Path(sys.executable), help="what runs this tree")
    parser.add_argument("--pairs", type=int, default=PAIRS, help=f"turns of each ({PAIRS})")
    given = parser.parse_args()
    if unknown := [name for name in given.scenes if name not in {*SCENES, START}]:
        parser.error(f"no such scene: {', '.join(unknown)}")
    return given


def _compared(bench: Bench, pythons: dict[str, Path], name: str, pairs: int) -> bool:
    """Print how this tree does in the scene *name*; return whether it does as well as is wanted."""
    if name == START:
        return _starts(bench, pythons, pairs)
    scene = SCENES[name]
    configs = {tree: _config(bench, tree, python, scene) for tree, python in pythons.items()}
    found = side_by_side.joined([_pair(bench, pythons, configs, scene) for _ in range(pairs)])
    this, other = found["this"], found["other"]
    rates = [mine.load.rate / theirs.load.rate for mine, theirs in zip(this.turns, other.turns, strict=True)]
    print(f"{name}: {_shown(rates)} of the other tree's rate, {_shown(_times(this, other))} of its time", flush=True)
    return median(rates) >= scene.least


def _pair(bench: Bench, pythons: dict[str, Path], configs: dict[str, Path], scene: Scene) -> dict[str, Series]:
    """Start both, in an order that chance decides, and let them answer in turns."""
    started: list[Server] = []
    with bench.stopping(started):
        contenders: list[Contender] = []
        for tree in random.sample(sorted(pythons), len(pythons)):
            server = _started(bench, tree, pythons[tree], configs[tree])
            started.append(server)
            seconds_to_answer(server, scene.path, within=60.0)
            contenders.append(Contender(tree, tree, server.origin + scene.path, server.pid))
        return dict(side_by_side.measure(bench, contenders, scene.clients, turn=scene.turn))


def _starts(bench: Bench, pythons: dict[str, Path], pairs: int) -> bool:
    """Print how fast this tree starts beside the other; return whether it does as well as is wanted."""
    scene = SCENES["single_call"]
    configs = {tree: _config(bench, tree, python, scene) for tree, python in pythons.items()}
    wanted = True
    for what, measure in (("check of the tour", _check_seconds), ("first answer", _answer_seconds)):
        for tree in pythons:
            measure(bench, pythons[tree], configs[tree])  # with what Python compiles once
        took: dict[str, list[float]] = {tree: [] for tree in pythons}
        for _ in range(pairs):
            for tree in random.sample(sorted(pythons), len(pythons)):
                took[tree].append(measure(bench, pythons[tree], configs[tree]))
        shares = [other / this for this, other in zip(took["this"], took["other"], strict=True)]
        seconds = " and ".join(f"{median(took[tree]):.3f} s" for tree in ("this", "other"))
        print(f"{START}: {what} {_shown(shares)} as fast as the other tree, {seconds}", flush=True)
        wanted = wanted and median(shares) >= LEAST
    return wanted


def _check_seconds(bench: Bench, python: Path, _: Path) -> float:
    command = aggregator_peer.check_command(python, BENCHMARKS.parent / "routes.yaml")
    begun = time.monotonic()
    subprocess.run(
        ["taskset", "-c", str(bench.cores.server), *command], stdin=subprocess.DEVNULL, capture_output=True, check=True
    )
    return time.monotonic() - begun


def _answer_seconds(bench: Bench, python: Path, config: Path) -> float:
    server = _started(bench, START, python, config)
    with bench.stopping([server]):
        return seconds_to_answer(server, SCENES["single_call"].path, within=60.0)


def _started(bench: Bench, name: str, python: Path, config: Path) -> Server:
    (port,) = free_ports(1)
    command = aggregator_peer.run_command(python, config, port)
    return bench.servers.launch(name, command, port=port, core=bench.cores.server)


def _config(bench: Bench, tree: str, python: Path, scene: Scene) -> Path:
    """Write the file that both serve, in words that the tree of *python* knows."""
    config = bench.folder / f"{tree}.yaml"
    text = scene.text(bench.upstream)
    config.write_text(text)
    if subprocess.run(aggregator_peer.check_command(python, config), capture_output=True, check=False).returncode:
        for word, older in _OLDER:
            text = text.replace(word, older)
        config.write_text(text)
    return config


def _times(this: Series, other: Series) -> list[float]:
    """Return the processor's time for an answer of this tree as a share of the other's, for each pair."""
    both = zip(this.turns, other.turns, strict=True)
    return [mine.cpu_per_request / theirs.cpu_per_request for mine, theirs in both
            if mine.cpu_per_request and theirs.cpu_per_request]  # fmt: skip


def _shown(shares: Sequence[float]) -> str:
    return f"{median(shares):.3f} ({min(shares):.3f} to {max(shares):.3f})"


if __name__ == "__main__":
    sys.exit(main())
