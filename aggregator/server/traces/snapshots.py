"""What is kept of a request from its end until its spans are made: no bodies, no headers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from msgspec import Struct

from aggregator.causes import State
from aggregator.http import first
from aggregator.parts.events import RequestEnded
from aggregator.parts.result import Result
from aggregator.runtime.keeping.flights import STATUS
from aggregator.runtime.keeping.variants import KeptVariants
from aggregator.telemetry.traces.trace import Trace

_MOST_PARTS = 256
_SPAN = 256
"""Bytes of a span, about, beside what clients and upstreams choose the length of."""


class PartSnapshot(Struct, frozen=True):
    """The result of one part; *age* is that of a kept value, *inside* are the parts of a group or items of a list,
    and what was tried before under another name.
    """

    name: str
    state: State
    cause: str
    attempts: int
    started: float
    ended: float
    age: float | None
    inside: tuple[PartSnapshot, ...]

    @property
    def told_bytes(self) -> int:
        """The bytes of its spans, about."""
        return _SPAN + sum(one.told_bytes for one in self.inside)


class Snapshot(Struct, frozen=True):
    """One request of the *endpoint* (its key); *offset* turns loop time into Unix time, *told_bytes* are those of its
    spans, about. *age* is that in seconds of a kept answer, which may be *stale*; None where it was made.
    """

    endpoint: str
    method: str
    how: str
    status: int
    cause: str
    is_partial: bool
    started: float
    ended: float
    size: int
    trace: Trace
    parts: tuple[PartSnapshot, ...]
    offset: float
    told_bytes: int
    age: int | None = None
    stale: bool = False


def snapshot(event: RequestEnded, offset: float) -> Snapshot:
    """Return what is kept of *event*."""
    trace, parts = event.exchange.trace, _parts(event.parts)
    told_bytes = _SPAN + _bytes_of(trace) + sum(one.told_bytes for one in parts)
    return Snapshot(
        event.endpoint, event.method, event.how, event.status, "" if event.cause is None else event.cause.value,
        event.is_partial, event.started, event.ended, event.size, trace, parts, offset,
        told_bytes, *_kept(event.answer),
    )  # fmt: skip


def _kept(answer: Any) -> tuple[int | None, bool]:
    """Return the age of *answer*, None where it was made for this request, and whether it is stale (RFC 9211 §2).

    Caches further in may have said the same: ours stands last, and only of an answer that we keep.
    """
    if answer is None or not isinstance(answer.variants, KeptVariants):
        return None, False
    said = [value for name, value in answer.leading if name == STATUS][-1:] or [b""]
    ours = said[0].rpartition(b",")[2].strip()
    if not ours.startswith(b"aggregator; hit"):
        return None, False
    return int(first(answer.leading, b"age") or 0), b"; ttl=-" in ours


def _bytes_of(trace: Trace) -> int:
    """Return the bytes of *trace* and of the spans of its calls, about: of all whose length is not ours to choose."""
    texts = "".join((trace.path, trace.host, *trace.hidden))
    most = len(texts) if texts.isascii() else 4 * len(texts)  # a letter beyond the first plane of Unicode widens all
    context = len(trace.state) + len(trace.baggage) + len(trace.lines)
    return most + context + sum(_SPAN + len(call.target) for call in trace.calls)


def _parts(results: Iterable[Result]) -> tuple[PartSnapshot, ...]:
    return tuple(
        PartSnapshot(
            one.name, one.state, "" if one.cause is None else one.cause.value, one.attempts, one.started, one.ended,
            one.age, _parts([inner for inner in (*one.tried, *one.parts) if inner.name != one.name]),
        )
        for one in (*results,)[:_MOST_PARTS]
    )  # fmt: skip
