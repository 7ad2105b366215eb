"""From an origin to a connection: name lookup, sockets with happy eyeballs, TLS; all of it inside one limit."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from aggregator.errors import Cause
from aggregator.transport.engine.opening.lookup import look_up
from aggregator.transport.engine.opening.sockets import Address, can_poll, literal, open_socket, unix
from aggregator.transport.failures import connect_failure, late
from aggregator.transport.settings import Origin, PoolSettings
from aggregator.transport.tls.contexts import tls_context
from aggregator.transport.tls.rounds import Round
from aggregator.transport.tls.sockets import open_tls
from aggregator.transport.tls.transport import TlsTransport

Addresses = list[Address]
Resolve = Callable[[str, int], Coroutine[Any, Any, Addresses]]
"""Gives what getaddrinfo does for a host and a port; raises OSError."""

_P = TypeVar("_P", bound=asyncio.Protocol)

_GOODBYE = 0.5  # seconds that an upstream has to answer our end of TLS


class Connector:
    """Opens connections to the origin of *settings*; lookups of the same name at the same time are one."""

    __slots__ = ("_known", "_lookup", "_loop", "_resolve", "_sending", "_settings", "_tls")

    def __init__(self, settings: PoolSettings, loop: asyncio.AbstractEventLoop, resolve: Resolve | None = None) -> None:
        self._settings = settings
        self._loop = loop
        self._resolve = resolve
        self._lookup: asyncio.Task[Addresses] | None = None
        self._known = _known(settings.origin)
        self._sending = Round(loop, TlsTransport.flush)
        self._tls = tls_context(settings.tls) if settings.origin.secure else None

    async def connect(
        self, factory: Callable[[], _P], deadline: float, limit: float | None
    ) -> tuple[socket.socket, _P]:
        """Return a connected socket and its protocol. Raises CallError, with no other exception behind it.

        *deadline* is the call's, in loop time; *limit* is what connecting may take of it, in seconds.
        """
        failure = None
        until = deadline if limit is None else min(deadline, self._loop.time() + limit)
        try:
            async with asyncio.timeout_at(until) as timeout:
                return await self._protocol(factory, await open_socket(self._loop, await self.addresses()))
        except (OSError, UnicodeError, RuntimeError) as error:  # uvloop turns some of the first into the last
            if not timeout.expired():
                failure = connect_failure(error)
        finally:
            del timeout  # it has the task, and the task keeps this frame with what was raised in it
        if failure is not None:  # raised here, and not where its context would be another exception with its frames
            raise failure
        raise late(Cause.DEADLINE if until == deadline else Cause.CONNECT_TIMEOUT)

    def close(self) -> None:
        """Cancel a lookup under way."""
        if self._lookup is not None:
            self._lookup.cancel()

    async def _protocol(self, factory: Callable[[], _P], sock: socket.socket) -> tuple[socket.socket, _P]:
        options: dict[str, Any] = {"sock": sock}
        if self._tls is not None:
            name = self._settings.tls.server_name or self._settings.origin.certified_name
            if can_poll(self._loop):
                wrapped = await open_tls(self._loop, sock, self._tls, name)
                protocol = factory()
                TlsTransport(self._loop, wrapped, protocol, self._sending)
                return wrapped, protocol
            options |= {"ssl": self._tls, "server_hostname": name, "ssl_shutdown_timeout": _GOODBYE}
        is_unix = self._settings.origin.unix_socket is not None
        create = self._loop.create_unix_connection if is_unix else self._loop.create_connection
        try:
            transport, protocol = await create(factory, **options)
        except BaseException:
            self._abandon(sock)
            raise
        if transport.is_closing():
            self._abandon(sock)
        return sock, protocol

    def _abandon(self, sock: socket.socket) -> None:
        """Leave the descriptor to the transport that has been made for it and is closing."""
        if not isinstance(self._loop, asyncio.BaseEventLoop) and sock.fileno() >= 0:
            sock.detach()  # libuv closes the number; a second close could hit another socket

    @property
    def looks_up(self) -> bool:
        """Whether the upstream has a name, which may come to stand for other addresses."""
        return self._known is None

    async def addresses(self) -> Addresses:
        """Return where the upstream is now. Raises OSError, and UnicodeError for what cannot be a name."""
        if self._known is not None:
            return self._known
        origin = self._settings.origin
        if self._lookup is None:
            self._lookup = self._loop.create_task((self._resolve or look_up)(origin.host, origin.port))
            self._lookup.add_done_callback(self._forget_lookup)
        found = await asyncio.shield(self._lookup)
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "no address")
        return found

    def _forget_lookup(self, lookup: asyncio.Task[Addresses]) -> None:
        self._lookup = None
        if not lookup.cancelled():
            lookup.exception()  # each call that waits gets it; nobody may be left to


def _known(origin: Origin) -> Addresses | None:
    if origin.unix_socket is not None:
        return [unix(origin.unix_socket)]
    address = literal(origin.address or origin.host, origin.port)
    return None if address is None else [address]
