"""Messages to a NATS and a RabbitMQ that the test starts: they arrive whole, and what goes wrong is told as it is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from aggregator.brokers.door import BrokerDoor
from aggregator.brokers.link import SILENCE
from aggregator.brokers.opening import open_broker
from aggregator.transport import BrokerTerms, Origin, PoolSettings
from tests.brokers.conftest import sent, until

from .servers import Broker, Nats, Rabbit

Scene = Callable[[BrokerDoor], Awaitable[Any]]


def play(broker: Broker, scheme: str, scene: Scene, **said: Any) -> Any:
    """Return what *scene* comes to with a door to *broker*."""
    settings = PoolSettings(Origin(scheme, "127.0.0.1", broker.port), broker=BrokerTerms(**said))

    async def played() -> Any:
        door = open_broker(settings)
        try:
            return await scene(door)
        finally:
            await door.aclose()

    return asyncio.run(played())


@pytest.fixture(scope="module")
def nats() -> Iterator[Nats]:
    """Yield a NATS."""
    server = Nats()
    server.start()
    yield server
    server.close()


@pytest.fixture(scope="module")
def rabbit() -> Iterator[Rabbit]:
    """Yield a RabbitMQ."""
    server = Rabbit()
    server.start()
    yield server
    server.close()


LOGIN = {"user": "shop", "password": "s3cret"}


async def _stream(port: int, subject: str) -> Any:
    """Return a client of NATS, and its JetStream with a stream of *subject*."""
    from nats.aio.client import Client

    client = Client()
    await client.connect(servers=[f"nats://127.0.0.1:{port}"], user="shop", password="s3cret")
    streams = client.jetstream()
    await streams.add_stream(name=subject.partition(".")[0], subjects=[subject])
    return client, streams


def test_a_stream_of_jetstream_keeps_a_message_once(nats: Nats) -> None:
    """The header fields go along, and the key is the id by which the server knows a message that comes again."""

    async def scene(door: BrokerDoor) -> None:
        client, streams = await _stream(nats.port, "signups.>")
        assert [await sent(door, b"/signups.eu") for _ in range(2)] == [202, 202]
        assert (await streams.stream_info("signups")).state.messages == 1
        message = await streams.get_msg("signups", 1)
        assert (message.subject, message.data) == ("signups.eu", b"{}")
        kept = {"Nats-Msg-Id": "k-1", "idempotency-key": "k-1", "content-type": "application/json"}
        assert dict(message.headers) == kept
        await client.close()

    play(nats, "nats", scene, **LOGIN)


def test_a_subject_without_a_stream_waits_for_one(nats: Nats) -> None:
    """Nothing has the message, so it is sent again later; without JetStream nobody has to listen."""

    async def scene(door: BrokerDoor) -> Any:
        return await sent(door, b"/nobody")

    assert play(nats, "nats", scene, **LOGIN) == "unreachable"
    assert play(nats, "nats", scene, **LOGIN, jetstream=False) == 202


def test_whoever_listens_gets_a_message_without_jetstream(nats: Nats) -> None:
    """It has left for the server when the door tells its end."""

    async def scene(door: BrokerDoor) -> None:
        client, _ = await _stream(nats.port, "other")
        listening = await client.subscribe("plain")
        await client.flush()
        assert await sent(door, b"/plain", b"hello") == 202
        message = await listening.next_msg(timeout=30)
        assert (message.data, message.headers["content-type"]) == (b"hello", "application/json")
        await client.close()

    play(nats, "nats", scene, **LOGIN, jetstream=False)


@pytest.mark.parametrize("path", [b"/a..b", b"/a.*", b"/%3e", b"/a%20b"])
def test_what_is_no_subject_is_not_published(nats: Nats, path: bytes) -> None:
    """Values of a client cannot make a subject of wildcards, or one with a gap."""
    assert play(nats, "nats", lambda door: sent(door, path), **LOGIN, jetstream=False) == "input"


def test_a_message_that_is_too_large_is_refused_for_good(nats: Nats) -> None:
    """The server says what it takes: a megabyte unless it is told otherwise."""

    async def scene(door: BrokerDoor) -> Any:
        return await sent(door, b"/large", bytes(2_000_000))

    assert play(nats, "nats", scene, **LOGIN) == "unsuccessful"


@pytest.mark.parametrize("said", [{}, {"user": "shop", "password": "wrong"}, {"token": "wrong"}])
def test_nats_admits_nobody_else(nats: Nats, said: dict[str, str]) -> None:
    """Wrong credentials are told as what they are."""
    assert play(nats, "nats", sent, **said) == "credentials"


def test_nats_in_the_clear_gets_nothing_by_tls(nats: Nats) -> None:
    """Where the file says TLS, a server that asks for none is told neither password nor message."""
    assert play(nats, "nats+tls", sent, **LOGIN) == "tls"


def test_nats_that_goes_and_comes_back_is_connected_to_anew() -> None:
    """A message while it is away is refused, the next one arrives."""
    server = Nats()
    server.start()

    async def scene(door: BrokerDoor) -> list[Any]:
        first = await sent(door)
        await until(lambda: door.idle)
        server.kill()
        await until(lambda: not door.idle)
        away = await sent(door)
        await asyncio.to_thread(server.start)
        return [first, away, await sent(door)]

    try:
        assert play(server, "nats", scene, **LOGIN, jetstream=False) == [202, "refused", 202]
    finally:
        server.close()


def test_a_message_under_way_fails_when_nats_goes() -> None:
    """It does not wait for an acknowledgement that cannot come."""
    server = Nats()
    server.start()

    async def scene(door: BrokerDoor) -> Any:
        await sent(door)
        server.freeze()
        under_way = asyncio.create_task(sent(door))
        await until(lambda: door.active)
        server.kill()
        return await under_way

    try:
        assert play(server, "nats", scene, **LOGIN) == "reset"
    finally:
        server.close()


@pytest.mark.parametrize("jetstream", [True, False])
def test_a_frozen_nats_is_left_before_ten_seconds(jetstream: bool) -> None:
    """It answers no pings: what is under way fails, and the connection is given up."""
    server = Nats()
    server.start()

    async def scene(door: BrokerDoor) -> Any:
        await sent(door)
        server.freeze()
        began = asyncio.get_running_loop().time()
        outcome = await sent(door)
        return outcome, asyncio.get_running_loop().time() - began

    try:
        outcome, seconds = play(server, "nats", scene, **LOGIN, jetstream=jetstream)
    finally:
        server.close()
    assert outcome in {"reset", "unreachable"}  # the pings may have been missed before it is sent
    assert seconds < SILENCE


async def _queue(port: int, name: str, exchange: str = "") -> Any:
    """Return a connection to a RabbitMQ and its channel, with a queue that gets what an *exchange* has for *name*."""
    from aiormq.connection import Connection

    connection = Connection(f"amqp://guest:guest@127.0.0.1:{port}/")
    await connection.connect()
    channel = await connection.channel()
    await channel.queue_declare(name)
    if exchange:
        await channel.exchange_declare(exchange, exchange_type="topic")
        await channel.queue_bind(name, exchange, routing_key=f"{name}.#")
    return connection, channel


@pytest.mark.parametrize(("exchange", "path"), [("", b"/signups"), ("events", b"/users.new")])
def test_a_queue_of_rabbitmq_gets_a_message(rabbit: Rabbit, exchange: str, path: bytes) -> None:
    """The path is the routing key, the key the id of the message, which is kept on the disk."""

    async def scene(door: BrokerDoor) -> None:
        connection, channel = await _queue(rabbit.port, path[1:].split(b".")[0].decode(), exchange)
        assert await sent(door, path) == 202
        message = await channel.basic_get(path[1:].split(b".")[0].decode(), no_ack=True)
        properties = message.header.properties
        assert message.body == b"{}"
        assert (properties.message_id, properties.content_type, properties.delivery_mode) == (
            "k-1", "application/json", 2
        )  # fmt: skip
        assert properties.headers == {"idempotency-key": "k-1"}
        await connection.close()

    play(rabbit, "amqp", scene, exchange=exchange)


@pytest.mark.parametrize("exchange", ["", "missing"])
def test_what_no_queue_gets_waits_for_one(rabbit: Rabbit, exchange: str) -> None:
    """A routing key without a queue, and an exchange that is not there, lose nothing; the next message is sent."""

    async def scene(door: BrokerDoor) -> list[Any]:
        connection, _ = await _queue(rabbit.port, "there")
        await connection.close()
        return [await sent(door, b"/nowhere"), await sent(door, b"/there")]

    assert play(rabbit, "amqp", scene, exchange=exchange) == ["unreachable", "unreachable" if exchange else 202]


@pytest.mark.parametrize(
    ("said", "cause"), [({"user": "shop", "password": "wrong"}, "credentials"), ({"vhost": "other"}, "unreachable")]
)
def test_rabbitmq_admits_nobody_else(rabbit: Rabbit, said: dict[str, str], cause: str) -> None:
    """Wrong credentials, and a virtual host that is not there, are told as what they are."""
    assert play(rabbit, "amqp", sent, **said) == cause


def test_a_routing_key_has_255_bytes_at_most(rabbit: Rabbit) -> None:
    """A longer one is a fault of the call, and ends nothing else."""

    async def scene(door: BrokerDoor) -> list[Any]:
        connection, _ = await _queue(rabbit.port, "there")
        await connection.close()
        return [await sent(door, b"/" + b"x" * 256), await sent(door, b"/there")]

    assert play(rabbit, "amqp", scene) == ["input", 202]
