"""Requests at once, as data."""

from __future__ import annotations

from msgspec import Struct

from aggregator.templates import Expression


class AtOncePlan(Struct, frozen=True):
    """At most *limit* requests with the same value of *by*; *state* names what counts them.

    *reads_caller*: what *by* gives is unique within a scheme and issuer alone.
    """

    state: str
    limit: int
    by: Expression | None = None
    reads_caller: bool = False
