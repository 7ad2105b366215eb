"""The ways to whoever keeps a key: one server that keeps all of them, or the nodes of a cluster."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from aggregator.errors import StoreError
from aggregator.stores.redis.connecting import connections
from aggregator.stores.redis.node import CONNECT, Command, Node
from aggregator.stores.shared.address import StoreAddress

Send = Callable[[Command], Awaitable[Any]]


class Ways(Protocol):
    """The way to whoever keeps a key."""

    @property
    def is_open(self) -> bool:
        """Whether operations are taken."""

    async def connect(self) -> None:
        """Open the connections; raises what redis-py and sockets raise."""

    def send(self, key: bytes, command: Command, /) -> Awaitable[Any]:
        """Send *command* to who has *key*; return the reply to come, which may raise ``StoreError``."""

    def servers(self) -> list[Send]:
        """Return what sends a command to each server, whatever its key."""

    def close(self) -> None:
        """Close the connections; what waits fails."""

    async def aclose(self) -> None:
        """Close the connections, and wait until they are closed."""


class OneNode:
    """One server, which keeps all keys."""

    def __init__(self, address: StoreAddress, timeout: float, broken: Callable[[str], None]) -> None:
        self._node = Node(connections(address), timeout, lambda _, why: broken(why))
        self.connect, self.aclose, self.put = self._node.connect, self._node.aclose, self._node.put

    @property
    def is_open(self) -> bool:
        """Whether operations are taken."""
        return self._node.is_open

    def send(self, _: bytes, command: Command) -> Awaitable[Any]:
        """Send *command*; return the reply to come."""
        return self._node.send(command)

    def servers(self) -> list[Send]:
        """Return what sends a command to it."""
        return [self._node.send]

    def close(self) -> None:
        """Close the connection; what waits fails."""
        self._node.close(tells=False)


async def open_way(way: Ways, address: StoreAddress) -> None:
    """Open *way* to *address*; raise ``StoreError`` that says why that fails."""
    from redis.exceptions import RedisError

    try:
        await way.connect()
    except (RedisError, OSError, TimeoutError) as error:
        way.close()
        why = address.cleaned(str(error).strip())
        raise StoreError(why or f"No connection was made within {CONNECT:g} s.") from None
    except BaseException:
        way.close()
        raise


def good(reply: Any) -> Any:
    """Return *reply* unless it is an error; raise ``StoreError`` then."""
    if isinstance(reply, Exception):
        raise StoreError(str(reply))
    return reply
