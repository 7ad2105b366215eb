"""The rows of status maps, as far as the result of a failed call carries them to whoever makes the answer."""

from __future__ import annotations

from msgspec import Struct

from aggregator.templates import Expression, Template


class RowPlan(Struct, frozen=True):
    """One row of a status map, compiled."""

    on: str
    part: str | None = None
    when: Expression | None = None
    status: int | None = None
    title: str | Template | None = None
    detail: Template | None = None
    body: Template | None = None
    headers: tuple[tuple[bytes, Template], ...] = ()
    forward: bool = False
