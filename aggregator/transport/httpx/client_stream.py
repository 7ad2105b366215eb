"""The deadline, the silence limit and the place of a streamed call that an httpx client makes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from math import isinf

from aggregator.errors import CallError, Cause
from aggregator.transport.failures import late
from aggregator.transport.httpx.client_response import ClientResponse
from aggregator.transport.httpx.gate import Gate


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
    """The pieces of *response*, each in time, and a place in *gate* until `aclose`.

    At *deadline* (loop time) it is closed, also while nobody asks for a piece.
    """

    __slots__ = ("_alarm", "_closing", "_deadline", "_gate", "_idle_timeout", "_late", "_open", "_reading", "response")

    def __init__(self, gate: Gate, deadline: float | None, idle_timeout: float | None) -> None:
        self.response: ClientResponse | None = None
        self._gate = gate
        self._deadline = deadline
        self._idle_timeout = idle_timeout
        self._open = True
        self._reading = self._late = False
        self._closing: asyncio.Task[None] | None = None
        loop = asyncio.get_running_loop()
        self._alarm = None if deadline is None or isinf(deadline) else loop.call_at(deadline, self._expire)

    async def next_piece(self) -> bytes | None:
        """Return what came next of the body, None at its end. Raises CallError."""
        if self._late:
            raise late(Cause.DEADLINE)
        if self.response is None or not self._open:
            raise CallError(Cause.INCOMPLETE, "The call was given up.")
        self._reading = True
        try:
            async with in_time(self._deadline), asyncio.timeout(self._idle_timeout):
                piece = await self.response.next_piece()
        except TimeoutError:
            raise late(Cause.READ_TIMEOUT) from None
        finally:
            self._reading = False
        if piece is None:
            await self.aclose()
        return piece

    def _expire(self) -> None:
        if self._open and not self._reading and self.response is not None:  # otherwise who waits is told in time
            self._late = True
            self._closing = asyncio.create_task(self._end())

    async def _end(self) -> None:
        with suppress(CallError):
            await self.aclose()

    async def aclose(self) -> None:
        """Close the response and give the place back."""
        if self._open:
            self.abandon()
            if self.response is not None:
                await self.response.aclose()

    def abandon(self) -> None:
        """Release the place; the response is left to the client."""
        if self._open:
            self._open = False
            if self._alarm is not None:
                self._alarm.cancel()
            self._gate.leave()
