"""What machine this is, without naming it, and which processor runs what."""

from __future__ import annotations

import os
import platform
import re
import resource
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Cores:
    """Processor numbers: the server under test has one for itself, where there are two."""

    server: int
    upstream: int
    load: int

    @classmethod
    def of_this_machine(cls) -> Cores:
        allowed = sorted(os.sched_getaffinity(0))
        server, rest = allowed[0], allowed[1:] or allowed[:1]
        return cls(server=server, upstream=rest[0], load=rest[-1] if len(rest) == 1 else rest[1])

    @property
    def note(self) -> str:
        if self.server == self.upstream:
            return "one processor for everything: ratios against fast peers mean little here"
        if self.upstream == self.load:
            return "the server under test alone on one processor; load generator and upstream share another"
        return "server under test, upstream and load generator each alone on a processor"


@dataclass(frozen=True, slots=True)
class Machine:
    """What a reader has to know to judge the figures."""

    processor: str
    processors: int
    memory_gb: float
    kernel: str
    python: str
    node: str
    nginx: str
    wrk: str
    placement: str
    load_before_the_run: float

    def rows(self) -> dict[str, str]:
        return {name: str(value) for name, value in asdict(self).items()}


def describe(python: Path, cores: Cores) -> Machine:
    """Look now, before anything is started: the load average shows who else was at work."""
    return Machine(
        processor=_first(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text()),
        processors=len(os.sched_getaffinity(0)),
        memory_gb=round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        kernel=_first(r"^(\d+\.\d+)", platform.release()),
        python=_version(str(python), "--version"),
        node=_version("node", "--version"),
        nginx=_version("nginx", "-v"),
        wrk=_version("wrk", "--version"),
        placement=cores.note,
        load_before_the_run=round(os.getloadavg()[0], 1),
    )


class Host:
    """What a virtual machine's host keeps from it, from the moment that this is made."""

    def __init__(self) -> None:
        self._before = _processor_times()

    def taken(self) -> float:
        """Return the share that others had of the time in which these processors had work to do."""
        passed = [after - before for before, after in zip(self._before, _processor_times(), strict=True)]
        _, _, _, idle, waiting, *_, stolen = passed
        busy = sum(passed) - idle - waiting
        return stolen / busy if busy else 0.0


def _processor_times() -> list[int]:
    """Return ticks of all processors: user, nice, system, idle, iowait, irq, softirq, steal (proc_stat(5))."""
    first, *_ = Path("/proc/stat").read_text().splitlines()
    return [int(ticks) for ticks in first.split()[1:9]]


def _version(*command: str) -> str:
    outcome = subprocess.run(command, capture_output=True, text=True, check=False)
    return _first(r"(\d+\.\d+(?:\.\d+)?)", outcome.stdout + outcome.stderr)


def _first(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    return found.group(1).strip() if found else "unknown"


def allow_many_files() -> None:
    """Raise the limit of files: a thousand clients with three upstream calls each need more than the usual 1024."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
