"""The lean door: one bounded pool of connections to one upstream."""

from __future__ import annotations

from collections.abc import AsyncIterable

from aggregator.transport.replies import Reply, StreamReply
from aggregator.transport.settings import PoolSettings
from aggregator.transport.ticket import Done, Ticket


class Pool:
    """A bounded pool of connections to one upstream. Made and used inside a running event loop."""

    def __init__(self, settings: PoolSettings) -> None:
        self.settings = settings

    @property
    def active(self) -> int:
        """How many connections are open or opening and not idle."""
        return 0

    @property
    def idle(self) -> int:
        """How many connections are open and free."""
        return 0

    @property
    def waiting(self) -> int:
        """How many calls wait for a connection."""
        return 0

    def start(
        self, method: bytes, target: bytes, headers: bytes, body: bytes | None, *, deadline: float, done: Done
    ) -> Ticket:
        r"""Start a call; *done* is told once, later, with a Reply or a CallError.

        *target* is the request target (path and query). *headers* is a serialised block,
        ``b"host: x\r\naccept: */*\r\n"``, without a final blank line, ``content-length`` or
        ``transfer-encoding``: those are added here. *deadline* is in loop time.
        """
        raise NotImplementedError

    async def fetch(
        self, method: bytes, target: bytes, headers: bytes, body: bytes | None, *, deadline: float
    ) -> Reply:
        """As `start`, awaited. Raises CallError; cancelling it cancels the call."""
        raise NotImplementedError

    async def stream(
        self,
        method: bytes,
        target: bytes,
        headers: bytes,
        body: bytes | AsyncIterable[bytes] | None,
        *,
        deadline: float | None,
        idle_timeout: float | None = None,
        decode: bool = False,
    ) -> StreamReply:
        """Give the reply once its head is there; the body is read from it.

        *deadline* (loop time, None for none) covers the body as well; *idle_timeout* is the longest silence
        in seconds. With *decode* a content coding is undone. Raises CallError, also while the body is read.
        """
        raise NotImplementedError

    def close_idle(self) -> None:
        """Close the connections that nobody uses."""

    async def aclose(self) -> None:
        """Fail what still runs or waits, close every connection and wait until they are gone."""
