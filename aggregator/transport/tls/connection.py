"""A connection whose bytes come out of OpenSSL: what it has read is parsed when the others have read, too."""

from __future__ import annotations

from typing import Protocol

from aggregator.transport.engine.call import Ticket
from aggregator.transport.engine.connection import Connection, Home
from aggregator.transport.engine.lane import Lane
from aggregator.transport.tls.rounds import Round

_SMALL = 16 * 1024  # as much as a record holds; what is larger would leave the caches before its turn


class TlsHome(Home, Protocol):
    """The part of ``Places`` that a connection by TLS uses."""

    @property
    def parsing(self) -> Round[TlsConnection]:
        """The round in which what has been read is parsed."""


class TlsConnection(Connection):
    """As its parent, in rounds with the other connections of its pool. What nobody asked for is seen at once."""

    __slots__ = ("_parsing", "_unread")

    def __init__(self, places: TlsHome, lane: Lane[Ticket]) -> None:
        super().__init__(places, lane)
        self._parsing = places.parsing
        self._unread = b""

    def data_received(self, data: bytes) -> None:
        """Keep a little for the round, unless there is no call that it could belong to; parse more at once."""
        if self._unread:
            self.parse()
        if self.ticket is not None and len(data) < _SMALL:
            self._unread = data
            self._parsing.add(self)
        else:
            super().data_received(data)

    def parse(self) -> None:
        """Parse what has been kept, unless its call has been given up since."""
        data, self._unread = self._unread, b""
        if data and self.ticket is not None:
            try:
                super().data_received(data)
            except BaseException:
                self.transport.abort()
                raise

    def _gone(self, error: Exception | None, *, ended: bool) -> None:
        self.parse()
        super()._gone(error, ended=ended)
