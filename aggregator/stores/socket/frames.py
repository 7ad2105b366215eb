"""What goes over the socket: frames of MessagePack behind their length.

To who keeps the store: a list of operations, those of one turn of the loop. An operation is a list: its number in
``OPERATIONS``, then what it is given. Back: the replies to all operations of a frame in their order, or a message of a
channel.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from struct import Struct
from typing import Any, Final

import msgspec

from aggregator.stores.quota import Quota
from aggregator.stores.rate import Rate, Taken
from aggregator.stores.shared.asks import Ask, Limit

OPERATIONS: Final = (
    "take_all", "add", "take", "get", "put", "delete", "delete_tagged", "lock", "renew", "unlock", "publish", "seen",
    "listen", "unlisten", "forget", "announce", "announced", "give_back",
    "look", "keep", "purge", "end_lease",
)  # fmt: skip
NUMBER: Final = {name: number for number, name in enumerate(OPERATIONS)}
_LENGTH = Struct("<I")
_MOST = 2**30
_encoder, _decoder = msgspec.msgpack.Encoder(), msgspec.msgpack.Decoder()
_LIMITS_KNOWN = 10_000


def framed(message: object) -> bytes:
    """Return *message* as a frame."""
    body = _encoder.encode(message)
    return _LENGTH.pack(len(body)) + body


class Frames:
    """Frames as they come, in pieces."""

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[Any]:
        """Yield the messages that are whole with *data*; raise ``ValueError`` for what is none."""
        data = self._rest + data if self._rest else data
        at = 0
        while at + 4 <= len(data):
            size = _LENGTH.unpack_from(data, at)[0]
            if size > _MOST:
                raise ValueError("This is no frame.")
            if at + 4 + size > len(data):
                break
            yield _decoder.decode(memoryview(data)[at + 4 : at + 4 + size])
            at += 4 + size
        self._rest = data[at:]


def ask_member(ask: Ask) -> tuple[Any, ...]:
    """Return *ask* as it goes over the socket."""
    limit = ask.limit
    if isinstance(limit, Rate):
        return (ask.name, ask.key, limit.count, limit.period, limit.burst, ask.cost, ask.binding)
    return (ask.name, ask.key, limit.count, limit.unit, limit.zone, ask.cost, ask.binding)


class Limits:
    """The limits that were asked for, each made once."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[tuple[Any, ...], Limit] = {}

    def ask(self, member: Sequence[Any]) -> Ask:
        """Return the request that the frame *member* holds."""
        name, key, count, unit, more, cost, binding = member
        said = (count, unit, more)
        limit = self._known.get(said)
        if limit is None:
            if len(self._known) >= _LIMITS_KNOWN:
                self._known.clear()
            limit = Rate(count, unit, more) if isinstance(unit, float) else Quota(count, unit, more)
            self._known[said] = limit
        return Ask(name, key, limit, cost, binding)


def taken_member(taken: Taken) -> tuple[float, int, float]:
    """Return *taken* as it goes over the socket, a wait that never ends as -1."""
    return (-1.0 if taken.wait == float("inf") else taken.wait, taken.remaining, taken.reset)


def taken_of(member: Sequence[Any]) -> Taken:
    """Return what was taken, from what came over the socket."""
    wait, remaining, reset = member
    return Taken(float("inf") if wait < 0 else wait, remaining, reset)
