"""Messages to brokers that speak TLS: each has to prove who it is, and one that cannot gets nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from aggregator.brokers.opening import open_broker
from aggregator.transport import BrokerTerms, Origin, PoolSettings
from aggregator.transport.settings import TlsSettings
from tests.brokers.conftest import sent
from tests.stores.test_valkey_tls import by_tls
from tests.valkey import Valkey

from .servers import Broker, NatsByTls, Rabbit

AUTHORITY, STRANGER = trustme.CA(), trustme.CA()


@pytest.fixture(scope="module")
def proof(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the certificate of 127.0.0.1, its key, its authority, and one that has signed nothing."""
    folder = tmp_path_factory.mktemp("proof")
    shown = AUTHORITY.issue_cert("127.0.0.1")
    shown.private_key_pem.write_to_path(str(folder / "key.pem"))
    shown.cert_chain_pems[0].write_to_path(str(folder / "cert.pem"))
    AUTHORITY.cert_pem.write_to_path(str(folder / "ca.pem"))
    STRANGER.cert_pem.write_to_path(str(folder / "stranger.pem"))
    return folder


@pytest.fixture(scope="module")
def nats(proof: Path) -> Iterator[Broker]:
    """Yield a NATS."""
    server = NatsByTls(proof)
    server.start()
    yield server
    server.close()


@pytest.fixture(scope="module")
def rabbit(proof: Path) -> Iterator[Broker]:
    """Yield a RabbitMQ."""
    server = Rabbit(proof)
    server.start()
    yield server
    server.close()


async def outcome(scheme: str, port: int, authority: Path, **said: object) -> object:
    """Return what becomes of a message to a broker that *authority* has to vouch for."""
    terms = BrokerTerms(**said)  # type: ignore[arg-type]
    tls = TlsSettings(ca_file=str(authority))
    door = open_broker(PoolSettings(Origin(scheme, "127.0.0.1", port), tls=tls, broker=terms))
    try:
        return await sent(door)
    finally:
        await door.aclose()


@pytest.mark.parametrize(("authority", "found"), [("ca.pem", 202), ("stranger.pem", "tls")])
def test_nats(nats: Broker, proof: Path, authority: str, found: object) -> None:
    """It greets in the clear, and goes on by TLS."""
    said = {"user": "shop", "password": "s3cret", "jetstream": False}
    assert asyncio.run(outcome("nats+tls", nats.port, proof / authority, **said)) == found


@pytest.mark.parametrize(("authority", "found"), [("ca.pem", "unreachable"), ("stranger.pem", "tls")])
def test_rabbitmq(rabbit: Broker, proof: Path, authority: str, found: object) -> None:
    """A queue that is not there is told by the broker itself, to whom we have come by TLS."""
    assert asyncio.run(outcome("amqps", rabbit.port, proof / authority, user="guest", password="guest")) == found


@pytest.mark.parametrize(("authority", "found"), [("ca.pem", 202), ("stranger.pem", "tls")])
def test_a_stream_of_valkey(proof: Path, authority: str, found: object) -> None:
    """It stands behind TLS, as its build has none."""
    server = Valkey().start()

    async def scene() -> object:
        async with by_tls(server, AUTHORITY.issue_cert("127.0.0.1")) as port:
            return await outcome("rediss+stream", port, proof / authority)

    try:
        assert asyncio.run(scene()) == found
    finally:
        server.close()
