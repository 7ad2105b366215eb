"""A generation that is made and does not serve yet: several processes swap theirs on one word."""

from __future__ import annotations

from msgspec import Struct

from aggregator.plan.types import Plan
from aggregator.policies.switches.offs import Offs
from aggregator.server.changes.change import Change
from aggregator.server.generations.generation import Generation
from aggregator.server.generations.lasting import Moving
from aggregator.server.generations.observing import Observers

NO_ENDPOINTS = "It declares no endpoint any more, as a file does that is still being written."


class Prepared(Struct, frozen=True, eq=False):
    """A prepared reload: *plan* without what is switched off, beside the *current* generation.

    *started* is the time of the loop at which it began, *observers* see from the swap on, *change* is what differs,
    *moving* where answers by key are kept from the swap on.
    """

    plan: Plan
    offs: Offs
    observers: Observers
    current: Generation
    fresh: Generation
    started: float
    change: Change
    moving: Moving
