"""Values with lifetimes and tags, bounded in number and bytes; the longest unread is forgotten first."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Callable
from typing import NamedTuple

_OVERHEAD = 200
"""Bytes that an entry costs beside its key, value and tags, about."""


class _Value(NamedTuple):
    body: bytes
    ends: float
    tags: frozenset[bytes]
    size: int


class Values:
    """At most *most* values of together *most_bytes*."""

    def __init__(self, clock: Callable[[], float], most: int, most_bytes: int) -> None:
        self._clock = clock
        self._most = most
        self._most_bytes = most_bytes
        self._bytes = 0
        self._values: OrderedDict[bytes, _Value] = OrderedDict()
        self._tagged: defaultdict[bytes, set[bytes]] = defaultdict(set)

    @property
    def size(self) -> int:
        """The bytes of all values, with what their entries cost."""
        return self._bytes

    def get(self, key: bytes) -> bytes | None:
        """Return the value of *key*, None when there is none or its lifetime is over."""
        value = self._values.get(key)
        if value is None:
            return None
        if value.ends <= self._clock():
            self.delete(key)
            return None
        self._values.move_to_end(key)
        return value.body

    def put(self, key: bytes, body: bytes, lifetime: float, tags: frozenset[bytes]) -> None:
        """Keep *body* for *lifetime* in the place of any other of *key*."""
        self.delete(key)
        size = len(key) + len(body) + sum(map(len, tags)) + _OVERHEAD
        if lifetime <= 0 or size > self._most_bytes:
            return
        while self._values and (len(self._values) >= self._most or self._bytes + size > self._most_bytes):
            self.delete(next(iter(self._values)))
        self._values[key] = _Value(body, self._clock() + lifetime, tags, size)
        self._bytes += size
        for tag in tags:
            self._tagged[tag].add(key)

    def delete(self, key: bytes) -> None:
        """Forget the value of *key*."""
        value = self._values.pop(key, None)
        if value is None:
            return
        self._bytes -= value.size
        for tag in value.tags:
            keys = self._tagged[tag]
            keys.discard(key)
            if not keys:
                del self._tagged[tag]

    def delete_tagged(self, tag: bytes) -> int:
        """Forget all values with *tag* and return how many of them had not ended."""
        now, lasting = self._clock(), 0
        for key in tuple(self._tagged.get(tag, ())):
            lasting += self._values[key].ends > now
            self.delete(key)
        return lasting
