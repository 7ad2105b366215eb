"""A call through a door, awaited, for those who make one now and then: the runtime hears of calls by callback."""

from __future__ import annotations

import asyncio

from aggregator.errors import CallError
from aggregator.transport.door import Door
from aggregator.transport.replies import Reply


async def fetched(
    door: Door, method: bytes, target: bytes, headers: bytes, body: bytes | None = None, *, deadline: float
) -> Reply:
    """Return the reply to a call through *door*. Raises CallError; to cancel it is to cancel the call."""
    future: asyncio.Future[Reply | CallError] = asyncio.get_running_loop().create_future()

    def done(outcome: Reply | CallError) -> None:
        if not future.done():
            future.set_result(outcome)

    ticket = door.start(method, target, headers, body, deadline=deadline, done=done)
    try:
        outcome = await future
    finally:
        ticket.cancel()
    if isinstance(outcome, CallError):
        try:
            raise outcome
        finally:
            del outcome, future  # or the error would hold this frame, and the frame the error
    return outcome
