"""How fast this tree is against another one: ``python benchmarks/against.py PYTHON_OF_THE_OTHER``, six minutes.

Both serve the single call and the fan-out of three, and are loaded in turns, in ten pairs; the medians of their rates
are compared. It exits with 1 when one of them is below 0.98 of the other tree. A tree that is older than the file
language of today is given the words that it knows.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from harness import aggregator_peer, machine, side_by_side
from harness.bench import Bench, Options
from harness.payloads import USER_ID
from harness.processes import Servers, free_ports, seconds_to_answer
from harness.series import Contender
from harness.upstream import Origins, start_upstream

PATHS = {"single call": f"/user/{USER_ID}", "fan-out of three": f"/dashboard/{USER_ID}"}
CLIENTS, PAIRS, LEAST = 32, 10, 0.98
_OLDER = (
    (aggregator_peer.TELEMETRY, "# no telemetry section"),
    ("server: {title", 'server: {access_log: "off", title'),
)


def main() -> int:
    """Compare them, and print a line for each path; 1 beyond the target."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("other", type=Path, help="the python of an environment in which the other tree is installed")
    parser.add_argument("--python", type=Path, default=Path(sys.executable), help="what runs this tree")
    parser.add_argument("--pairs", type=int, default=PAIRS, help=f"turns of each ({PAIRS})")
    given = parser.parse_args()
    cores = machine.Cores.of_this_machine()
    options = Options(rounds=given.pairs, seconds=1, slow_seconds=10, python=given.python)
    with tempfile.TemporaryDirectory() as folder, Servers(Path(folder)) as servers:
        upstream = start_upstream(servers, Path(folder) / "upstream", cores.upstream)
        bench = Bench(options, cores, servers, upstream, Path(folder))
        pythons = {"this": given.python, "other": given.other}
        origins = {name: _started(bench, name, python) for name, python in pythons.items()}
        shares = [_compared(bench, origins, what) for what in PATHS]
    return int(min(shares) < LEAST)


def _started(bench: Bench, name: str, python: Path) -> tuple[str, int]:
    """Start the tree of *python* and return its origin and its process."""
    config = bench.folder / f"{name}.yaml"
    config.write_text(_known_to(python, config, bench.upstream.plain))
    (port,) = free_ports(1)
    command = aggregator_peer.run_command(python, config, port)
    server = bench.servers.launch(name, command, port=port, core=bench.cores.server)
    seconds_to_answer(server, PATHS["single call"], within=60.0)
    return server.origin, server.pid


def _known_to(python: Path, config: Path, origins: Origins) -> str:
    """Return the file that both serve, in words that the tree of *python* knows."""
    text = aggregator_peer.routes(origins)
    config.write_text(text)
    if subprocess.run(aggregator_peer.check_command(python, config), capture_output=True, check=False).returncode == 0:
        return text
    for word, older in _OLDER:
        text = text.replace(word, older)
    return text


def _compared(bench: Bench, origins: dict[str, tuple[str, int]], what: str) -> float:
    """Return the rate of this tree, as a share of the other's: the median of the pairs."""
    contenders = [Contender(name, name, origin + PATHS[what], pid) for name, (origin, pid) in origins.items()]
    found = side_by_side.measure(bench, contenders, CLIENTS)
    shares = [
        this.load.rate / other.load.rate
        for this, other in zip(found["this"].turns, found["other"].turns, strict=True)
    ]  # fmt: skip
    print(f"{what}: {median(shares):.3f} of the other tree ({min(shares):.3f} to {max(shares):.3f})", flush=True)
    return median(shares)


if __name__ == "__main__":
    sys.exit(main())
