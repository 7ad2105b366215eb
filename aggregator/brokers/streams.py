"""Streams of Redis and Valkey: a message is an entry of a stream, with a field for each header and one for the body."""

from __future__ import annotations

from collections.abc import Callable

from aggregator.brokers.link import NOT_ADMITTED, SILENCE, not_now, refused
from aggregator.brokers.message import Message
from aggregator.errors import CallError, StoreError
from aggregator.stores.redis.connecting import options
from aggregator.stores.redis.node import Command, Connection, Node
from aggregator.stores.shared.address import StoreAddress
from aggregator.transport.failures import RESET, chain, connect_failure
from aggregator.transport.settings import PoolSettings
from aggregator.transport.tls.contexts import build_context

_FOR_NOW = frozenset(
    {
        "BUSY", "MISCONF", "NOREPLICAS", "BusyLoadingError", "ClusterDownError", "MasterDownError", "OutOfMemoryError",
        "ReadOnlyError", "TryAgainError",
    }
)  # fmt: skip
"""Errors that pass by themselves, or when an operator helps: the message itself is good.

By their first word, or by the class that redis-py has for that word.
"""


class StreamLink:
    """Adds entries to the streams of one server."""

    def __init__(self, settings: PoolSettings) -> None:
        broker = settings.broker
        assert broker is not None
        self._length = () if broker.max_length is None else ("MAXLEN", "~", broker.max_length)
        self._node = Node(_connection(settings), SILENCE, lambda _node, _why: None, connect=None)

    @property
    def is_open(self) -> bool:
        """See `Link.is_open`."""
        return self._node.is_open

    async def open(self) -> None:
        """See `Link.open`."""
        await self._node.connect()

    async def send(self, message: Message) -> None:
        """See `Link.send`."""
        fields = [text for field in message.fields for text in field]
        command: Command = ("XADD", message.subject, *self._length, "*", *fields, "body", message.body)
        found = await self._node.send(command)
        if isinstance(found, Exception):
            raise found

    def failure(self, error: Exception) -> CallError:
        """See `Link.failure`; an error of the server begins with the word for its kind, such as ``WRONGTYPE``."""
        from redis.exceptions import AuthenticationError, AuthorizationError, ResponseError

        if isinstance(error, StoreError):  # the connection broke while the reply was waited for
            return CallError(*RESET)
        word = _word(error)
        if any(isinstance(one, AuthenticationError | AuthorizationError) for one in chain(error)):
            return CallError(*NOT_ADMITTED)
        if word in _FOR_NOW:
            return not_now(word)
        return refused(word) if isinstance(error, ResponseError) else connect_failure(error)

    async def aclose(self) -> None:
        """See `Link.aclose`."""
        await self._node.aclose()


def _connection(settings: PoolSettings) -> Callable[[], Connection]:
    """Return what makes connections as *settings* say: `BrokerDoor` limits how long one takes."""
    origin, broker = settings.origin, settings.broker
    assert broker is not None
    address = StoreAddress("server", user=broker.user, password=broker.password)
    made = {**options(address), "socket_connect_timeout": None, "db": broker.db}
    from redis.asyncio.connection import Connection as Plain
    from redis.asyncio.connection import SSLConnection, UnixDomainSocketConnection

    if (path := origin.unix_socket) is not None:
        return lambda: UnixDomainSocketConnection(path=path, **made)
    if not origin.secure:
        return lambda: Plain(host=origin.host, port=origin.port, **made)
    context = build_context(settings.tls)

    def by_tls() -> Connection:
        connection = SSLConnection(host=origin.host, port=origin.port, **made)
        connection.ssl_context.context = context
        return connection

    return by_tls


def _word(error: Exception) -> str:
    """Return what tells the kind of an *error* of a server: its first word, or the class that stands for that."""
    word = str(error).partition(" ")[0]
    return word if word.isupper() and word.isascii() else type(error).__name__
