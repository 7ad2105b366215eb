"""Elements of batches as they lie in the store, and what looks for many of them at once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from functools import partial
from typing import Any, Final, TypeAlias

import msgspec
from msgspec import Struct

from aggregator.codecs import json as json_codec
from aggregator.policies.cache.shared.leases import Begun
from aggregator.policies.cache.shared.level import Read, SharedLevel
from aggregator.transport.door import Cancelable

Numbers: TypeAlias = dict[bytes, int | None]
"""The number of the last purge of the store for each key that was looked for; None where that is not known."""


class Element(Struct, frozen=True, eq=False):
    """The JSON *text* of an element that came with *status*; empty, with 404, for a key that had none."""

    text: bytes
    status: int


class _Written(Struct, array_like=True, frozen=True, tag=1):
    status: int
    text: bytes
    tags: tuple[str, ...]
    age: float


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Written)


class ElementCodec:
    """The format of elements in the store: MessagePack, with its version."""

    def write(self, value: Element, tags: Collection[str], age: float) -> bytes:
        """Return the bytes of *value*; empty where a tag cannot be written."""
        try:
            return _encoder.encode(_Written(value.status, value.text, tuple(tags), age))
        except UnicodeEncodeError:  # half a surrogate pair
            return b""

    def read(self, written: bytes) -> Read[Element] | None:
        """Return what was *written*, None for what nobody of this version wrote."""
        try:
            found = _decoder.decode(written)
        except ValueError:
            return None
        if not 200 <= found.status < 600 or not found.age >= 0.0:
            return None
        if found.text and json_codec.fault_in(found.text) is not None:
            return None
        return Read(Element(found.text, found.status), len(found.text), frozenset(found.tags), found.age)


ELEMENT_CODEC: Final = ElementCodec()


class Lookups:
    """A lookup of many keys in the store.

    States: looking (for those *pending*), gone on (its ticket is that of what came of it), over.
    """

    __slots__ = ("_go_on", "_numbers", "_pending", "_tickets")

    def __init__(self, go_on: Callable[[Numbers], Cancelable | None]) -> None:
        self._go_on = go_on
        self._numbers: Numbers = {}
        self._pending = 1  # until all have been asked for
        self._tickets: list[Cancelable | None] = []

    def begin(self, level: SharedLevel[Any], keys: Iterable[tuple[bytes, Collection[str]]]) -> Cancelable:
        """Look up *keys*, each with its tags; return what cancels the lookup."""
        for key, named in keys:
            self._pending += 1
            self._tickets.append(level.look(key, named, partial(self._found, key)))
        self._answered()
        return self

    def _found(self, key: bytes, begun: Begun) -> None:
        self._numbers[key] = begun.number
        self._answered()

    def _answered(self) -> None:
        self._pending -= 1
        if not self._pending:
            self._tickets = [self._go_on(self._numbers)]

    def cancel(self) -> None:
        """Cancel the lookup, or what followed it."""
        for ticket in self._tickets:
            if ticket is not None:
                ticket.cancel()
