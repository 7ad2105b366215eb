"""A response body as an iterator: pieces from wherever they come, decoded if asked, given up when dropped."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Protocol

from aggregator.errors import CallError
from aggregator.transport.wire.decoding import Decoder


class PieceSource(Protocol):
    """The source of a body."""

    async def next_piece(self) -> bytes | None:
        """Return what came next, None at the end. Raises CallError."""
        ...

    async def aclose(self) -> None:
        """Stop; safe at any time and more than once."""
        ...

    def abandon(self) -> None:
        """Stop as well as can be done without waiting."""
        ...


class StreamBody:
    """The pieces of *source*, undone by *decoder*. A body that fails, or is dropped unread, is given up."""

    __slots__ = ("_decoded", "_decoder", "_source")

    def __init__(self, source: PieceSource, decoder: Decoder | None) -> None:
        self._source = source
        self._decoder = decoder
        self._decoded: Iterator[bytes] = iter(())

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        try:
            piece = await self._next()
        except CallError:
            await self._source.aclose()
            raise
        if piece is None:
            raise StopAsyncIteration
        return piece

    async def _next(self) -> bytes | None:
        decoder = self._decoder
        if decoder is None:
            return await self._source.next_piece()
        while (piece := next(self._decoded, None)) is None:
            coded = await self._source.next_piece()
            if coded is None:
                decoder.finish()
                return None
            self._decoded = decoder.feed(coded)
        return piece

    async def aclose(self) -> None:
        """Close the source; the rest of the body is not read."""
        await self._source.aclose()

    def __del__(self) -> None:
        self._source.abandon()
