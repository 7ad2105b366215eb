"""Replies as they lie in the store: MessagePack, with the version of this form.

A store is not trusted to hold what this program wrote: what could not have come from an upstream is not read.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import Final

import msgspec
from msgspec import Struct

from aggregator.policies.cache.kept import room_of
from aggregator.policies.cache.shared.level import Read
from aggregator.transport import Reply

_VERSION: Final = 1
_NAME: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9a-z-]+")
_VALUE: Final = re.compile(rb"[^\x00\r\n]*")


class _Written(Struct, array_like=True, frozen=True):
    version: int
    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes
    tags: tuple[str, ...]
    age: float


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Written)


class ReplyCodec:
    """The format of replies in the store."""

    def write(self, value: Reply, tags: Collection[str], age: float) -> bytes:
        """Return the bytes of *value*; empty where a tag cannot be written."""
        try:
            return _encoder.encode(_Written(_VERSION, value.status, value.headers, value.body, tuple(tags), age))
        except UnicodeEncodeError:  # half a surrogate pair
            return b""

    def read(self, written: bytes) -> Read[Reply] | None:
        """Return what was *written*, None for what nobody of this version wrote."""
        try:
            found = _decoder.decode(written)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return None
        if found.version != _VERSION or not 200 <= found.status < 600 or not found.age >= 0.0:
            return None
        if not are_fields(found.headers):
            return None
        reply = Reply(found.status, found.headers, found.body)
        return Read(reply, room_of(reply), frozenset(found.tags), found.age)


def are_fields(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Return whether *headers* could have come from an upstream: names in lower case, values of one line."""
    return all(_NAME.fullmatch(name) and _VALUE.fullmatch(value) for name, value in headers)


REPLY_CODEC: Final = ReplyCodec()
