"""Idempotent endpoints as data."""

from __future__ import annotations

from msgspec import Struct

from aggregator.templates import Template

COUNT = 1_000_000
SIZE = 1024**3


class IdempotencyPlan(Struct, frozen=True):
    """How an endpoint tells a repeated request: by *key*, for *ttl* seconds; *required* refuses one without it.

    *subject* says whose answer it is, None for that of the caller.
    """

    key: Template
    ttl: float
    required: bool = False
    subject: Template | None = None


class AnswerBounds(Struct, frozen=True):
    """How many answers, and bytes of them, are kept for all endpoints together.

    What *is_shared* lies in the store of all machines, else in the folder of `state`.
    """

    count: int = COUNT
    size: int = SIZE
    is_shared: bool = False


ANSWER_BOUNDS = AnswerBounds()
"""What is kept where the file says nothing."""
