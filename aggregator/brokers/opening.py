"""From the settings of a pool to the door of a broker: its client is imported when a file asks for it, in a thread."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Final

from aggregator.brokers.door import BrokerDoor
from aggregator.brokers.link import Link
from aggregator.transport.settings import PoolSettings


def import_clients(schemes: Iterable[str]) -> None:
    """Import what links to the brokers of *schemes* use, so that the loop need not: it takes tenths of a second."""
    for scheme in schemes:
        for name in _CLIENTS[scheme]:
            import_module(name)


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
_REDIS: Final = ("aggregator.brokers.streams", "redis.asyncio.connection", "redis.exceptions")
_NATS: Final = ("aggregator.brokers.nats", "nats.aio.client", "nats.errors", "nats.js.errors")
_AMQP: Final = ("aggregator.brokers.amqp", "aiormq.connection", "aiormq.exceptions", "pamqp.commands")
_CLIENTS: Final[dict[str, tuple[str, ...]]] = {
    "redis+stream": _REDIS,
    "rediss+stream": _REDIS,
    "nats": _NATS,
    "nats+tls": _NATS,
    "amqp": _AMQP,
    "amqps": _AMQP,
}
"""The modules that a link imports once it is used."""
