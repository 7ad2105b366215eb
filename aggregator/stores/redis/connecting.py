"""Connections of redis-py, made as an address says; the library is imported when a file asks for it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import Any

from aggregator.stores.redis.node import CONNECT, Connection
from aggregator.stores.shared.address import OF_THE_MACHINE, StoreAddress, StoreTls


def connections(address: StoreAddress) -> Callable[[], Connection]:
    """Return what makes connections to the one server, or primary, of *address*."""
    if address.kind == "sentinel":
        return _primary(address)
    from redis.asyncio.connection import UnixDomainSocketConnection

    if address.kind == "socket":
        path = address.name
        return lambda: UnixDomainSocketConnection(path=path, db=address.db, **options(address))
    return to_host(address, *address.hosts[0], db=address.db)


def to_host(address: StoreAddress, host: str, port: int, db: int = 0) -> Callable[[], Connection]:
    """Return what makes connections to one *host* of *address*."""
    from redis.asyncio.connection import Connection as Plain

    made = by_tls(address.trust) if address.tls else Plain
    return lambda: made(host=host, port=port, db=db, **options(address))


def by_tls(trust: StoreTls) -> Any:
    """Return the class of connections by TLS, each of which reads the files of *trust* as it is made.

    It raises ``OSError`` for a file that has gone. The library would trust those of the machine beside them.
    """
    from redis.asyncio.connection import SSLConnection

    if trust == OF_THE_MACHINE:
        return SSLConnection

    class Trusting(SSLConnection):
        def __init__(self, **given: Any) -> None:
            super().__init__(**given)
            self.ssl_context.context = _context(trust)

    return Trusting


def _context(trust: StoreTls) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=trust.ca)
    if trust.cert is not None:
        context.load_cert_chain(trust.cert, trust.key)
    return context


def options(address: StoreAddress) -> dict[str, Any]:
    """Return what all connections have in common: nothing is tried twice, since whoever asks knows better."""
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff
    from redis.maint_notifications import MaintNotificationsConfig

    return {
        "username": address.user,
        "password": address.password,
        "socket_connect_timeout": CONNECT,
        "socket_timeout": None,
        "protocol": 2,
        "retry": Retry(NoBackoff(), 0),
        "client_name": "aggregator",
        "maint_notifications_config": MaintNotificationsConfig(enabled=False),
    }


def _primary(address: StoreAddress) -> Callable[[], Connection]:
    return lambda: _AtPrimary(address)


class _AtPrimary:
    """A connection to whoever is the primary when it is made: sentinels are asked each time."""

    def __init__(self, address: StoreAddress) -> None:
        self._address = address
        self._made: Connection | None = None

    async def connect(self) -> None:
        """Ask the sentinels, and open a connection to the primary."""
        from redis.asyncio.sentinel import Sentinel

        address = self._address
        waits = {"socket_connect_timeout": CONNECT, "socket_timeout": CONNECT}
        tls = {"ssl": True} if address.tls else {}
        untyped: Any = Sentinel
        sentinel = untyped(list(address.hosts), sentinel_kwargs={**waits, **tls})
        if address.tls:
            for one in sentinel.sentinels:
                one.connection_pool.connection_class = by_tls(address.trust)
        try:
            host, port = await sentinel.discover_master(address.name)
        finally:
            await asyncio.gather(*(one.aclose() for one in sentinel.sentinels), return_exceptions=True)
        self._made = to_host(address, host, port, address.db)()
        await self._made.connect()

    async def disconnect(self, nowait: bool = False) -> None:
        """Close it."""
        if self._made is not None:
            await self._made.disconnect(nowait=nowait)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._made, name)
