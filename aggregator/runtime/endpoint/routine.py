"""What is the same for many endpoints: how they are served, whatever they call."""

from __future__ import annotations

import time
from collections.abc import Callable

from msgspec import Struct

from aggregator.edge.networks import NO_NETWORKS, Networks
from aggregator.runtime.answers.assembly import Assembly
from aggregator.runtime.answers.disclosure import Discloses
from aggregator.runtime.background.durable.storing import Storing
from aggregator.runtime.background.effects import Effect, EffectQueue
from aggregator.runtime.background.shadows import Shadows
from aggregator.runtime.finish.leaving import Leaving
from aggregator.runtime.idempotent.serving import Idempotency
from aggregator.runtime.keeping.answers import Keeping
from aggregator.runtime.observing.tracing import Tracing
from aggregator.runtime.parts.fanout import Order
from aggregator.runtime.reporting import Report
from aggregator.runtime.request.deadlines import AskedDeadline
from aggregator.runtime.request.gates import Gate
from aggregator.runtime.request.inputs import Inputs


class Routine(Struct, frozen=True):
    """The way an endpoint is served, apart from its calls: thousands of endpoints share few routines.

    *gates* are what a request passes before its inputs are read, *gates_behind* once these are valid. *budget* are the
    seconds that its calls may take, *clock* gives Unix time. *trusted* are the proxies that are believed. *leaving* is
    what is done to each answer, None when nothing is.
    """

    inputs: Inputs
    order: Order
    assembly: Assembly
    effects: tuple[Effect, ...]
    queue: EffectQueue
    report: Report
    discloses: Discloses
    budget: float
    clock: Callable[[], float] = time.time
    gates: tuple[Gate, ...] = ()
    gates_behind: tuple[Gate, ...] = ()
    trusted: Networks = NO_NETWORKS
    keeping: Keeping | None = None
    idempotency: Idempotency | None = None
    asked_deadline: AskedDeadline | None = None
    shadows: Shadows | None = None
    leaving: Leaving | None = None
    tracing: Tracing | None = None
    storing: Storing | None = None
