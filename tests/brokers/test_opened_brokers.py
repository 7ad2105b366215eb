"""The door to a broker of any kind: nothing is open before the first message."""

from __future__ import annotations

import pytest

from aggregator.brokers.opening import open_broker
from aggregator.transport import BrokerTerms, Origin, PoolSettings

SCHEMES = ("redis+stream", "rediss+stream", "nats", "nats+tls", "amqp", "amqps")


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_door_connects_when_the_first_message_comes(scheme: str) -> None:
    """Whichever broker it leads to."""
    door = open_broker(PoolSettings(Origin(scheme, "broker.test", 1), broker=BrokerTerms()))
    assert (door.active, door.idle, door.waiting, door.dialled) == (0, 0, 0, (0, 0.0))
