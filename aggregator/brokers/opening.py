"""From the settings of a pool to the door of a broker: its client is imported when a file asks for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from aggregator.brokers.door import BrokerDoor
from aggregator.brokers.link import Link
from aggregator.transport.settings import PoolSettings


def open_broker(settings: PoolSettings) -> BrokerDoor:
    """Return the door to the broker of *settings*, which connects when the first message comes."""
    return BrokerDoor(settings, _LINKS[settings.origin.scheme](settings))


def _stream(settings: PoolSettings) -> Link:
    from aggregator.brokers.streams import StreamLink

    return StreamLink(settings)


def _nats(settings: PoolSettings) -> Link:
    from aggregator.brokers.nats import NatsLink

    return NatsLink(settings)


def _amqp(settings: PoolSettings) -> Link:
    from aggregator.brokers.amqp import AmqpLink

    return AmqpLink(settings)


_LINKS: Final[dict[str, Callable[[PoolSettings], Link]]] = {
    "redis+stream": _stream, "rediss+stream": _stream, "nats": _nats, "nats+tls": _nats, "amqp": _amqp, "amqps": _amqp,
}  # fmt: skip
