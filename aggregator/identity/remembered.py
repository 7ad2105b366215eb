"""What was judged a moment ago, by the hash of its credential: bounded, and never longer than the judgement holds."""

from __future__ import annotations

import os
from collections.abc import Callable
from hashlib import blake2b
from typing import Generic, TypeVar

Value = TypeVar("Value")
_BYTES = 16
"""Of a hash: nobody finds another credential of the same one, least of all without the salt."""


class Remembered(Generic[Value]):
    """At most *capacity* values, each until a moment of its own on *clock*.

    Two generations of dictionaries: what is asked for moves to the young one, and when that is full the old one is
    dropped as a whole. So nothing is swept, and what is used stays. Credentials themselves are not kept, but their
    BLAKE2b hashes (RFC 7693) with a random salt: it starts in a third of the time that OpenSSL takes for a SHA-256.
    """

    __slots__ = ("__weakref__", "_clock", "_empty", "_half", "_old", "_young")

    def __init__(self, capacity: int, clock: Callable[[], float]) -> None:
        self._half = max(1, capacity // 2)
        self._clock = clock
        self._empty = blake2b(digest_size=_BYTES, salt=os.urandom(blake2b.SALT_SIZE))
        self._young: dict[bytes, tuple[float, Value]] = {}
        self._old: dict[bytes, tuple[float, Value]] = {}

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def get(self, credential: bytes) -> Value | None:
        """Return what was kept for *credential*; None when there is nothing, or its time is over."""
        hashed = self._empty.copy()  # copied, as the arguments of a new one take longer than the hash
        hashed.update(credential)
        entry = self._young.get(hashed.digest())
        if entry is not None and entry[0] > self._clock():  # as nearly always
            return entry[1]
        return self._older(hashed.digest())

    def _older(self, key: bytes) -> Value | None:
        """Return what was kept for *key* among the old ones, which makes it young; None when its time is over."""
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
        hashed = self._empty.copy()
        hashed.update(credential)
        key = hashed.digest()
        self._old.pop(key, None)
        self._place(key, (until, value))

    def forget(self) -> None:
        """Keep nothing of what was judged so far."""
        self._young, self._old = {}, {}

    def _place(self, key: bytes, entry: tuple[float, Value]) -> None:
        if len(self._young) >= self._half and key not in self._young:
            self._old, self._young = self._young, {}
        self._young[key] = entry
