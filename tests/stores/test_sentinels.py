"""Who the primary is, by several sentinels: those that have gone, know nothing, or know of an older one change nothing."""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import AsyncExitStack, suppress

import pytest
from redis.exceptions import ConnectionError as Unknown

from aggregator.stores.redis import connecting
from aggregator.stores.redis.connecting import Sentinels, connections
from aggregator.stores.shared.address import store_address

pytestmark = pytest.mark.anyio
GONE = object()
NO_TLS = b"220 a mail server"


def sentinel(port: int, epoch: int, flags: str = "master") -> bytes:
    """Return the reply of one that knows the primary at *port* since the change of the number *epoch*."""
    told = {"name": "limits", "ip": "10.0.0.1", "port": port, "flags": flags, "config-epoch": epoch}
    told |= {"num-other-sentinels": 2, "num-slaves": 1}
    words = [str(word).encode() for pair in told.items() for word in pair]
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in words)


class Answering:
    """Answers *reply* to what sentinels are asked."""

    def __init__(self, reply: bytes) -> None:
        self._reply = reply
        self._served: list[asyncio.Task[None]] = []

    def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        self._served.append(asyncio.create_task(self._serve(reader, writer)))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._reply == NO_TLS:
            writer.write(self._reply)
        while self._reply != NO_TLS and (line := await reader.readline()):
            if line.lower() == b"setinfo\r\n":
                writer.write(b"+OK\r\n")
            elif line.lower() == b"sentinel\r\n":
                writer.write(self._reply)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    async def ended(self) -> None:
        """Return when all connections are closed."""
        await asyncio.gather(*self._served)


async def address_of(stack: AsyncExitStack, *replies: bytes | object) -> str:
    """Return the URL of sentinels that reply so."""
    ports = []
    for reply in replies:
        held = stack.enter_context(socket.socket())
        held.bind(("127.0.0.1", 0))
        ports.append(held.getsockname()[1])
        if isinstance(reply, bytes):
            answering = Answering(reply)
            server = await asyncio.start_server(answering, sock=held.dup())
            stack.push_async_callback(answering.ended)
            stack.callback(server.close)
    return f"redis+sentinel://{','.join(f'127.0.0.1:{port}' for port in ports)}/limits"


@pytest.mark.parametrize(
    "replies",
    [
        [GONE, sentinel(2, 7)],
        [sentinel(1, 6), sentinel(2, 7)],
        [sentinel(2, 7), sentinel(1, 6)],
        [b"-ERR No such master with that name\r\n", sentinel(2, 7)],
        [sentinel(1, 8, "master,s_down,o_down"), sentinel(2, 7)],
    ],
    ids=["gone", "older", "latest first", "knows nothing", "down"],
)
async def test_the_latest_primary_counts(replies: list[bytes | object]) -> None:
    """Whatever the others say, and wherever they stand in the URL."""
    async with AsyncExitStack() as stack:
        url = await address_of(stack, *replies)
        assert await Sentinels(store_address(url), late=30.0).primary() == ("10.0.0.1", 2)


async def test_a_primary_that_nobody_knows_is_told_with_what_each_has_said() -> None:
    """By its name."""
    async with AsyncExitStack() as stack:
        url = await address_of(stack, sentinel(1, 8, "master,s_down"), GONE)
        with pytest.raises(
            Unknown, match=r"No sentinel knows who the primary 'limits' is\. .*: it is down; .*Connect call failed"
        ):
            await Sentinels(store_address(url), late=30.0).primary()


async def test_whom_a_machine_trusts_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """For all attempts to connect, since that takes longer than a request may wait; anew when a handshake has failed."""
    made: list[ssl.SSLContext] = []

    def context() -> ssl.SSLContext:
        made.append(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
        return made[-1]

    monkeypatch.setattr(connecting, "_context", lambda _: context())
    monkeypatch.setattr(connecting, "CONNECT", 30.0)
    connecting.by_tls.cache_clear()
    async with AsyncExitStack() as stack:
        url = await address_of(stack, GONE, NO_TLS)
        gone, plain = store_address(url).hosts
        for (host, port), more in ((gone, 1), (gone, 1), (plain, 1), (plain, 2)):
            connection = connections(store_address(f"rediss://{host}:{port}"))()
            with pytest.raises(Unknown):
                await connection.connect()
            await connection.disconnect(nowait=True)
            assert len(made) == more
    connecting.by_tls.cache_clear()
