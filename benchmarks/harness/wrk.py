"""Runs wrk, the load generator, for a bounded time and reads what it saw."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

_SCRIPT = Path(__file__).with_name("wrk.lua")


class LoadFailedError(Exception):
    """wrk itself could not run."""


@dataclass(frozen=True, slots=True)
class Load:
    """What one run of wrk saw; latencies in milliseconds, of answered requests."""

    requests: int
    seconds: float
    errors: int
    p50: float
    p90: float
    p99: float
    slowest: float

    @property
    def rate(self) -> float:
        """Good answers a second."""
        return max(0, self.requests - self.errors) / self.seconds


def run_wrk(
    url: str, *, clients: int, seconds: float, core: int, paths: Path | None = None, headers: tuple[str, ...] = ()
) -> Load:
    """Load *url* with keep-alive *clients* for whole *seconds*; with *paths*, turn over its lines."""
    return result_of(start_wrk(url, clients=clients, seconds=seconds, core=core, paths=paths, headers=headers))


def start_wrk(
    url: str, *, clients: int, seconds: float, core: int, paths: Path | None = None, headers: tuple[str, ...] = ()
) -> subprocess.Popen[str]:
    """Begin what :func:`run_wrk` does; give it to :func:`result_of`."""
    command = ["taskset", "-c", str(core), "wrk", "-t1", f"-c{clients}", f"-d{_whole(seconds)}s", "--timeout", "30s"]
    return subprocess.Popen(
        [*command, *(part for line in headers for part in ("-H", line)), "-s", str(_SCRIPT), url],
        env=os.environ | ({"PATHS": str(paths)} if paths else {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def result_of(wrk: subprocess.Popen[str], within: float = 120.0) -> Load:
    """Wait for the end of *wrk* and read what it saw; it is ended when that takes longer, or is interrupted."""
    try:
        printed, complaint = wrk.communicate(timeout=within)
    except BaseException:
        wrk.kill()
        wrk.communicate()
        raise
    line = next((row for row in printed.splitlines() if row.startswith("JSON ")), None)
    if line is None:
        raise LoadFailedError(f"wrk gave no result: {complaint.strip()[-500:]}")
    return _read(json.loads(line.removeprefix("JSON ")))


def _whole(seconds: float) -> int:
    return max(1, round(seconds))


def _read(seen: dict[str, float]) -> Load:
    failed = seen["status"] + seen["connect"] + seen["read"] + seen["write"] + seen["timeout"]
    return Load(
        requests=int(seen["requests"]),
        seconds=seen["microseconds"] / 1e6,
        errors=int(failed),
        p50=seen["p50"] / 1e3,
        p90=seen["p90"] / 1e3,
        p99=seen["p99"] / 1e3,
        slowest=seen["max"] / 1e3,
    )
