"""How many processes serve, and what a file declares that several cannot do together."""

from __future__ import annotations

import sys
from typing import Literal

from aggregator.plan.incoming.listening import WorkersPlan
from aggregator.plan.types import Plan
from aggregator.server.workers.processors import processors


def count_of(asked: int | Literal["auto"] | None, plan: WorkersPlan) -> int:
    """Return how many workers serve: as *asked* by the command line, or else as *plan* says."""
    if asked is None:
        asked = "auto" if plan.count is None else plan.count
    return processors() if asked == "auto" else asked


def obstacle(plan: Plan) -> str | None:
    """Return the sentence of why several workers cannot serve *plan*; None when they can."""
    if sys.platform != "linux":
        return "Several workers need Linux: start a process for each, behind a load balancer, or leave out `workers`."
    if plan.has_idempotency and plan.state is None and not plan.server.idempotency.is_shared:
        places = "`state`, or `server: {idempotency: {store: shared}}` with a `store`"
        return f"`idempotency` of several workers needs a place where all keep their answers: {places}."
    if plan.metrics is not None and plan.server.admin is None:
        return "`telemetry.metrics` of several workers needs `server.admin`, where all are in one scrape."
    return None
