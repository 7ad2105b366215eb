"""A thousand reloads with rotating secrets: ``python benchmarks/soak/reloads.py``; fails when memory grows.

Every reload changes a secret and one line of every endpoint. The memory that the server holds after the last one is
compared with what it held after the tenth.
"""

from __future__ import annotations

import argparse
import http.client
import json
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ENDPOINT = """  GET /n{number}/{{id}}:
    fan_out:
      one: {{url: "up:/a/{{id}}", headers: {{x-turn: "{turn}-{number}"}}}}
      two: up:/b{number}
"""
HEAD = 'version: 1\nupstreams: {up: {url: "http://127.0.0.1:9", headers: {x-key: "${file:secret}"}}}\nendpoints:\n'


def main() -> int:
    """Run the scene; 0 when the memory stayed within what it may grow."""
    wanted = _arguments()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write(folder, 1, wanted.endpoints)
        command = [wanted.aggregator, "run", str(folder / "routes.yaml"), "--no-watch", "--port", "0"]
        with (folder / "log").open("w") as log, subprocess.Popen(command, stderr=log, stdout=log) as server:
            try:
                return _measure(server, folder, wanted)
            finally:
                server.send_signal(signal.SIGTERM)


def _measure(server: subprocess.Popen[bytes], folder: Path, wanted: argparse.Namespace) -> int:
    connection = http.client.HTTPConnection(_address(folder / "log"))
    held: dict[int, int] = {}
    for turn in range(2, wanted.reloads + 2):
        _write(folder, turn, wanted.endpoints)
        server.send_signal(signal.SIGHUP)
        _await(connection, turn)
        if turn == 11 or turn % 50 == 1:
            held[turn - 1] = _kilobytes(server.pid)
            print(f"{turn - 1:5} reloads  {held[turn - 1] / 1024:7.1f} MiB", flush=True)
    grown = held[max(held)] / held[10] - 1
    print(f"grown by {grown:+.1%} since the tenth, {wanted.most:.0%} may be")
    return int(grown > wanted.most)


def _address(log: Path) -> str:
    for _ in range(2400):  # a busy machine takes long to start thousands of endpoints
        if found := re.search(r"http://(127\.0\.0\.1:\d+)\b", log.read_text()):
            return found[1]
        time.sleep(0.05)
    raise SystemExit(f"the server did not start: {log.read_text()}")


def _await(connection: http.client.HTTPConnection, generation: int) -> None:
    for _ in range(2000):
        connection.request("GET", "/-/config")
        if json.load(connection.getresponse())["generation"] == generation:
            return
        time.sleep(0.005)
    raise SystemExit(f"generation {generation} is not served")


def _write(folder: Path, turn: int, endpoints: int) -> None:
    (folder / "secret").write_text(f"a-secret-that-rotates-{turn}")
    text = HEAD + "".join(ENDPOINT.format(number=number, turn=turn) for number in range(endpoints))
    (folder / "routes.yaml").write_text(text)


def _kilobytes(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith(("Private_Dirty:", "Private_Clean:")))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--aggregator", default=str(Path(sys.executable).with_name("aggregator")))
    parser.add_argument("--reloads", type=int, default=1000)
    parser.add_argument("--endpoints", type=int, default=51)
    parser.add_argument("--most", type=float, default=0.05, help="by what part memory may grow")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
