"""What was judged a moment ago, by the hash of its credential: bounded, and never longer than the judgement holds."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Remembered(Generic[Value]):
    """At most *capacity* values, each until a moment of its own on *clock*.

    Two generations of dictionaries: what is asked for moves to the young one, and when that is full the old one is
    dropped as a whole. So nothing is swept, and what is used stays. Credentials themselves are not kept.
    """

    __slots__ = ("__weakref__", "_clock", "_half", "_old", "_young")

    def __init__(self, capacity: int, clock: Callable[[], float]) -> None:
        self._half = max(1, capacity // 2)
        self._clock = clock
        self._young: dict[bytes, tuple[float, Value]] = {}
        self._old: dict[bytes, tuple[float, Value]] = {}

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def get(self, credential: bytes) -> Value | None:
        """Return what was kept for *credential*; None when there is nothing, or its time is over."""
        key = hashlib.sha256(credential).digest()
        entry = self._young.get(key)
        if entry is None:
            entry = self._old.pop(key, None)
            if entry is None:
                return None
            self._place(key, entry)
        if entry[0] <= self._clock():
            del self._young[key]
            return None
        return entry[1]

    def keep(self, credential: bytes, value: Value, until: float) -> None:
        """Keep *value* for *credential* until the moment *until*."""
        key = hashlib.sha256(credential).digest()
        self._old.pop(key, None)
        self._place(key, (until, value))

    def forget(self) -> None:
        """Keep nothing of what was judged so far."""
        self._young, self._old = {}, {}

    def _place(self, key: bytes, entry: tuple[float, Value]) -> None:
        if len(self._young) >= self._half and key not in self._young:
            self._old, self._young = self._young, {}
        self._young[key] = entry
