"""The way to an upstream whose requests are signed: a door around its pool, which signs each as it leaves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Callable
from typing import Protocol, Unpack

from aggregator.errors import AggregatorError, CallError, Cause
from aggregator.http import HeaderList
from aggregator.transport import Door, StreamReply
from aggregator.transport.door import CallTerms, Cancelable, OuterDoor, StreamTerms


class Signer(Protocol):
    """Signs requests."""

    def lines(self, method: bytes, target: bytes, headers: HeaderList, body: bytes | None, now: float, /) -> bytes:
        """Return the header lines with the signature; a *body* of None is one that is not known. May raise."""


class SigningDoor(OuterDoor):
    """Signs by *signer*, at the Unix time of *clock*; also what is sent again, and where a redirect leads."""

    __slots__ = ("_clock", "_signer")

    def __init__(self, inner: Door, signer: Signer, clock: Callable[[], float]) -> None:
        super().__init__(inner)
        self._signer = signer
        self._clock = clock

    def start(
        self, method: bytes, target: bytes, headers: bytes, body: bytes | None, **terms: Unpack[CallTerms]
    ) -> Cancelable:
        """See `Door.start`."""
        try:
            signed = headers + self._lines(method, target, headers, body or b"")
        except CallError as error:
            error.attempts = 0
            return asyncio.get_running_loop().call_soon(terms["done"], error)
        return self.inner.start(method, target, signed, body, **terms)

    async def stream(
        self, method: bytes, target: bytes, headers: bytes, body: bytes | AsyncIterable[bytes] | None,
        **terms: Unpack[StreamTerms],
    ) -> StreamReply:  # fmt: skip
        """See `Door.stream`; a body that is sent as it comes is in no signature."""
        known = body or b"" if body is None or isinstance(body, bytes) else None
        signed = headers + self._lines(method, target, headers, known)
        return await self.inner.stream(method, target, signed, body, **terms)

    def _lines(self, method: bytes, target: bytes, headers: bytes, body: bytes | None) -> bytes:
        """Return the lines of the signer; raises ``CallError``."""
        try:
            return self._signer.lines(method, target, _fields(headers), body, self._clock())
        except AggregatorError as error:
            raise CallError(Cause.CREDENTIALS, f"The request could not be signed: {error}") from None


def _fields(block: bytes) -> HeaderList:
    """Return the fields of a serialised header block."""
    pairs = (line.partition(b":") for line in block.split(b"\r\n") if line)
    return [(name.lower(), value.strip()) for name, _, value in pairs]
