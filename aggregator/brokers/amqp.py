"""AMQP 0-9-1, as RabbitMQ speaks it: a message with a routing key, to an exchange, confirmed by the broker."""

from __future__ import annotations

import logging
import ssl
from typing import Any
from urllib.parse import quote

from aggregator.brokers.link import NOT_ADMITTED, SILENCE, nobody, not_now
from aggregator.brokers.message import Message, bad_subject
from aggregator.errors import CallError, Cause
from aggregator.transport.failures import RESET, chain, connect_failure
from aggregator.transport.settings import PoolSettings
from aggregator.transport.tls.contexts import build_context

_LONGEST = 255
"""Bytes of a routing key, at most (AMQP 0-9-1, short strings)."""
_PERSISTENT = 2


class AmqpLink:
    """Publishes over one channel, and waits until the broker confirms each message."""

    def __init__(self, settings: PoolSettings) -> None:
        broker, origin = settings.broker, settings.origin
        assert broker is not None
        host = f"[{origin.host}]" if ":" in origin.host else origin.host
        user, word = quote(broker.user or "guest", safe=""), quote(broker.password or "guest", safe="")
        self._url = (
            f"{origin.scheme}://{user}:{word}@{host}:{origin.port}/{quote(broker.vhost, safe='')}"
            f"?heartbeat={SILENCE:g}&name=aggregator"
        )
        self._context = build_context(settings.tls) if origin.secure else None
        self._exchange = broker.exchange
        self._connection: Any = None
        self._channel: Any = None

    @property
    def is_open(self) -> bool:
        """See `Link.is_open`: what an operation has done wrong closes the channel, and a broker that goes both."""
        return self._channel is not None and not self._channel.is_closed and not self._connection.is_closed

    async def open(self) -> None:
        """See `Link.open`."""
        from aiormq.connection import Connection

        logging.getLogger("aiormq").setLevel(logging.CRITICAL)  # what it raises is told here
        await self.aclose()
        connection = Connection(self._url, context=self._context)
        try:
            await connection.connect()
            self._channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
        except BaseException:
            await connection.close()
            raise
        self._connection = connection

    async def send(self, message: Message) -> None:
        """See `Link.send`: a message outlives a restart of the broker where its queue does."""
        from pamqp.commands import Basic

        if len(message.subject.encode()) > _LONGEST:
            raise bad_subject()
        fields: dict[str, Any] = dict(message.joined)
        properties = Basic.Properties(
            content_type=fields.pop("content-type", None),
            message_id=message.id,
            delivery_mode=_PERSISTENT,
            headers=fields,
        )
        await self._channel.basic_publish(
            message.body, exchange=self._exchange, routing_key=message.subject, properties=properties, mandatory=True
        )

    def failure(self, error: Exception) -> CallError:
        """See `Link.failure`."""
        from aiormq import exceptions

        if isinstance(error, exceptions.PublishError | exceptions.ChannelNotFoundEntity):
            return nobody()
        if isinstance(error, exceptions.AuthenticationError | exceptions.ProbableAuthenticationError):
            return CallError(*NOT_ADMITTED)
        if isinstance(error, exceptions.ConnectionNotAllowed | exceptions.ChannelAccessRefused):
            return CallError(*NOT_ADMITTED)
        if isinstance(error, exceptions.InvalidFrameError):  # it closed the connection in the place of opening the host
            return CallError(Cause.UNREACHABLE, "The virtual host of the broker is not there, or not for us.")
        if isinstance(error, exceptions.AMQPChannelError | exceptions.DeliveryError):
            return not_now(type(error).__name__)
        by_tls = next((one for one in chain(error) if isinstance(one, ssl.SSLError)), None)
        if by_tls is not None:  # which the client wraps into a connection that was refused
            return connect_failure(by_tls)
        if (by_system := next(filter(_is_of_system, chain(error)), None)) is not None:
            return connect_failure(by_system)
        is_theirs = isinstance(error, exceptions.AMQPError | exceptions.ChannelInvalidStateError)
        return CallError(*RESET) if is_theirs else connect_failure(error)

    async def aclose(self) -> None:
        """See `Link.aclose`."""
        connection, self._connection, self._channel = self._connection, None, None
        if connection is not None:
            await connection.close()


def _is_of_system(error: BaseException) -> bool:
    """Return whether the system raised *error*: the client wraps that into a ``ConnectionError`` of the same number."""
    from aiormq.exceptions import AMQPError

    return isinstance(error, OSError) and error.errno is not None and not isinstance(error, AMQPError)
