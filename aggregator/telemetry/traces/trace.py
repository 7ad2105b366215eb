"""What a request remembers of its trace until it has ended."""

from __future__ import annotations

from binascii import hexlify
from collections.abc import Iterator
from random import getrandbits
from struct import iter_unpack
from typing import ClassVar, NamedTuple

from msgspec import Struct

IDS_AT_ONCE = 128
"""New ids that are made together: by the next request the code for it has left the processor's caches."""
_FIRST_BITS = int.from_bytes((1 << 191 | 1 << 63).to_bytes(24, "big") * IDS_AT_ONCE, "big")
"""Set in the numbers of new ids, so that none is zero (W3C Trace Context §3.2.2.3).

The bits of a trace id that have to be random (§2.2.2.2) come after it.
"""
MOST_CALLS = 256
"""Calls of one request that have a span; the others are counted."""


def new_ids() -> Iterator[tuple[bytes, bytes]]:
    """Return ``IDS_AT_ONCE`` pairs of ids in lower-case hexadecimal: of a new trace, and of its first span."""
    number = getrandbits(192 * IDS_AT_ONCE) | _FIRST_BITS
    pairs: Iterator[tuple[bytes, bytes]] = iter_unpack("32s16s", hexlify(number.to_bytes(24 * IDS_AT_ONCE, "big")))
    return pairs


def new_span() -> str:
    """Return the id of a new span (never zero)."""
    return f"{getrandbits(64) or 1:016x}"


class Server(NamedTuple):
    """The server that a call was sent to: the origin of its URL, and its IP *address* where hosts were looked up."""

    scheme: str
    host: str
    port: int
    address: str | None = None


class CallSpan:
    """One call that was sent; *ended* is a loop time, 0.0 while it runs and when it was cancelled.

    *server* is None where it was sent to none that has an address, such as the demo, or before one was chosen, and
    where it *is_mocked*: nobody is called.
    """

    __slots__ = (
        "cause", "ended", "id", "is_mocked", "method", "name", "server", "size", "started", "state", "status", "target",
        "upstream",
    )  # fmt: skip

    def __init__(
        self, id: str, name: str, upstream: str, method: str, target: bytes, started: float,
        server: Server | None = None,
    ) -> None:  # fmt: skip
        self.id = id
        self.name = name
        self.upstream = upstream
        self.method = method
        self.target = target
        self.started = started
        self.server = server
        self.is_mocked = False
        self.ended = 0.0
        self.status = 0
        self.size = 0
        self.state = ""
        self.cause = ""


class Trace(Struct):
    """The trace of one request: its *id*, the *span* of the request, and the *parent* that called, if that is known.

    *calls* has those that were sent, where it ``is_told`` to a collector; *lost* counts those beyond ``MOST_CALLS``.
    *hidden* are values that no path may show. Where it is not *sampled*, *lines* is the context that all its calls
    tell their upstreams, from the first of them on.
    """

    id: str
    span: str
    sampled: bool
    parent: str = ""
    state: bytes = b""
    baggage: bytes = b""
    lines: bytes = b""
    is_told: bool = False
    calls: list[CallSpan] = []
    lost: int = 0
    hidden: tuple[str, ...] = ()
    path: str = ""
    scheme: str = ""
    host: str = ""

    def add(self, call: CallSpan) -> None:
        """Remember *call*, unless there are too many."""
        if len(self.calls) < MOST_CALLS:
            self.calls.append(call)
        else:
            self.lost += 1


class Unfollowed(Struct, frozen=True, gc=False):
    """A new trace that nobody follows, as most are: *lines* as in ``Trace``, one ``traceparent``."""

    lines: bytes

    sampled: ClassVar[bool] = False
    is_told: ClassVar[bool] = False
    state: ClassVar[bytes] = b""
    baggage: ClassVar[bytes] = b""

    @property
    def id(self) -> str:
        """The id of the trace."""
        return self.lines[16:48].decode()

    @property
    def span(self) -> str:
        """The id of the span of the request."""
        return self.lines[49:65].decode()
