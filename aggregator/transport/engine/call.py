"""One call on its way through a pool: what is sent, when it is due, whom to tell, how far it has come."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from typing import Any, ClassVar, Protocol

from msgspec import Struct

from aggregator.errors import CallError
from aggregator.transport.engine.lane import Lane
from aggregator.transport.replies import Reply
from aggregator.transport.settings import PoolSettings, Timeouts
from aggregator.transport.wire.decoding import decoded_headers, decoder_for
from aggregator.transport.wire.framing import ResponseReader


class Carrier(Protocol):
    """The part of a connection that a call uses; `writable` is set while the upstream accepts no more bytes."""

    @property
    def writable(self) -> asyncio.Future[None] | None:
        """Done when the upstream takes more."""

    def write(self, data: bytes) -> None:
        """Write *data*."""

    def finish_upload(self) -> None:
        """Record that the whole request has been written."""

    def pause_reading(self) -> None:
        """Hold the upstream back."""

    def resume_reading(self) -> None:
        """Resume reading from the upstream."""


class Keeper(Protocol):
    """The part of ``Places`` that a call uses."""

    @property
    def settings(self) -> PoolSettings:
        """The settings of the pool."""

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop of the pool."""

    @property
    def calls(self) -> Lane[Ticket]:
        """The places of whole calls."""

    def forsake(self, ticket: Ticket) -> None:
        """Stop whatever is done for *ticket*."""


class Ticket(Struct, eq=False):
    """A call with a whole request and a whole reply. *done* is None once the call is over or given up.

    It was *sent* when it had a connection, which is when it *started* unless it had to wait. *steps* and *under_way*
    say how urgent it is where it has to wait (`Waiter`). *repeatable*, its request may be sent twice (RFC 9110 §9.2.2).
    """

    streaming: ClassVar[bool] = False

    places: Keeper
    lane: Lane[Ticket]
    method: bytes
    request: bytes
    limit: float
    deadline: float
    started: float
    sent: float
    repeatable: bool
    done: Callable[[Reply | CallError], None] | None
    steps: int = 0
    under_way: bool = False
    first_byte: float = 0.0
    connection: Carrier | None = None
    dial: asyncio.Future[Any] | None = None
    waits_until: float = math.inf
    reused: bool = False
    replayed: bool = False
    answer_timeout: float | None = None
    """Seconds to the first byte of a streamed reply; in others, bytes are bytes."""

    def __repr__(self) -> str:  # what its request holds stays out of logs
        return f"<{type(self).__name__} {self.method.decode('latin-1')}>"

    @property
    def timeouts(self) -> Timeouts:
        """The limits inside the deadline."""
        return self.places.settings.timeouts

    @property
    def uploaded(self) -> bool:
        """Whether the whole request has been written."""
        return True

    @property
    def replayable(self) -> bool:
        """Whether the request may go out again, now that its connection died before a byte of an answer."""
        return self.reused and not self.replayed and not self.first_byte and self.repeatable

    def cancel(self) -> None:
        """Cancel the call: its connection is closed, and *done* is not called any more."""
        if self.done is not None:
            self.done = None
            self.places.forsake(self)

    def sending(self, connection: Carrier) -> None:
        """Send the body of the request, if *streaming*: *connection* has sent its head."""

    def absorb(self, reader: ResponseReader) -> None:
        """Take the pieces that *reader* has parsed, if *streaming*."""

    def conclude(self, reader: ResponseReader, finished: float) -> Reply:
        """Return the reply that *reader* has completed. Raises CallError when its coding is not what it says."""
        reply = Reply(
            reader.status, reader.headers, reader.body(), self.reused,
            self.started, self.sent, self.first_byte, finished,
        )  # fmt: skip
        if reader.codings is not None:
            self._decode(reply, reader.codings)
        return reply

    def settle(self, outcome: Reply | CallError) -> None:
        """Pass *outcome* to *done*, unless the call was cancelled; the loop reports an exception of *done*."""
        done = self.done
        if done is None:
            return
        self.done = self.connection = None
        if self.replayed:
            outcome.attempts = 2
        try:
            done(outcome)
        except Exception as error:
            context = {"message": "a call's done callback failed", "exception": error}
            asyncio.get_running_loop().call_exception_handler(context)

    def _decode(self, reply: Reply, codings: list[bytes]) -> None:
        decoder = decoder_for(codings, self.places.settings.caps.decoded)
        if decoder is not None:
            reply.body = b"".join(decoder.feed(reply.body))
            decoder.finish()
            reply.headers = decoded_headers(reply.headers)
