"""What a client of NATS is told; the broker itself is tried in tests/outside."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from nats.aio import client as nats_client

from aggregator.brokers.link import SILENCE
from aggregator.brokers.nats import NatsLink
from aggregator.transport import BrokerTerms, Origin, PoolSettings, Timeouts


@pytest.mark.parametrize(("connect", "told"), [(3.0, 3.0), (None, SILENCE)])
def test_a_client_has_the_time_of_its_upstream_to_connect(
    monkeypatch: pytest.MonkeyPatch, connect: float | None, told: float
) -> None:
    """``timeouts.connect``, and where that is not limited, no longer than any server may keep silent."""
    options: dict[str, Any] = {}

    class Client:
        async def connect(self, **said: Any) -> None:
            options.update(said)

        def jetstream(self, timeout: float) -> None:
            pass

    monkeypatch.setattr(nats_client, "Client", Client)
    settings = PoolSettings(
        Origin("nats", "broker.test", 4222), timeouts=Timeouts(connect=connect), broker=BrokerTerms()
    )
    asyncio.run(NatsLink(settings).open())
    assert options["connect_timeout"] == told
