"""The places of one kind of call, and who waits for one: whole calls have a lane, streams have another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic

from aggregator.transport.waiting import W, WaitingLine


class Lane(Generic[W]):
    """At most *limit* connections, of which so many are *taken*: from the opening on until they are closed."""

    __slots__ = ("limit", "line", "taken")

    def __init__(self, limit: int, waiting: int, drop: Callable[[W], None]) -> None:
        self.limit = limit
        self.taken = 0
        self.line: WaitingLine[W] = WaitingLine(limit, waiting, drop)

    @property
    def has_room(self) -> bool:
        """Whether a connection may be opened."""
        return self.taken < self.limit
