"""Keeps the other processors from idling, so that the one under test is as fast in every turn.

Two processors of a virtual machine are often halves of one core: the one under test runs a third faster while the
other idles. A peer that gives the load generator little to do would be measured on the faster machine.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager

_SPIN = "import os; os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))\nwhile True: pass"


@contextmanager
def kept_busy(cores: Collection[int]) -> Iterator[None]:
    """Let each of *cores* spin whenever it has nothing else to do; any other process goes before that at once."""
    with ExitStack() as stack:
        for core in cores:
            pinned = ["setpriv", "--pdeathsig", "KILL", "taskset", "-c", str(core), sys.executable, "-c", _SPIN]
            spinning = stack.enter_context(subprocess.Popen(pinned, stdin=subprocess.DEVNULL, env=dict(os.environ)))
            stack.callback(spinning.kill)
        yield
