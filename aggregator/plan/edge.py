"""What every answer carries, as data: CORS and headers."""

from __future__ import annotations

from msgspec import Struct

from aggregator.edge.cors import Cors
from aggregator.templates import Template


class ErrorPlan(Struct, frozen=True):
    """The answer in place of problems with the status, or of the class, *on*."""

    on: str
    status: int | None = None
    body: Template | None = None
    html: Template | None = None


class EdgePlan(Struct, frozen=True):
    """The additions to each answer, refusals and failures included.

    *errors* put problems in the words of the file. *fixed* and *made* are headers that an answer gets which does not
    have them; what *made* ones read is the request. *lifecycle* are headers that stand beside others of their name.
    """

    cors: Cors | None = None
    fixed: tuple[tuple[bytes, bytes], ...] = ()
    made: tuple[tuple[bytes, Template], ...] = ()
    errors: tuple[ErrorPlan, ...] = ()
    lifecycle: tuple[tuple[bytes, bytes], ...] = ()


BARE = EdgePlan()
