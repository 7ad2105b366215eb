"""How long connections are used: no longer than their age allows, nor than their address belongs to the upstream.

A connection under steady load is never idle, and would stay with an address long after the name has moved. So each has
an age, jittered so that those that were opened together do not end together, and while connections are used the name
is looked up again every few seconds: those to addresses that are gone are not used for another call. One that carries
a call carries it to its end. A lookup that fails says nothing about addresses.

    young     `begin`: may be used again
    retired   `Connection.retires` is over: closed when its call ends, at once when it is idle
"""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Callable, Iterable
from time import monotonic
from typing import Any, Protocol

from aggregator.transport.engine.opening.connecting import Addresses, Connector
from aggregator.transport.engine.opening.sockets import Place

_JITTER = 0.2  # of the age, at most, by which a connection retires earlier
_LOOK = 10.0  # seconds from one look at the name to the next


class Aged(Protocol):
    """A connection: to *peer*, and good for new calls until it *retires* (monotonic seconds)."""

    peer: Place | None
    retires: float


def _leave(_: Any) -> None:
    """Close nothing."""


class Aging:
    """Retires connections after *seconds*, and those of *opened* whose address is gone, of which it tells *retired*."""

    __slots__ = ("_connector", "_looking", "_loop", "_opened", "_retired", "_seconds", "due")

    def __init__(
        self, loop: asyncio.AbstractEventLoop, connector: Connector, seconds: float, opened: Iterable[Any],
        retired: Callable[[Any], None],
    ) -> None:  # fmt: skip
        self._loop = loop
        self._connector = connector
        self._seconds = seconds
        self._opened = opened
        self._retired = retired
        self._looking: asyncio.Task[Addresses] | None = None
        self.due = monotonic() + _LOOK if connector.looks_up else math.inf

    def begin(self, connection: Aged, peer: Place | None) -> None:
        """Start the age of *connection*, to *peer*."""
        connection.peer = peer
        connection.retires = monotonic() + self._seconds * random.uniform(1 - _JITTER, 1)  # noqa: S311 - not a secret

    def look(self, now: float) -> None:
        """Look the name up again, and schedule the next lookup."""
        self.due = now + _LOOK
        if self._looking is None:
            self._looking = self._loop.create_task(self._connector.addresses())
            self._looking.add_done_callback(self._seen)

    def stop(self) -> None:
        """Stop all lookups, and drop the callback that closes retired connections."""
        self.due = math.inf
        self._opened, self._retired = (), _leave
        if self._looking is not None:
            self._looking.cancel()

    def _seen(self, looking: asyncio.Task[Addresses]) -> None:
        self._looking = None
        if looking.cancelled() or looking.exception() is not None:
            return
        there = {address[4][:2] for address in looking.result()}
        for connection in tuple(self._opened):
            if connection.peer is not None and connection.peer not in there:
                connection.retires = 0.0
                self._retired(connection)
