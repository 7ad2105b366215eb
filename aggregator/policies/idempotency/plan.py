"""Idempotent endpoints as data."""

from __future__ import annotations

from msgspec import Struct

from aggregator.templates import Template

COUNT = 1_000_000
SIZE = 1024**3


class IdempotencyPlan(Struct, frozen=True):
    """The recognition of repeated requests: by *key*, for *ttl* seconds; *required* refuses a request without key.

    *subject* says whose answer it is, None for that of the caller.
    """

    key: Template
    ttl: float
    required: bool = False
    subject: Template | None = None


class AnswerBounds(Struct, frozen=True):
    """The bounds on answers kept by key, for all endpoints together: number and bytes.

    What *is_shared* lies in the store of all machines, else in the folder of `state`.
    """

    count: int = COUNT
    size: int = SIZE
    is_shared: bool = False


ANSWER_BOUNDS = AnswerBounds()
"""What is kept where the file says nothing."""
