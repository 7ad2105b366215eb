"""What is kept of a durable effect, and what becomes of it.

waiting ── claimed ──▶ leased ── delivered ──▶ sent
▲                     │
├── to be sent again ─┤── given up ──▶ dead
└── known again ── parked ◀── its upstream is unknown
"""

from __future__ import annotations

from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

WAITING: Final = "waiting"
LEASED: Final = "leased"
PARKED: Final = "parked"
SENT: Final = "sent"
DEAD: Final = "dead"
STATES: Final = (WAITING, LEASED, PARKED, SENT, DEAD)
LIVE: Final = (WAITING, LEASED, PARKED)
"""The states of what has not ended."""


class Alternative(Struct, frozen=True, array_like=True):
    """A *request* to another *upstream*."""

    upstream: str
    request: FixedRequest


class FixedRequest(Struct, frozen=True, array_like=True):
    """The request of an effect, fixed when its client was answered, without all that its upstream adds.

    *target* is below the path of the upstream; *headers* is a serialised block without credentials and ``host``.
    """

    method: bytes
    target: bytes
    headers: bytes
    body: bytes | None
    others: tuple[Alternative, ...] = ()
    """What is tried in the same delivery when it fails."""

    @property
    def size(self) -> int:
        """The size in bytes, about, those of its alternatives included."""
        own = len(self.target) + len(self.headers) + (0 if self.body is None else len(self.body))
        return own if not self.others else own + sum(other.request.size + len(other.upstream) for other in self.others)


OVERHEAD: Final = 300
"""Bytes of an effect beside what it sends, about."""


class EffectRecord(Struct, frozen=True):
    """One effect as it is kept: call *name* of the *endpoint*, caused by the request *request_id*.

    *order* is the key of those that are delivered one after the other, None for one of its own. *due*, *created* are in
    Unix time; *attempts* is how often it was claimed.
    """

    id: str
    name: str
    endpoint: str
    upstream: str
    request_id: str
    request: FixedRequest
    created: float
    due: float
    order: str | None = None
    attempts: int = 0
    dedupe: tuple[str, float] | None = None
    """A key under which no other effect is kept, until then (Unix time)."""

    @property
    def size(self) -> int:
        """The size in bytes, about."""
        return self.request.size + OVERHEAD

    @property
    def upstreams(self) -> tuple[str, ...]:
        """The names of its upstream, and of those of its alternatives."""
        return (self.upstream, *(other.upstream for other in self.request.others))

    def alternative(self, number: int) -> EffectRecord:
        """Return it as its alternative *number* is sent; 0 is the request itself."""
        if number == 0:
            return self
        other = self.request.others[number - 1]
        return replace(self, upstream=other.upstream, request=other.request)


class Outcome(Struct, frozen=True):
    """The outcome of a delivery: the new *state* of the effect, and the *last* answer as data.

    *due* is when it is sent again (Unix time). Unless it *counts*, the upstream has not heard of it.
    """

    id: str
    state: str
    last: dict[str, Any] | None = None
    due: float | None = None
    counts: bool = True
