"""What the operating system knows of this process; what it does not tell here is left out."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from aggregator.telemetry.metrics import families
from aggregator.telemetry.metrics.families import Family

_SELF: Final = Path("/proc/self")
_BEGAN: Final = time.time()


def cpu_seconds() -> float:
    """Return the processor time that this process has used, in user and kernel mode."""
    used = os.times()
    return round(used.user + used.system, 3)


def memory_bytes() -> int | None:
    """Return how much memory this process holds, what it shares with others included; None where nobody tells."""
    with suppress(OSError):
        return int((_SELF / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return None


def most_memory_bytes() -> int | None:
    """Return the most memory that this process has held; None where nobody tells."""
    with suppress(ImportError):
        import resource  # not on every system

        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else 1024 * most
    return None


def gauges() -> Iterator[tuple[Family, float]]:
    """Yield what is known of memory, files and the start of this process."""
    if (held := memory_bytes()) is not None:
        yield families.MEMORY, held
    with suppress(OSError):
        yield families.OPEN_FILES, len(os.listdir(_SELF / "fd"))
    with suppress(ImportError):
        import resource  # not on every system

        yield families.MAX_FILES, resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    yield families.STARTED, _BEGAN
