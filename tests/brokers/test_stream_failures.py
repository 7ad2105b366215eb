"""What is sent to a stream, and what its errors mean: by the first word of the server, or the class that stands for it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from nodes import Asked, Played

from aggregator.brokers.message import Message
from aggregator.brokers.streams import StreamLink
from aggregator.errors import Cause, StoreError
from aggregator.transport import BrokerTerms, Origin, PoolSettings

MESSAGE = Message("orders", (("x-a", "1"), ("x-b", "ü")), b"body")
FIELDS = (b"x-a", b"1", b"x-b", "ü".encode(), b"body", b"body")
exceptions = pytest.importorskip("redis.exceptions")
LINK = StreamLink(PoolSettings(Origin("redis+stream", "broker.test", 6379), broker=BrokerTerms()))


@pytest.mark.parametrize(
    ("error", "cause", "message"),
    [
        (exceptions.ResponseError("WRONGTYPE of a key"), Cause.UNSUCCESSFUL, "The broker refused the message (WRONGTYPE)."),
        (exceptions.ResponseError("what is this"), Cause.UNSUCCESSFUL, "The broker refused the message (ResponseError)."),
        (exceptions.ResponseError("MISCONF of disks"), Cause.UNREACHABLE, "The broker takes no messages now (MISCONF)."),
        (exceptions.OutOfMemoryError("used memory > maxmemory"), Cause.UNREACHABLE,
         "The broker takes no messages now (OutOfMemoryError)."),
        (exceptions.ReadOnlyError("You can't write"), Cause.UNREACHABLE,
         "The broker takes no messages now (ReadOnlyError)."),
        (exceptions.AuthenticationError("WRONGPASS"), Cause.CREDENTIALS, "The broker does not take our credentials."),
        (exceptions.AuthorizationError("x"), Cause.CREDENTIALS, "The broker does not take our credentials."),
    ],
)  # fmt: skip
def test_what_an_error_of_the_server_means(error: Exception, cause: Cause, message: str) -> None:
    """It refuses the message for good, is not ready, or does not admit us."""
    found = LINK.failure(error)
    assert (found.cause, found.message) == (cause, message)


def test_a_connection_that_broke_tells_nothing_of_the_message() -> None:
    """It may have arrived."""
    assert LINK.failure(StoreError("It has gone.")).cause is Cause.RESET


def test_credentials_are_refused_below_other_errors_too() -> None:
    """The library wraps what it raises while it connects."""
    error = exceptions.ConnectionError("no connection")
    error.__cause__ = exceptions.AuthenticationError("WRONGPASS")
    assert LINK.failure(error).cause is Cause.CREDENTIALS


def test_who_is_not_there_is_unreachable() -> None:
    """By the error of the socket below."""
    error = exceptions.ConnectionError("no connection")
    error.__cause__ = ConnectionRefusedError(111, "Connection refused")
    assert LINK.failure(error).cause is Cause.REFUSED


@pytest.mark.parametrize(
    ("said", "before", "command"),
    [
        ({}, [], (b"XADD", b"orders", b"*", *FIELDS)),
        ({"max_length": 7, "db": 3, "user": "me", "password": "pw"}, [(b"SELECT", b"3")],
         (b"XADD", b"orders", b"MAXLEN", b"~", b"7", b"*", *FIELDS)),
    ],
)  # fmt: skip
def test_what_a_server_is_asked(said: dict[str, Any], before: list[Asked], command: Asked) -> None:
    """An entry of the stream, whose older ones go where that is declared; in the database that is declared."""

    async def scene() -> None:
        async with Played(lambda asked: b"OK" if asked[0] == b"SELECT" else b"1-0") as server:
            link = StreamLink(
                PoolSettings(Origin("redis+stream", server.host, server.port), broker=BrokerTerms(**said))
            )
            assert link.is_open is False
            await link.open()
            assert link.is_open is True
            await link.send(MESSAGE)
            await link.aclose()
            assert link.is_open is False
            assert server.asked == [*before, command]

    asyncio.run(scene())


def test_what_a_server_refuses_is_raised() -> None:
    """As the library raises it."""

    async def scene() -> None:
        async with Played(lambda _: Exception("WRONGTYPE of a key")) as server:
            link = StreamLink(PoolSettings(Origin("redis+stream", server.host, server.port), broker=BrokerTerms()))
            await link.open()
            with pytest.raises(exceptions.ResponseError, match="WRONGTYPE"):
                await link.send(MESSAGE)
            await link.aclose()

    asyncio.run(scene())
