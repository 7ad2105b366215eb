"""The body of a kept answer in content codings: each is made once, and kept beside the answer within the same bytes."""

from __future__ import annotations

from aggregator.policies.cache.kept import Entry, Kept
from aggregator.runtime.keeping.contract import KeptAnswer


class KeptVariants:
    """The content codings of the answer *entry*, which *kept* has under *key*."""

    __slots__ = ("_entry", "_kept", "_key")

    def __init__(self, kept: Kept[KeptAnswer], key: bytes, entry: Entry[KeptAnswer]) -> None:
        self._kept = kept
        self._key = key
        self._entry = entry

    def find(self, body: bytes, coding: str) -> bytes | None:
        """Return *body* in *coding* if it is that of the answer and was coded before, else None."""
        value = self._entry.value
        return value.coded.get(coding) if body is value.body else None

    def keep(self, body: bytes, coding: str, coded: bytes) -> None:
        """Keep *coded*, which is *body* in *coding*, if it is that of the answer and there is room for it."""
        value = self._entry.value
        if body is value.body and coding not in value.coded and self._kept.grow(self._key, self._entry, len(coded)):
            value.coded[coding] = coded
