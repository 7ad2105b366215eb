"""How fast this tree is against another one: ``python benchmarks/against.py PYTHON_OF_THE_OTHER [SCENE …]``.

Both serve the same file and are loaded in turns, in ten pairs, three minutes for each scene. Both are started anew for
each pair: where a process happens to have its objects in memory makes it some hundredths faster or slower for as long
as it lives, and one pair of processes says nothing of the trees. Shown is the median of the pairs, of rates and of the
processor's time for an answer. It exits with 1 when a rate is below what its scene wants. A tree that is older than the
file language of today is given the words that it knows.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from harness import aggregator_peer, machine, side_by_side
from harness.bench import Bench, Options
from harness.payloads import USER_ID
from harness.processes import Server, Servers, free_ports, seconds_to_answer
from harness.series import Contender, Series
from harness.upstream import Upstream, start_upstream

PAIRS = 10
MANY = 5000
_OLDER = (
    (aggregator_peer.TELEMETRY, "# no telemetry section"),
    ("server: {title", 'server: {access_log: "off", title'),
)


@dataclass(frozen=True, slots=True)
class Scene:
    """*clients* ask for *path* of a file, in turns of seconds; the rate is to be *least* times the other's."""

    path: str
    least: float = 0.95
    clients: int = 32
    turn: float = side_by_side.TURN
    text: Callable[[Upstream], str] = lambda upstream: aggregator_peer.routes(upstream.plain)


SCENES = {
    "single_call": Scene(f"/user/{USER_ID}", 0.98),
    "fan_out": Scene(f"/dashboard/{USER_ID}", 0.98),
    "fan_out_20": Scene(f"/wide/{USER_ID}"),
    "page": Scene(f"/page/{USER_ID}"),
    "megabytes": Scene(f"/large/{USER_ID}", clients=4, turn=1.0),
    "tls": Scene(f"/dashboard/{USER_ID}", text=lambda upstream: aggregator_peer.routes(upstream.tls, ca=upstream.ca)),
    "many_endpoints": Scene(
        f"/user_{MANY // 2}/{USER_ID}", text=lambda upstream: aggregator_peer.many_routes(upstream.plain, MANY)
    ),
}
BY_DEFAULT = ("single_call", "fan_out")


def main() -> int:
    """Compare them, and print a line for each scene; 1 beyond a target."""
    given = _arguments()
    cores = machine.Cores.of_this_machine()
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
    known = f"of {', '.join(SCENES)}; without any: {' and '.join(BY_DEFAULT)}"
    parser.add_argument("scenes", nargs="*", metavar="SCENE", help=known)
    parser.add_argument("--python", type=Path, default=Path(sys.executable), help="what runs this tree")
    parser.add_argument("--pairs", type=int, default=PAIRS, help=f"turns of each ({PAIRS})")
    given = parser.parse_args()
    if unknown := [name for name in given.scenes if name not in SCENES]:
        parser.error(f"no such scene: {', '.join(unknown)}")
    return given


def _compared(bench: Bench, pythons: dict[str, Path], name: str, pairs: int) -> bool:
    """Print how this tree does in the scene *name*; return whether it does as well as is wanted."""
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
