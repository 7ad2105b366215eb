"""What a request remembers of its trace until it has ended."""

from __future__ import annotations

import random

from aggregator.telemetry.traces.context import Context

MOST_CALLS = 256
"""Calls of one request that have a span; the others are counted."""


def new_trace() -> str:
    """Return the id of a new trace (never zero, W3C Trace Context §3.2.2.3)."""
    return f"{random.getrandbits(128) or 1:032x}"


def new_span() -> str:
    """Return the id of a new span (never zero)."""
    return f"{random.getrandbits(64) or 1:016x}"


class CallSpan:
    """One call that was sent; *ended* is 0.0 while it has no end, and stays so when it is given up. Loop time."""

    __slots__ = ("cause", "ended", "id", "method", "name", "size", "started", "state", "status", "target", "upstream")

    def __init__(self, id: str, name: str, upstream: str, method: str, target: bytes, started: float) -> None:
        self.id = id
        self.name = name
        self.upstream = upstream
        self.method = method
        self.target = target
        self.started = started
        self.ended = 0.0
        self.status = 0
        self.size = 0
        self.state = ""
        self.cause = ""


class Trace:
    """The trace of one request: its *id*, the *span* of the request, and the *parent* that called, if that is known.

    *calls* has those that were sent, where it ``is_told`` to a collector; *lost* counts those beyond ``MOST_CALLS``.
    *hidden* are values that no path may show.
    """

    __slots__ = (
        "baggage",
        "calls",
        "hidden",
        "host",
        "id",
        "is_told",
        "lost",
        "parent",
        "path",
        "sampled",
        "scheme",
        "span",
        "state",
    )

    def __init__(self, parent: Context | None, *, id: str, sampled: bool) -> None:
        self.id = id
        self.span = new_span()
        self.sampled = sampled
        self.is_told = False
        self.hidden: tuple[str, ...] = ()
        self.parent = "" if parent is None else parent.span
        self.state = b"" if parent is None else parent.state
        self.baggage = b"" if parent is None else parent.baggage
        self.calls: list[CallSpan] = []
        self.lost = 0
        self.path = self.scheme = self.host = ""

    def add(self, call: CallSpan) -> None:
        """Remember *call*, unless there are too many."""
        if len(self.calls) < MOST_CALLS:
            self.calls.append(call)
        else:
            self.lost += 1
