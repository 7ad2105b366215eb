"""Doors to brokers, and what becomes of messages."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from aggregator.brokers.door import BrokerDoor
from aggregator.errors import CallError
from aggregator.transport import Reply

BLOCK = b"idempotency-key: k-1\r\ncontent-type: application/json\r\n"


async def sent(
    door: BrokerDoor, target: bytes = b"/signups", body: bytes = b"{}", *, headers: bytes = BLOCK, within: float = 30.0
) -> Any:
    """Return what becomes of a message: 202, or the cause with which it failed."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[Reply | CallError] = loop.create_future()
    door.start(b"POST", target, headers, body, deadline=loop.time() + within, done=ended.set_result)
    outcome = await ended
    return outcome.cause.value if isinstance(outcome, CallError) else outcome.status


async def until(holds: Callable[[], object]) -> None:
    """Let the loop go on until *holds*."""
    while not holds():  # noqa: ASYNC110 - what is waited for is an attribute of a door
        await asyncio.sleep(0)
