"""The way to one server: the operations of one turn of the loop leave in one write, and replies come in their order.

    closed     `connect` opens it
    open       what `send` was given waits for the end of the turn, then for its reply
    closed     a reply took longer than the timeout, the connection broke, or `close`: what waited for it failed

It is opened and closed from outside (``stores/shared/guarded.py``); while it is closed everything fails at once.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from typing import Any, Protocol

from aggregator.errors import StoreError
from aggregator.stores.shared.replies import Replies, Reply

Command = tuple[bytes | str | int | float, ...]

CONNECT = 1.0
"""Seconds in which a connection is made, with the handshakes of TLS and of the protocol."""
_MOST_WAITING = 10_000
"""Operations under way to one server; more are refused."""


class Connection(Protocol):
    """The part of a connection of redis-py that is used."""

    async def connect(self) -> None:
        """Open it, and say who is there."""

    async def disconnect(self, nowait: bool = False) -> None:
        """Close it."""

    def pack_commands(self, commands: Any) -> list[bytes]:
        """Return commands as the protocol has them."""

    async def send_packed_command(self, command: Any, check_health: bool = True) -> None:
        """Write packed commands."""

    async def read_response(
        self,
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - it is theirs
    ) -> Any:
        """Return one reply; raise ``redis.exceptions.ResponseError`` for one that is an error."""


class Node:
    """The way to the server that *connection* makes connections to.

    A reply may take *timeout* seconds from its write, a connection *connect* seconds. *broken* is told why the
    connection was closed, once each time.
    """

    def __init__(
        self, connection: Callable[[], Connection], timeout: float, broken: Callable[[Node, str], None],
        connect: float | None = CONNECT,
    ) -> None:  # fmt: skip
        self._make = connection
        self._broken = broken
        self._connect = connect
        self._connection: Connection | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._turn: list[tuple[Command, Reply]] = []
        self._waiting = Replies(timeout, self.close)
        self._wakes = asyncio.Event()
        self._tasks: tuple[asyncio.Task[None], ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether operations are taken."""
        return self._connection is not None

    async def connect(self) -> None:
        """Open the connection; raises what redis-py and sockets raise."""
        connection = self._make()
        try:
            async with asyncio.timeout(self._connect):
                await connection.connect()
        except BaseException:
            await connection.disconnect(nowait=True)
            raise
        self._loop = loop = asyncio.get_running_loop()
        self._connection = connection
        self._tasks = (loop.create_task(self._write(connection)), loop.create_task(self._read(connection)))

    def send(self, command: Command) -> asyncio.Future[Any]:
        """Send *command* at the end of this turn; return its reply to come, which may raise ``StoreError``."""
        reply: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.put(command, reply)
        return reply

    def put(self, command: Command, reply: Reply) -> None:
        """Send *command* at the end of this turn, and let *reply* have what it comes to; raise ``StoreError``."""
        if self._connection is None:
            raise StoreError("The store is not connected.")
        if len(self._turn) + len(self._waiting) >= _MOST_WAITING:
            raise StoreError("As much waits for the store as may.")
        if not self._turn:
            self._wakes.set()
        self._turn.append((command, reply))

    async def _write(self, connection: Connection) -> None:
        try:
            while True:
                await self._wakes.wait()
                self._wakes.clear()
                turn, self._turn = self._turn, []
                packed = connection.pack_commands([command for command, _ in turn])
                self._waiting.add(reply for _, reply in turn)
                await connection.send_packed_command(packed, check_health=False)
        except Exception as error:
            self.close(_words(error))

    async def _read(self, connection: Connection) -> None:
        from redis.exceptions import ResponseError

        try:
            while True:
                try:
                    found: Any = await connection.read_response(timeout=math.inf)
                except ResponseError as error:
                    found = error
                self._waiting.next(found)
        except Exception as error:
            self.close(_words(error))

    def close(self, why: str = "It was closed.", *, tells: bool = True) -> None:
        """Close the connection; what waits fails."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        self._waiting.add(reply for _, reply in self._turn)
        self._turn = []
        self._waiting.fail(why)
        self._wakes = asyncio.Event()
        for task in self._tasks:
            task.cancel()
        if self._loop is not None:
            closing = self._loop.create_task(connection.disconnect(nowait=True))
            self._tasks = (*self._tasks, closing)
        if tells:
            self._broken(self, why)

    async def aclose(self) -> None:
        """Close the connection and wait for that."""
        self.close(tells=False)
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = ()


def _words(error: Exception) -> str:
    text = str(error).strip() or type(error).__name__
    return text if text.endswith(".") else f"{text}."
