"""What is published at a server is heard by those who listen, again once a connection that broke is there anew."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from nodes import SILENCE, Asked, Played, Reply, until

from aggregator.errors import StoreError
from aggregator.stores.redis import listening
from aggregator.stores.redis.listening import Listening
from aggregator.stores.shared.address import store_address

pytest.importorskip("redis")
SLEEP = asyncio.sleep


def confirming(command: Asked) -> Reply:
    """Confirm the first channel, as a server does, which has a number of subscriptions."""
    return [command[0].lower(), command[1], 1]


async def over(
    test: Callable[[Listening, Played], Awaitable[None]], reply: Callable[[Asked], Reply] = confirming
) -> None:
    """Run *test* with the subscriptions at a server, and the server."""
    async with Played(reply) as server:
        found = Listening(store_address(f"redis://{server.host}:{server.port}"))
        try:
            await test(found, server)
        finally:
            await found.aclose()


def listens(test: Callable[[Listening, Played], Awaitable[None]], **said: Callable[[Asked], Reply]) -> None:
    """Run *test*."""
    asyncio.run(over(test, **said))


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the pauses that are made from now on, which take no time."""
    made: list[float] = []

    async def sleep(seconds: float) -> None:
        if seconds:
            made.append(seconds)
        await SLEEP(0)

    monkeypatch.setattr(listening.asyncio, "sleep", sleep)
    return made


def test_each_hears_what_is_published_on_its_channel() -> None:
    """All that listen to it, and nobody else; the server is asked once for each channel."""

    async def test(found: Listening, server: Played) -> None:
        heard: list[tuple[str, bytes]] = []
        for name, channel in (("one", b"a"), ("other", b"a"), ("third", b"b")):
            await found.add(channel, lambda message, name=name: heard.append((name, message)))
        server.say([b"message", b"a", b"1"])
        server.say([b"message", b"unknown", b"2"])
        server.say([b"message", b"b", b"3"])
        await until(lambda: len(heard) == 3)
        assert heard == [("one", b"1"), ("other", b"1"), ("third", b"3")]
        assert server.asked == [(b"SUBSCRIBE", b"a"), (b"SUBSCRIBE", b"b")]

    listens(test)


def test_another_node_of_a_cluster_is_listened_to(pauses: list[float]) -> None:
    """Where the first cannot be reached, and again where the connection to one breaks: each has the messages of all."""

    async def test() -> None:
        heard: list[bytes] = []
        async with Played(confirming) as lost, Played(confirming) as kept:
            hosts = ",".join(
                f"{host}:{port}" for host, port in [("127.0.0.1", 1), (lost.host, lost.port), (kept.host, kept.port)]
            )
            found = Listening(store_address(f"redis+cluster://{hosts}"))
            try:
                await found.add(b"a", heard.append)
                assert (lost.asked, kept.asked, len(pauses)) == ([(b"SUBSCRIBE", b"a")], [], 1)
                lost.cut()
                await until(lambda: bool(kept.asked))
                kept.say([b"message", b"a", b"1"])
                await until(lambda: bool(heard))
            finally:
                await found.aclose()

    asyncio.run(test())


def test_a_channel_is_left_when_the_last_has_ended() -> None:
    """An end that comes twice ends nothing else."""

    async def test(found: Listening, server: Played) -> None:
        heard: list[bytes] = []
        one, other = await found.add(b"a", heard.append), await found.add(b"a", lambda _: None)
        other()
        other()
        server.say([b"message", b"a", b"1"])
        await until(lambda: bool(heard))
        assert server.asked == [(b"SUBSCRIBE", b"a")]
        one()
        one()
        await until(lambda: len(server.asked) == 2)
        await found.add(b"a", heard.append)
        assert server.asked == [(b"SUBSCRIBE", b"a"), (b"UNSUBSCRIBE", b"a"), (b"SUBSCRIBE", b"a")]

    listens(test)


def test_a_connection_that_broke_is_made_again(pauses: list[float]) -> None:
    """For all channels that somebody listens to, in one command."""

    async def test(found: Listening, server: Played) -> None:
        heard: list[bytes] = []
        await found.add(b"a", heard.append)
        await found.add(b"b", heard.append)
        (await found.add(b"c", heard.append))()
        await until(lambda: len(server.asked) == 4)
        server.cut()
        await until(lambda: len(server.asked) == 5)
        assert (server.asked[4], server.connections) == ((b"SUBSCRIBE", b"a", b"b"), 2)
        server.say([b"message", b"b", b"1"])
        await until(lambda: bool(heard))

    listens(test)


def test_who_listens_to_nothing_asks_for_nothing(pauses: list[float]) -> None:
    """A connection that is made again without a channel says no command, which needs one."""

    async def test(found: Listening, server: Played) -> None:
        (await found.add(b"a", lambda _: None))()
        await until(lambda: len(server.asked) == 2)
        server.cut()
        await until(lambda: server.connections == 2)
        await found.add(b"b", lambda _: None)
        assert server.asked[2:] == [(b"SUBSCRIBE", b"b")]

    listens(test)


def test_pauses_grow_while_the_server_is_away(pauses: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    """Twice as long each time, five seconds at most; a connection that is made begins with the first one again."""
    monkeypatch.setattr(listening, "CONNECT", 0.05)

    async def test(found: Listening, server: Played) -> None:
        address = store_address(f"redis://{server.host}:{server.port}")
        await server.stop()
        away = Listening(address)
        with pytest.raises(StoreError, match=r"^The store does not confirm that it is listened to\.$"):
            await away.add(b"a", lambda _: None)
        await until(lambda: len(pauses) >= 8)
        await away.aclose()
        assert pauses[:8] == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]

    listens(test)


def test_a_server_that_was_there_is_looked_for_soon(pauses: list[float]) -> None:
    """However often its connection has broken before."""

    async def test(found: Listening, server: Played) -> None:
        await found.add(b"a", lambda _: None)
        for connections in range(2, 9):
            server.cut()
            await until(lambda connections=connections: len(server.asked) == connections)
        assert pauses == [0.1] * 7

    listens(test)


def test_what_could_not_be_listened_to_at_first_is_heard_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once the server confirms it; who asks for it meanwhile waits for the same."""
    silent = [True]

    async def test(found: Listening, server: Played) -> None:
        heard: list[bytes] = []
        with monkeypatch.context() as patch:
            patch.setattr(listening, "CONNECT", 0.02)
            with pytest.raises(StoreError):
                await found.add(b"a", heard.append)
        await until(lambda: len(server.asked) == 1)
        silent[0] = False
        await found.add(b"a", heard.append)
        assert server.asked == [(b"SUBSCRIBE", b"a")] * 2
        server.say([b"message", b"a", b"1"])
        await until(lambda: len(heard) == 2)
        assert heard == [b"1", b"1"]

    listens(test, reply=lambda command: SILENCE if silent[0] else confirming(command))


def test_any_node_of_a_cluster_is_listened_to() -> None:
    """The first of its address."""

    async def test(_: Listening, server: Played) -> None:
        found = Listening(store_address(f"redis+cluster://{server.host}:{server.port},{server.host}:1"))
        await found.add(b"a", lambda _: None)
        await found.aclose()
        assert server.asked == [(b"SUBSCRIBE", b"a")]

    listens(test)


def test_one_that_is_closed_can_listen_anew() -> None:
    """To what it is told to from then on alone."""

    async def test(found: Listening, server: Played) -> None:
        await found.add(b"a", lambda _: None)
        await found.aclose()
        await found.add(b"b", lambda _: None)
        assert server.asked == [(b"SUBSCRIBE", b"a"), (b"SUBSCRIBE", b"b")]

    listens(test)
