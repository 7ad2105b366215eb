"""What a server costs: processor time and memory of its whole process tree, read from ``/proc``."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")


def process_tree(pid: int) -> list[int]:
    """*pid* and all its descendants that live now."""
    found = [pid]
    for parent in found:
        found.extend(_children(parent))
    return found


def cpu_seconds(pid: int) -> float:
    """User and system time spent so far (proc(5), ``stat`` fields 14 and 15), summed over the tree."""
    return sum(_ticks(member) for member in process_tree(pid)) / _TICK


def resident_bytes(pid: int) -> int:
    """Memory that the tree holds now (``VmRSS``)."""
    return sum(_status(member, "VmRSS") for member in process_tree(pid))


def peak_bytes(pid: int) -> int:
    """The most memory that each process of the tree has held since :func:`forget_peak` (``VmHWM``)."""
    return sum(_status(member, "VmHWM") for member in process_tree(pid))


def forget_peak(pid: int) -> None:
    """Let the peak start again from what is held now (proc(5), ``clear_refs``)."""
    for member in process_tree(pid):
        try:
            Path(f"/proc/{member}/clear_refs").write_text("5")
        except OSError:
            continue


def wait_until_idle(pid: int, within: float) -> None:
    """Return when the tree has used next to no processor time for a tenth of a second, or after *within*."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        before = cpu_seconds(pid)
        time.sleep(0.1)
        if cpu_seconds(pid) - before <= 1 / _TICK:
            return


def _children(pid: int) -> list[int]:
    children: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children += map(int, task.read_text().split())
        except OSError:
            continue
    return children


def _ticks(pid: int) -> int:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return int(fields[11]) + int(fields[12])


def _status(pid: int, name: str) -> int:
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    found = re.search(rf"^{name}:\s+(\d+) kB", text, re.MULTILINE)
    return int(found.group(1)) * 1024 if found else 0
