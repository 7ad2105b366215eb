"""A bounded table whose entries last for a time of their own and are never forgotten before it."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from aggregator.errors import StoreError

_T = TypeVar("_T")


class Lasting(Generic[_T]):
    """Entries by key with the time at which each ends; *what* they are, for the message of a full table."""

    def __init__(self, clock: Callable[[], float], most: int, what: str) -> None:
        self._clock = clock
        self._most = most
        self._what = what
        self._entries: dict[bytes, tuple[_T, float]] = {}
        self._ends: list[tuple[float, bytes]] = []

    @property
    def ends(self) -> Sequence[tuple[float, bytes]]:
        """The times at which entries end, with those of entries that have been put again since."""
        return self._ends

    def get(self, key: bytes) -> _T | None:
        """Return the entry of *key*, None when there is none or its time is over."""
        entry = self._entries.get(key)
        return None if entry is None or entry[1] <= self._clock() else entry[0]

    def put(self, key: bytes, entry: _T, lifetime: float) -> None:
        """Keep *entry* for *lifetime* seconds from now. Raises ``StoreError`` when there are too many entries."""
        now = self._clock()
        self._forget(now)
        if key not in self._entries and len(self._entries) >= self._most:
            raise StoreError(f"The store holds as many {self._what} as it may.")
        self._entries[key] = (entry, now + lifetime)
        heapq.heappush(self._ends, (now + lifetime, key))
        if len(self._ends) > 2 * len(self._entries) + 16:  # entries that were deleted or renewed leave old ends behind
            self._ends = [(ends, name) for name, (_, ends) in self._entries.items()]
            heapq.heapify(self._ends)

    def change(self, key: bytes, entry: _T) -> None:
        """Put *entry* in the place of that of *key*, which ends when it would have ended."""
        self._entries[key] = (entry, self._entries[key][1])

    def delete(self, key: bytes) -> None:
        """Forget the entry of *key*."""
        self._entries.pop(key, None)

    def _forget(self, now: float) -> None:
        while self._ends and self._ends[0][0] <= now:
            _, key = heapq.heappop(self._ends)
            if key in self._entries and self._entries[key][1] <= now:
                del self._entries[key]
