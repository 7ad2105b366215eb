"""What is told of a call that has ended, however it ended: answered, failed, cancelled, lost in a race, or streamed."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from aggregator.causes import Cause, State


class CallEnded(Struct, frozen=True):
    """One call to an upstream, or one attempt at it.

    *part* is the name of the call in its *endpoint* (a key, ``GET /x``), *request* the id of the client's request,
    *attempt* which of the alternatives of the part it was, from 1. *status* is that of the upstream, 0 without one,
    *size* the bytes of its body, decoded. *started* and *ended* are loop time, *sent* and *first_byte* lie between
    them and are 0.0 when there was no answer.
    """

    endpoint: str
    part: str
    upstream: str
    request: str
    attempt: int
    state: State
    cause: Cause | None
    status: int
    size: int
    started: float
    ended: float
    sent: float = 0.0
    first_byte: float = 0.0


CallListener = Callable[[CallEnded], object]
"""Hears of each call in the event loop, before its part goes on."""
