"""What a client of AMQP is asked for, and what its errors mean; the broker itself is tried in tests/outside."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable
from typing import Any

import pytest
from aiormq import connection as aiormq_connection
from aiormq import exceptions
from pamqp.commands import Basic

from aggregator.brokers.amqp import AmqpLink
from aggregator.brokers.message import Message
from aggregator.errors import CallError, Cause
from aggregator.transport import BrokerTerms, Origin, PoolSettings

NOBODY = (Cause.UNREACHABLE, "The broker has nothing that takes messages of this name.")
NOT_ADMITTED = (Cause.CREDENTIALS, "The broker does not take our credentials.")
RESET = (Cause.RESET, "The upstream reset the connection.")


class Channel:
    """A channel that keeps what is published."""

    def __init__(self) -> None:
        self.is_closed = False
        self.published: list[tuple[bytes, dict[str, Any]]] = []

    async def basic_publish(self, body: bytes, **said: Any) -> None:
        """Keep a message."""
        self.published.append((body, said))


class Connection:
    """A connection to nobody: *fault* is raised when a channel is opened."""

    def __init__(self, url: str, *, context: ssl.SSLContext | None, fault: Exception | None = None) -> None:
        self.url, self.context, self.fault = url, context, fault
        self.is_closed = False
        self.asked: dict[str, Any] = {}
        self.opened = Channel()

    async def connect(self) -> None:
        """Connect to nobody."""

    async def channel(self, **said: Any) -> Channel:
        """Return the channel."""
        self.asked = said
        if self.fault is not None:
            raise self.fault
        return self.opened

    async def close(self) -> None:
        """Close it."""
        self.is_closed = True


Made = list[Connection]


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Made:
    """Return the connections that are made from now on."""
    found: Made = []

    def connection(url: str, *, context: ssl.SSLContext | None) -> Connection:
        found.append(Connection(url, context=context))
        return found[-1]

    monkeypatch.setattr(aiormq_connection, "Connection", connection)
    return found


def link(scheme: str = "amqp", host: str = "broker.test", port: int = 5672, **said: Any) -> AmqpLink:
    """Return a link to the broker at *host*."""
    return AmqpLink(PoolSettings(Origin(scheme, host, port), broker=BrokerTerms(**said)))


@pytest.mark.parametrize(
    ("said", "url"),
    [
        ({}, "amqp://guest:guest@broker.test:5672/%2F?heartbeat=10&name=aggregator"),
        ({"host": "::1"}, "amqp://guest:guest@[::1]:5672/%2F?heartbeat=10&name=aggregator"),
        ({"user": "a/b", "password": "p@:w", "vhost": "shop"},
         "amqp://a%2Fb:p%40%3Aw@broker.test:5672/shop?heartbeat=10&name=aggregator"),
    ],
)  # fmt: skip
def test_where_and_as_whom_a_client_connects(made: Made, said: dict[str, Any], url: str) -> None:
    """As a guest where nobody is named; what could be taken for a part of the URL is escaped."""
    asyncio.run(link(**said).open())
    assert [(one.url, one.context) for one in made] == [(url, None)]


def test_a_client_speaks_tls_where_the_scheme_says_so(made: Made) -> None:
    """With a context that verifies."""
    asyncio.run(link("amqps", port=5671).open())
    (connection,) = made
    assert connection.url.startswith("amqps://guest:guest@broker.test:5671/")
    assert connection.context is not None
    assert connection.context.verify_mode is ssl.CERT_REQUIRED


def test_messages_are_confirmed_and_those_that_nobody_takes_come_back(made: Made) -> None:
    """A channel is opened for that, and what the client logs of faults is told by us."""
    asyncio.run(link().open())
    assert made[0].asked == {"publisher_confirms": True, "on_return_raises": True}
    assert logging.getLogger("aiormq").level == logging.CRITICAL


@pytest.mark.parametrize("closed", ["nothing", "channel", "connection", "link"])
def test_a_link_is_open_while_its_channel_and_its_connection_are(made: Made, closed: str) -> None:
    """Either may be closed by the broker."""

    async def scene() -> None:
        opened = link()
        states = [opened.is_open]
        await opened.open()
        states.append(opened.is_open)
        if closed == "link":
            await opened.aclose()
            await opened.aclose()
        made[0].opened.is_closed = closed == "channel"
        made[0].is_closed |= closed == "connection"
        assert [*states, opened.is_open] == [False, True, closed == "nothing"]
        assert made[0].is_closed is (closed in ("link", "connection"))

    asyncio.run(scene())


def test_a_link_that_is_opened_again_leaves_no_connection(made: Made) -> None:
    """The one before is closed first."""

    async def scene() -> None:
        opened = link()
        await opened.open()
        await opened.open()
        assert ([one.is_closed for one in made], opened.is_open) == ([True, False], True)

    asyncio.run(scene())


def test_a_connection_without_a_channel_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is left open where opening fails."""
    connection = Connection("", context=None, fault=exceptions.ChannelInvalidStateError("no"))
    monkeypatch.setattr(aiormq_connection, "Connection", lambda *_, **__: connection)

    async def scene() -> None:
        opened = link()
        with pytest.raises(exceptions.ChannelInvalidStateError):
            await opened.open()
        assert (connection.is_closed, opened.is_open) == (True, False)

    asyncio.run(scene())


def sent(made: Made, message: Message, **said: Any) -> tuple[bytes, dict[str, Any]]:
    """Return body and terms of *message* as the client got them; raises ``CallError``."""

    async def scene() -> None:
        opened = link(**said)
        await opened.open()
        await opened.send(message)

    asyncio.run(scene())
    (published,) = made[0].opened.published
    return published


def test_a_message_outlives_a_restart(made: Made) -> None:
    """It is persistent; its type and id stand where consumers look for them, its other fields are headers."""
    fields = (("content-type", "text/plain"), ("x-a", "1"), ("x-a", "2"))
    body, said = sent(made, Message("shop.signups", fields, b"hello", "k-1"), exchange="events")
    properties = said.pop("properties")
    assert (body, said) == (b"hello", {"exchange": "events", "routing_key": "shop.signups", "mandatory": True})
    assert (properties.content_type, properties.message_id, properties.delivery_mode, properties.headers) == (
        "text/plain", "k-1", 2, {"x-a": "1, 2"},
    )  # fmt: skip


@pytest.mark.parametrize("subject", ["s" * 255, "ü" * 127])
def test_the_longest_routing_key_is_sent(made: Made, subject: str) -> None:
    """Of 255 bytes."""
    assert sent(made, Message(subject, (), b""))[1]["routing_key"] == subject


@pytest.mark.parametrize("subject", ["s" * 256, "ü" * 128])
def test_a_longer_routing_key_is_a_wrong_path(made: Made, subject: str) -> None:
    """Bytes count: the broker would close the connection for it."""
    with pytest.raises(CallError) as refused:
        sent(made, Message(subject, (), b""))
    assert refused.value.cause is Cause.INPUT


def returned() -> exceptions.PublishError:
    """Return what is raised for a message that came back."""
    frame = Basic.Return(reply_code=312, reply_text="NO_ROUTE", exchange="", routing_key="a")

    class Delivered:
        delivery = frame

    return exceptions.PublishError(Delivered(), frame)  # type: ignore[arg-type]


def caused(by: BaseException) -> exceptions.AMQPConnectionError:
    """Return how the client wraps *by*."""
    error = exceptions.AMQPConnectionError(*by.args)
    error.__cause__ = by
    return error


@pytest.mark.parametrize(
    ("make", "meant"),
    [
        (returned, NOBODY),
        (lambda: exceptions.ChannelNotFoundEntity("no exchange"), NOBODY),
        (lambda: exceptions.AuthenticationError("PLAIN"), NOT_ADMITTED),
        (lambda: exceptions.ProbableAuthenticationError("closed"), NOT_ADMITTED),
        (lambda: exceptions.ConnectionNotAllowed("vhost"), NOT_ADMITTED),
        (lambda: exceptions.ChannelAccessRefused("exchange"), NOT_ADMITTED),
        (lambda: exceptions.InvalidFrameError("?"),
         (Cause.UNREACHABLE, "The virtual host of the broker is not there, or not for us.")),
        (lambda: exceptions.ChannelPreconditionFailed("full"),
         (Cause.UNREACHABLE, "The broker takes no messages now (ChannelPreconditionFailed).")),
        (lambda: exceptions.DeliveryError(None, Basic.Nack()),
         (Cause.UNREACHABLE, "The broker takes no messages now (DeliveryError).")),
        (lambda: caused(ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER]")), (Cause.TLS, "TLS with the upstream failed.")),
        (lambda: caused(ConnectionRefusedError(111, "no")), (Cause.REFUSED, "The upstream refused the connection.")),
        (lambda: caused(OSError(113, "no route")), (Cause.UNREACHABLE, "The upstream cannot be reached.")),
        (lambda: caused(socket.gaierror(-2, "unknown")), (Cause.DNS, "The name of the upstream cannot be resolved.")),
        (lambda: exceptions.AMQPConnectionError(113, "no cause"), RESET),
        (lambda: exceptions.ConnectionFrameError("?"), RESET),
        (lambda: exceptions.ChannelInvalidStateError("closed"), RESET),
        (lambda: EOFError(), RESET),
        (lambda: RuntimeError("?"), (Cause.UNREACHABLE, "The upstream cannot be reached.")),
    ],
)  # fmt: skip
def test_what_an_error_means(make: Callable[[], Exception], meant: tuple[Cause, str]) -> None:
    """Nobody who listens, no right to, not now, and what a lost connection came from."""
    found = link().failure(make())
    assert (found.cause, str(found)) == meant
