"""One command that proves the speed: ``python benchmarks/run.py``; README.md says how to read the result."""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import FrameType

from harness import installing, machine, report
from harness.bench import Bench, Options
from harness.peers import PEERS_BY_NAME
from harness.processes import NotStartedError, Servers
from harness.results import SceneResult
from harness.scenes import SCENES
from harness.upstream import start_upstream
from harness.wrk import LoadFailedError

RESULTS = Path(__file__).resolve().parent / "results"


def main() -> int:
    """Run the wanted scenes and write the report; 0 when no measured target was missed."""
    arguments = _arguments()
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGINT, _end)
    machine.allow_many_files()
    try:
        installing.install_everything()
        installing.compile_project(arguments.python)
        results = _run_scenes(arguments)
    except (installing.MissingToolError, NotStartedError, LoadFailedError) as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nstopped; every server has been ended", file=sys.stderr)
        return 130
    missed = sum(verdict.passed is False for result in results for verdict in result.verdicts)
    print(f"\n{missed} target(s) missed; written to {arguments.results.name}/results.md, .json and .svg")
    return 1 if missed else 0


def _run_scenes(arguments: argparse.Namespace) -> list[SceneResult]:
    options = _options(arguments)
    cores = machine.Cores.of_this_machine()
    described = machine.describe(options.python, cores)
    folder = installing.CACHE / "work"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    results: list[SceneResult] = []
    with Servers(folder) as servers:
        upstream = start_upstream(servers, folder / "upstream", cores.upstream)
        bench = Bench(options, cores, servers, upstream, folder)
        for name in arguments.scene or SCENES:
            begun, host = time.monotonic(), machine.Host()
            print(f"{name} …", flush=True)
            result = SCENES[name].run(bench)
            results.append(replace(result, notes=[*result.notes, f"The host took {host.taken():.0%} of the time."]))
            print("\n".join(report.verdict_lines(results[-1])))
            print(f"  ({time.monotonic() - begun:.0f} s)", flush=True)
    report.write(arguments.results, described, results, _manner(options))
    return results


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scene", action="append", choices=SCENES, help="only this scene (repeatable)")
    parser.add_argument("--peer", action="append", choices=PEERS_BY_NAME, help="compare only these (repeatable)")
    parser.add_argument("--rounds", type=int, default=3, help="turns for each peer (3)")
    parser.add_argument("--seconds", type=int, default=3, help="length of a turn in whole seconds (3)")
    parser.add_argument("--quick", action="store_true", help="one round of 1 s: proves only that it works")
    parser.add_argument("--python", type=Path, default=installing.OWN_PYTHON, help="what runs aggregator")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder for the report")
    return parser.parse_args()


def _options(arguments: argparse.Namespace) -> Options:
    return Options(
        rounds=1 if arguments.quick else arguments.rounds,
        seconds=1 if arguments.quick else arguments.seconds,
        slow_seconds=2 if arguments.quick else 10,
        python=arguments.python,
        peers=frozenset(arguments.peer) if arguments.peer else None,
    )


def _manner(options: Options) -> str:
    return (
        f"{options.rounds} round(s) of {options.seconds:g} s for each peer "
        f"(up to {options.slow_seconds:g} s for slow ones), the median shown."
    )


def _end(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
