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


def run_wrk(url: str, *, clients: int, seconds: float, core: int, paths: Path | None = None) -> Load:
    """Load *url* with keep-alive *clients* for whole *seconds*; with *paths*, turn over its lines."""
    whole = max(1, round(seconds))
    command = ["taskset", "-c", str(core), "wrk", "-t1", f"-c{clients}", f"-d{whole}s", "--timeout", "30s"]
    outcome = subprocess.run(
        [*command, "-s", str(_SCRIPT), url],
        env=os.environ | ({"PATHS": str(paths)} if paths else {}),
        capture_output=True,
        text=True,
        timeout=whole + 60,
        check=False,
    )
    line = next((row for row in outcome.stdout.splitlines() if row.startswith("JSON ")), None)
    if line is None:
        raise LoadFailedError(f"wrk gave no result: {outcome.stderr.strip()[-500:]}")
    return _read(json.loads(line.removeprefix("JSON ")))


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
