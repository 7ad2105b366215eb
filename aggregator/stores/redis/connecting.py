"""Connections of redis-py, made as an address says; the library is imported when a file asks for it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, Final

from aggregator.stores.redis.node import CONNECT, Connection
from aggregator.stores.shared.address import StoreAddress, StoreTls

_LATE: Final = CONNECT / 2
"""Seconds that sentinels have to answer; what is left of ``CONNECT`` is for the primary."""


def connections(address: StoreAddress) -> Callable[[], Connection]:
    """Return what makes connections to the one server, or primary, or the first node, of *address*."""
    if address.kind == "sentinel":
        return Sentinels(address)
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


@lru_cache(maxsize=16)
def by_tls(trust: StoreTls) -> Any:
    """Return the class of connections by TLS, which reads the files of *trust* for the first one, and keeps them.

    Reading whom a machine trusts takes longer than a request may wait, so it is read again only when a handshake has
    failed: it may have been mended. Connecting raises ``OSError`` for a file that has gone. The library would trust
    those of the machine beside them.
    """
    from redis.asyncio.connection import SSLConnection

    kept: list[ssl.SSLContext] = []

    class Trusting(SSLConnection):
        async def connect(self) -> None:
            kept[:] = kept or [_context(trust)]
            self.ssl_context.context = kept[0]
            try:
                await super().connect()  # type: ignore[no-untyped-call]
            except Exception as error:
                if any(isinstance(one, ssl.SSLError) for one in _causes(error)):
                    kept.clear()
                raise

    return Trusting


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _context(trust: StoreTls) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=trust.ca)
    if trust.cert is not None:
        context.load_cert_chain(trust.cert, trust.key)
    return context


def options(address: StoreAddress) -> dict[str, Any]:
    """Return what all connections have in common: nothing is tried twice, since whoever asks knows better."""
    from redis.maint_notifications import MaintNotificationsConfig

    return {
        "username": address.user,
        "password": address.password,
        "socket_connect_timeout": CONNECT,
        "socket_timeout": None,
        "protocol": 2,
        "retry": never_again(),
        "client_name": "aggregator",
        "maint_notifications_config": MaintNotificationsConfig(enabled=False),
    }


def never_again() -> Any:
    """Return the policy of redis-py by which nothing is tried twice."""
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff

    return Retry(NoBackoff(), 0)


class Sentinels:
    """The sentinels of *address*, asked side by side, so that one that has gone delays no answer.

    Of those that answer in time the one counts that knows of the latest change of primary: another may be cut off.
    """

    def __init__(self, address: StoreAddress, late: float = _LATE) -> None:
        self._address = address
        self._late = late
        self._asked: Any = None
        """The clients of redis-py, made for the first question and kept: making them takes longer than to ask."""

    def __call__(self) -> Connection:
        """Return a connection to whoever is the primary when it is opened."""
        return _AtPrimary(self._address, self)

    async def primary(self) -> tuple[str, int]:
        """Return host and port of the primary; raise what redis-py raises where no sentinel knows it."""
        from redis.exceptions import ConnectionError as Unknown

        if self._asked is None:
            self._asked = self._clients()
        clients = self._asked.sentinels
        found = await asyncio.gather(*map(self._state, clients), return_exceptions=True)
        known = [state for state in found if isinstance(state, dict)]
        if not known:
            why = "; ".join(f"{host}:{port}: {error}" for (host, port), error in self._told(found))
            raise Unknown(f"No sentinel knows who the primary {self._address.name!r} is. {why}")
        latest = max(known, key=lambda state: int(state["config-epoch"]))
        return latest["ip"], latest["port"]

    def _told(self, found: list[Any]) -> list[tuple[tuple[str, int], str]]:
        words = [str(error).strip() or f"no answer within {self._late:g} s" for error in found]
        return list(zip(self._address.hosts, words, strict=True))

    def _clients(self) -> Any:
        from redis.asyncio.sentinel import Sentinel

        address = self._address
        made: Any = Sentinel
        given = {
            "socket_connect_timeout": self._late,
            "socket_timeout": self._late,
            "protocol": 2,
            "retry": never_again(),
        }
        sentinel = made(list(address.hosts), sentinel_kwargs={**given, **({"ssl": True} if address.tls else {})})
        if address.tls:
            for one in sentinel.sentinels:
                one.connection_pool.connection_class = by_tls(address.trust)
        return sentinel

    async def _state(self, client: Any) -> dict[str, Any]:
        """Return what the sentinel of *client* knows of the primary; raise ``LookupError`` where that is down."""
        try:
            async with asyncio.timeout(self._late):
                state: dict[str, Any] = await client.sentinel_master(self._address.name)
        finally:
            await client.connection_pool.disconnect()
        if not self._asked.check_master_state(state, self._address.name):
            raise LookupError("it is down")
        return state


class _AtPrimary:
    """A connection to whoever is the primary when it is opened."""

    def __init__(self, address: StoreAddress, sentinels: Sentinels) -> None:
        self._address = address
        self._sentinels = sentinels
        self._made: Connection | None = None

    async def connect(self) -> None:
        """Ask the sentinels, and open a connection to the primary."""
        host, port = await self._sentinels.primary()
        self._made = to_host(self._address, host, port, self._address.db)()
        await self._made.connect()

    async def disconnect(self, nowait: bool = False) -> None:
        """Close it."""
        if self._made is not None:
            await self._made.disconnect(nowait=nowait)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._made, name)
