"""The number of workers, their start method, and the declarations that several workers cannot carry out together."""

from __future__ import annotations

import sys
from typing import Final, Literal

from aggregator.plan.incoming.listening import WorkersPlan
from aggregator.plan.types import Plan
from aggregator.server.workers.processors import processors

_FORKS: Final[bool] = sys.platform == "linux"
"""Whether a fork is safe: on macOS, libraries of the system start threads and end a process that goes on without."""
_NO_FORK = "`server.workers.start: fork` is safe on Linux alone: leave it out, or write `spawn`."


def count_of(asked: int | Literal["auto"] | None, plan: WorkersPlan) -> int:
    """Return how many workers serve: as *asked* by the command line, or else as *plan* says."""
    if asked is None:
        asked = "auto" if plan.count is None else plan.count
    return processors() if asked == "auto" else asked


def start_of(plan: WorkersPlan, *, forks: bool = _FORKS) -> Literal["fork", "spawn"]:
    """Return how workers start where the system *forks* safely, or does not."""
    if plan.start == "auto":
        return "fork" if forks else "spawn"
    return plan.start


def obstacle(plan: Plan, *, forks: bool = _FORKS) -> str | None:
    """Return the sentence of why several workers cannot serve *plan*; None when they can.

    The system *forks* safely, or does not.
    """
    if sys.platform == "win32":
        return "Several workers need Linux or macOS: start a process for each, behind a load balancer."
    if plan.server.workers.start == "fork" and not forks:
        return _NO_FORK
    if plan.has_idempotency and plan.state is None and not plan.server.idempotency.is_shared:
        places = "`state`, or `server: {idempotency: {store: shared}}` with a `store`"
        return f"`idempotency` of several workers needs a place where all keep their answers: {places}."
    if plan.metrics is not None and plan.server.admin is None:
        return "`telemetry.metrics` of several workers needs `server.admin`, where all are in one scrape."
    return None
