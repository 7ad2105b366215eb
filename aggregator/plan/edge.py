"""What every answer carries, as data: CORS and headers."""

from __future__ import annotations

from msgspec import Struct

from aggregator.edge.cors import Cors
from aggregator.templates import Template


class EdgePlan(Struct, frozen=True):
    """What is added to each answer, those that refuse or fail included.

    *fixed* and *made* are headers that an answer gets which does not have them; what *made* ones read is the request.
    """

    cors: Cors | None = None
    fixed: tuple[tuple[bytes, bytes], ...] = ()
    made: tuple[tuple[bytes, Template], ...] = ()


BARE = EdgePlan()
