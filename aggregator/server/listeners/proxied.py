"""Connections that begin with a PROXY header, read off the socket before TLS or HTTP sees a byte of it."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Coroutine
from functools import partial

from aggregator.edge.networks import Networks
from aggregator.edge.proxy_protocol import ProxyHeader, read_header
from aggregator.runtime.repeats import Repeats
from aggregator.server.listeners.beginnings import Beginnings, MakeProtocol, Stopped
from aggregator.telemetry.logging import log
from aggregator.transport.engine.opening.sockets import until

_LARGEST = 4096
"""Bytes that are looked at at once: no header is as long."""
_STRANGER = "it comes from no trusted proxy"

_log = logging.getLogger("aggregator.server")

GoOn = Callable[[socket.socket, str, MakeProtocol], Coroutine[object, object, None]]


class ProxyHeaders:
    """Reads the header of each connection, and lets *go_on* have it as one of the client that the header names.

    Only *trusted* proxies may speak: what others say of their address would be believed by nobody, and to serve them
    without would give two meanings to one listener. Their connections are closed.

    ``beginnings`` are the connections whose header has not come.

    States of one: waiting for its header; handed on, or closed.
    """

    def __init__(self, trusted: Callable[[], Networks], go_on: GoOn) -> None:
        self._loop = asyncio.get_running_loop()
        self._trusted = trusted
        self._go_on = go_on
        self.beginnings = Beginnings()
        self._repeats: Repeats[str] = Repeats(_tell_more)

    def stop(self) -> None:
        """Close connections whose PROXY header has not arrived."""
        self.beginnings.stop()

    async def receive(self, connection: socket.socket, peer: str, protocol: MakeProtocol) -> None:
        """Read the PROXY header of *connection*, of the address *peer*, and hand it to a new *protocol*."""
        if not self._trusted().holds(peer):
            self._refuse(connection, peer, _STRANGER)
            return
        try:
            header = await self.beginnings.within(_header(self._loop, connection))
        except Stopped:
            connection.close()
        except (ValueError, OSError) as error:
            self._refuse(connection, peer, str(error))
        else:
            await self._introduce(connection, peer, header, protocol)

    async def _introduce(
        self, connection: socket.socket, peer: str, header: ProxyHeader | None, protocol: MakeProtocol
    ) -> None:
        if header is None:
            connection.close()
        elif header.client:
            named = partial(protocol, (header.client, header.port))
            await self._go_on(connection, header.client, named)
        else:
            await self._go_on(connection, peer, protocol)

    def _refuse(self, connection: socket.socket, peer: str, reason: str) -> None:
        connection.close()
        if self._repeats.lets(reason):
            log(_log, logging.WARNING, "A connection was closed before its first request.", client=peer, reason=reason)


async def _header(loop: asyncio.AbstractEventLoop, connection: socket.socket) -> ProxyHeader | None:
    """Return the header at the beginning of *connection*, and leave what follows it; None when it ends without a byte.

    So load balancers look whether somebody listens. Raises ``ValueError`` for what is no header, ``OSError`` when the
    connection ends within it.
    """
    taken = b""
    while True:
        await until(loop, connection, "read")
        seen = connection.recv(_LARGEST, socket.MSG_PEEK)
        if not seen:
            if taken:
                raise ConnectionResetError("it ended within its PROXY header")
            return None
        header = read_header(taken + seen)
        taken += connection.recv(len(seen) if header is None else header.length - len(taken))
        if header is not None:
            return header


def _tell_more(reason: str, more: int) -> None:
    log(_log, logging.WARNING, "More connections were closed before their first request.", reason=reason, count=more)
