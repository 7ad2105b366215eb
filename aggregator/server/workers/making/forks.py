"""The supervisor's way to the fork server."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from aggregator.server.workers import messages
from aggregator.server.workers.making.forking import LARGEST
from aggregator.server.workers.making.maker import Ended, Maker
from aggregator.server.workers.messages import (
    Commit,
    Drop,
    Made,
    Message,
    Prepare,
    Spawn,
    Spawned,
    Stop,
    Unspawned,
    decoded,
    encoded,
)


class Forks(Maker):
    """Orders over *control*; *ended* hears of children that have ended, *gone* that the fork server has.

    Has to be made inside of a running loop.
    """

    loads = False

    def __init__(self, control: socket.socket, ended: Ended, gone: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._control = control
        self._ended, self._gone = ended, gone
        self._spawning: dict[int, asyncio.Future[int]] = {}
        self._making: asyncio.Future[Made] | None = None
        control.setblocking(False)
        self._loop.add_reader(control.fileno(), self._read)

    async def spawn(self, order: Spawn, channel: socket.socket, stack: int) -> int:
        """Return the process of the new worker, which has *channel* and the pipe *stack*. Raises ``OSError``."""
        made: asyncio.Future[int] = self._loop.create_future()
        self._spawning[order.seat] = made
        try:
            await self._send(order, [channel.fileno(), stack])
            return await made
        finally:
            self._spawning.pop(order.seat, None)

    async def prepare(self, digest: str) -> Made:
        """Make the fork server load the files with this *digest*; return the digest it loaded and its problems."""
        made: asyncio.Future[Made] = self._loop.create_future()
        self._making = made
        await self._send(Prepare(digest))
        return await made

    async def commit(self, generation: int) -> None:
        """Make the prepared plan, number *generation*, that of all workers forked from now on."""
        await self._send(Commit(generation))

    async def drop(self) -> None:
        """Drop the prepared plan."""
        with suppress(OSError):
            await self._send(Drop())

    async def stop(self) -> None:
        """Make the fork server close its copies of the listening sockets; it forks no more workers."""
        with suppress(OSError):
            await self._send(Stop())

    def close(self) -> None:
        """End the fork server by closing the control socket."""
        if self._control.fileno() >= 0:
            self._loop.remove_reader(self._control.fileno())
            self._control.close()

    async def _send(self, message: Message, descriptors: list[int] | None = None) -> None:
        while True:
            if self._control.fileno() < 0:
                raise ConnectionError("the fork server has gone")
            try:
                socket.send_fds(self._control, [encoded(message)], descriptors or [])
            except BlockingIOError:  # it is loading, and has not read what was sent before
                await asyncio.sleep(0.01)
            else:
                return

    def _read(self) -> None:
        try:
            data = self._control.recv(LARGEST)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._lose()
            return
        match decoded(data):
            case Spawned(seat, pid):
                if (waiting := self._spawning.get(seat)) is not None and not waiting.done():
                    waiting.set_result(pid)
            case Unspawned(seat, error):
                if (waiting := self._spawning.get(seat)) is not None and not waiting.done():
                    waiting.set_exception(OSError(error, os.strerror(error)))
            case messages.Ended(pid, status):
                self._ended(pid, os.waitstatus_to_exitcode(status))
            case Made() as made:
                if self._making is not None and not self._making.done():
                    self._making.set_result(made)

    def _lose(self) -> None:
        self.close()
        waiting: list[asyncio.Future[Any]] = [*self._spawning.values()]
        if self._making is not None:
            waiting.append(self._making)
        for one in waiting:
            if not one.done():
                one.set_exception(ConnectionError("the fork server has gone"))
        self._gone()
