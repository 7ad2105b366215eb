"""Calls whose bodies travel as they come, in both directions, each held back by whoever takes them.

    waiting    for a place, or for a connection to open: as any call
    awaited    the request goes up (`sending`, `Upload`), nothing of the answer is here
    flowing    `absorb` has the head, and `reply` returns; pieces are kept until `next_piece` takes them. Above
               HIGH_WATER bytes the upstream is held back, at LOW_WATER it goes on
    over       `_end`: complete; or failed, which is told to whoever reads next; or given up (`cancel`, `abandon`)

A ticket is over once, whatever comes after it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import ClassVar

from msgspec import field

from aggregator.errors import CallError, Cause
from aggregator.transport.engine.call import Carrier, Ticket
from aggregator.transport.engine.uploading import Upload
from aggregator.transport.replies import Reply, StreamReply
from aggregator.transport.settings import Timeouts
from aggregator.transport.wire.bodies import StreamBody
from aggregator.transport.wire.decoding import decoded_headers, decoder_for
from aggregator.transport.wire.framing import ResponseReader

HIGH_WATER = 256 * 1024
LOW_WATER = 64 * 1024


class StreamTicket(Ticket, eq=False, kw_only=True):
    """A call whose reply is read while it comes; *upload* is its request body when that is not bytes.

    *limits* are those inside its deadline. *over* once nothing more will come: the reply was complete, or failed, or
    nobody wants it.
    """

    streaming: ClassVar[bool] = True

    limits: Timeouts
    upload: Upload | None
    over: bool = False
    _pieces: deque[bytes] = field(default_factory=deque)
    _size: int = 0
    _status: int = 0
    _headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    _codings: list[bytes] | None = None
    _wake: asyncio.Future[None] | None = None
    _failure: Exception | None = None

    def __post_init__(self) -> None:
        self.done = self._end

    @property
    def timeouts(self) -> Timeouts:
        """The limits inside the deadline."""
        return self.limits

    @property
    def uploaded(self) -> bool:
        """Whether the whole request has been written."""
        return self.upload is None or self.upload.finished

    def cancel(self) -> None:
        """Cancel the call, in whatever state it is."""
        super().cancel()
        self._pieces.clear()
        if not self.over:
            self._end(CallError(Cause.INCOMPLETE, "The call was given up."))

    async def aclose(self) -> None:
        """Cancel the call."""
        self.cancel()

    def abandon(self) -> None:
        """Cancel the call when its reply is dropped, by the garbage collector too."""
        if not self.over and not self.places.loop.is_closed():
            self.cancel()

    # What the connection calls.

    def sending(self, connection: Carrier) -> None:
        """Send the body, now that *connection* has taken the head."""
        if self.upload is not None:
            self.upload.begin(connection, self._crash)

    def absorb(self, reader: ResponseReader) -> None:
        """Take the pieces that *reader* has parsed, and pause the upstream when they are not taken from here."""
        if not self._status and reader.head_done:
            self._status, self._headers, self._codings = reader.status, reader.headers, reader.codings
        pieces = reader.take()
        self._pieces.extend(pieces)
        self._size += sum(map(len, pieces))
        if self._size > HIGH_WATER and self.connection is not None and not reader.complete:
            self.connection.pause_reading()
        self._notify()

    def conclude(self, reader: ResponseReader, finished: float) -> Reply:
        """Return the reply without its body, which is read from here."""
        return Reply(
            reader.status, reader.headers, b"", self.reused, self.started, self.sent, self.first_byte, finished
        )

    # What the reader of the reply calls.

    async def reply(self, *, decode: bool) -> StreamReply:
        """Return the reply once its head is there. Raises CallError, or what the source of the request raised."""
        decoder = None
        try:
            while not self._status and not self.over:
                await self._wait()
            if not self._status:
                raise self._take_failure()
            if decode and self._codings is not None:
                decoder = decoder_for(self._codings)
        except BaseException:
            self.cancel()
            raise
        headers = self._headers if decoder is None else decoded_headers(self._headers)
        return StreamReply(self._status, headers, StreamBody(self, decoder), self.reused)

    async def next_piece(self) -> bytes | None:
        """Return what came next of the body, None at its end."""
        while not self._pieces:
            if self._failure is not None:
                raise self._take_failure()
            if self.over:
                return None
            await self._wait()
        piece = self._pieces.popleft()
        self._size -= len(piece)
        if self._size <= LOW_WATER and self.connection is not None:
            self.connection.resume_reading()
        return piece

    async def _wait(self) -> None:
        self._wake = asyncio.get_running_loop().create_future()
        try:
            await self._wake
        finally:
            self._wake = None

    def _notify(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    def _end(self, outcome: Reply | Exception) -> None:
        self.over = True
        if isinstance(outcome, Exception):
            self._failure = outcome
            self._pieces.clear()
        if self.upload is not None:
            self.upload.stop()
        self._notify()

    def _crash(self, error: Exception) -> None:
        """End with *error*, raised by the source of the request body."""
        if self.done is not None:
            self.done = None
            self.places.forsake(self)
            self._end(error)

    def _take_failure(self) -> Exception:
        """Return the failure and forget it, since what is raised keeps every frame that it passes."""
        failure, self._failure = self._failure, CallError(Cause.INCOMPLETE, "The call has failed before.")
        assert failure is not None
        return failure
