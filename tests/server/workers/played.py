"""Workers that a test plays: processes that are none, which say what the test has them say."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable, Iterator
from typing import Any

from aggregator.server.workers.channel import tell_first
from aggregator.server.workers.making.maker import words_of
from aggregator.server.workers.messages import Made, Message, Opened, Ready, Spawn, decoded


class Played:
    """The worker of *order*, with its sides of the channel and of the pipe of its stack."""

    def __init__(self, pid: int, order: Spawn, channel: socket.socket, stack: int) -> None:
        self.pid, self.order = pid, order
        self._channel, self._stack = channel.dup(), os.dup(stack)
        self._channel.setblocking(False)
        self.signals: list[int] = []

    @property
    def is_there(self) -> bool:
        """Whether it has not ended."""
        return self._channel.fileno() >= 0

    def tell(self, *messages: Message) -> None:
        """Send *messages* to the supervisor."""
        for message in messages:
            tell_first(self._channel, message)

    def write(self, stack: bytes) -> None:
        """Write *stack* as faulthandler does."""
        os.write(self._stack, stack)

    def heard(self) -> list[Message]:
        """Return what it was ordered since it was asked last."""
        data = b""
        while True:
            try:
                more = self._channel.recv(1 << 20)
            except BlockingIOError:
                break
            if not more:
                break
            data += more
        return list(_messages(data))

    def close(self) -> None:
        """Close both sides, as the end of a process does."""
        if self.is_there:
            self._channel.close()
            os.close(self._stack)


def _messages(data: bytes) -> Iterator[Message]:
    while data:
        size = 4 + int.from_bytes(data[:4], "big")
        yield decoded(data[4:size])
        data = data[size:]


class Players:
    """Makes played workers, whose processes are numbered from 101; *spawned* does something with each.

    Signals to them are noted, and SIGKILL ends them: *ended* is told.
    """

    def __init__(self, spawned: Callable[[Played], None]) -> None:
        self.all: list[Played] = []
        self.loads = False
        self._spawned = spawned
        self.ended: Callable[[int, str], None] = lambda pid, words: None
        self.said: list[Any] = []

    async def spawn(self, order: Spawn, channel: socket.socket, stack: int) -> int:
        """Return the process of another one."""
        one = Played(101 + len(self.all), order, channel, stack)
        self.all.append(one)
        self._spawned(one)
        return one.pid

    async def prepare(self, digest: str) -> Made:
        """Return that it is prepared."""
        self.said.append(("prepare", digest))
        return Made(digest)

    async def commit(self, generation: int) -> None:
        """Note that."""
        self.said.append(("commit", generation))

    async def drop(self) -> None:
        """Note that."""
        self.said.append("drop")

    async def stop(self) -> None:
        """Note that."""
        self.said.append("stop")

    def close(self) -> None:
        """End all."""
        self.said.append("close")
        for one in self.all:
            one.close()

    def kill(self, pid: int, number: int) -> None:
        """Send a signal, in place of ``os.kill``."""
        (one,) = [one for one in self.all if one.pid == pid]
        one.signals.append(number)
        if number == signal.SIGKILL:
            self.end(one, -number)

    def end(self, one: Played, code: int) -> None:
        """Have the process of *one* end with *code*."""
        one.close()
        self.ended(one.pid, words_of(code))


def serves(one: Played) -> None:
    """Have *one* serve."""
    one.tell(Opened(), Ready())
