"""The deadline, the silence limit and the place of a streamed call that an httpx client makes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aggregator.errors import CallError, Cause
from aggregator.transport.client_response import ClientResponse
from aggregator.transport.failures import late
from aggregator.transport.gate import Gate


@asynccontextmanager
async def in_time(deadline: float | None) -> AsyncIterator[None]:
    """Cut what is inside at *deadline* (loop time), before it begins if need be. Raises CallError (DEADLINE)."""
    if deadline is not None and deadline <= asyncio.get_running_loop().time():
        raise late(Cause.DEADLINE)
    try:
        async with asyncio.timeout_at(deadline) as timeout:
            yield
    except TimeoutError:
        if not timeout.expired():
            raise
        raise late(Cause.DEADLINE) from None


class ClientStream:
    """The pieces of *response*, each in time, and a place in *gate* until `aclose`."""

    __slots__ = ("_deadline", "_gate", "_idle_timeout", "_open", "response")

    def __init__(self, gate: Gate, deadline: float | None, idle_timeout: float | None) -> None:
        self.response: ClientResponse | None = None
        self._gate = gate
        self._deadline = deadline
        self._idle_timeout = idle_timeout
        self._open = True

    async def next_piece(self) -> bytes | None:
        """Give what came next of the body, None at its end. Raises CallError."""
        if self.response is None or not self._open:
            raise CallError(Cause.INCOMPLETE, "The call was given up.")
        piece = None
        try:
            async with in_time(self._deadline), asyncio.timeout(self._idle_timeout):
                piece = await self.response.next_piece()
        except TimeoutError:
            raise late(Cause.READ_TIMEOUT) from None
        if piece is None:
            await self.aclose()
        return piece

    async def aclose(self) -> None:
        """Close the response and give the place back."""
        if self._open:
            self.abandon()
            if self.response is not None:
                await self.response.aclose()

    def abandon(self) -> None:
        """Give the place back; the response is left to the client."""
        if self._open:
            self._open = False
            self._gate.leave()
