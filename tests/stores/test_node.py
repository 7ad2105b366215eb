"""The way to one server of Redis: what is late, and what is lost."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from aggregator.errors import StoreError
from aggregator.stores.redis.node import Node

pytest.importorskip("redis")
TIMEOUT = 0.02


class Wire:
    """A connection whose other end is *there*: each reply is a line."""

    end: Exception = ConnectionError("It has gone")

    def __init__(self) -> None:
        self.here, self.there = socket.socketpair()

    async def connect(self) -> None:
        """Open it."""
        self.reader, self.writer = await asyncio.open_connection(sock=self.here)

    async def disconnect(self, nowait: bool = False) -> None:
        """Close it."""
        self.writer.close()

    def pack_commands(self, commands: Any) -> list[bytes]:
        """Return a line for each command."""
        return [b"".join(command[0] + b"\n" for command in commands)]

    async def send_packed_command(self, command: Any, check_health: bool = True) -> None:
        """Write it."""
        self.writer.writelines(command)

    async def read_response(self, **_: Any) -> Any:
        """Return a line."""
        line = await self.reader.readline()
        if not line:
            raise self.end
        return line.strip()


@pytest.fixture
def wire() -> Iterator[Wire]:
    """Return a connection to the test."""
    made = Wire()
    yield made
    made.there.close()


def run(wire: Wire, test: Callable[[Node, list[str]], Any], timeout: float = TIMEOUT) -> None:
    """Run *test* with the way over *wire*, and the list of why it broke."""

    async def main() -> None:
        broken: list[str] = []
        node = Node(lambda: wire, timeout, lambda _, why: broken.append(why))
        await node.connect()
        await test(node, broken)
        await node.aclose()

    asyncio.run(main())


def test_commands_of_one_turn_are_one_write(wire):
    """They leave together, and each has the reply that is its own."""

    async def test(node: Node, _: list[str]) -> None:
        replies = [node.send((b"a",)), node.send((b"b",))]
        loop = asyncio.get_running_loop()
        wire.there.setblocking(False)
        assert await loop.sock_recv(wire.there, 100) == b"a\nb\n"
        wire.there.send(b"1\n2\n")
        assert await asyncio.gather(*replies) == [b"1", b"2"]

    run(wire, test, 30.0)


def test_a_late_reply_closes_the_way(wire):
    """All that waits fails, it is told once, and what comes after fails at once."""

    async def test(node: Node, broken: list[str]) -> None:
        replies = [node.send((b"a",)), node.send((b"b",))]
        for reply in replies:
            with pytest.raises(StoreError, match="did not answer within 20 ms"):
                await reply
        assert len(broken) == 1
        with pytest.raises(StoreError, match="not connected"):
            node.send((b"c",))

    run(wire, test)


def test_a_loop_that_was_late_reads_before_it_gives_up(wire):
    """The reply lay in the socket while the loop did something else for longer than the timeout."""

    async def test(node: Node, broken: list[str]) -> None:
        reply = node.send((b"a",))
        await asyncio.sleep(0)
        wire.there.recv(100)
        wire.there.send(b"1\n")
        time.sleep(3 * TIMEOUT)  # noqa: ASYNC251 - the loop is to be late
        assert (await reply, broken) == (b"1", [])

    run(wire, test)


@pytest.mark.parametrize(
    ("end", "why"),
    [
        (ConnectionError("It has gone"), "It has gone."),
        (ConnectionError("It has gone. "), "It has gone."),
        (ConnectionResetError(), "ConnectionResetError."),
    ],
)
def test_a_connection_that_ends_fails_what_waits(wire, end, why):
    """The reason is that of the connection, as a sentence; one without words has its name."""
    wire.end = end

    async def test(node: Node, broken: list[str]) -> None:
        reply = node.send((b"a",))
        await asyncio.sleep(0)
        wire.there.recv(100)
        wire.there.close()
        with pytest.raises(StoreError) as failed:
            await reply
        assert (str(failed.value), broken) == (why, [why])

    run(wire, test, 30.0)


def test_so_much_may_wait_for_a_server(wire):
    """Ten thousand operations, in this turn and in those before; one more is refused, and costs none of them."""

    async def test(node: Node, broken: list[str]) -> None:
        before = [node.send((b"a",)) for _ in range(4_000)]
        await asyncio.sleep(0)
        replies = before + [node.send((b"b",)) for _ in range(6_000)]
        with pytest.raises(StoreError, match=r"^As much waits for the store as may\.$"):
            node.send((b"c",))
        node.close()
        assert {str(error) for error in await asyncio.gather(*replies, return_exceptions=True)} == {"It was closed."}
        assert broken == ["It was closed."]

    run(wire, test, 30.0)


def test_a_reply_that_nobody_waits_for_is_not_given_to_the_next(wire):
    """A request that was given up leaves its reply to be read and dropped."""

    async def test(node: Node, _: list[str]) -> None:
        first, second = node.send((b"a",)), node.send((b"b",))
        await asyncio.sleep(0)
        first.cancel()
        wire.there.send(b"1\n2\n")
        assert await second == b"2"

    run(wire, test, 30.0)
