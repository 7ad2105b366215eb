"""A server of Redis that a test plays, in its own loop: it notes what it is asked, and replies what the test says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Self

Asked = tuple[bytes, ...]
_pause = asyncio.sleep
Reply = Any
"""Bytes, a number, None, a list of those, or an exception with the words of an error."""


class Played:
    """A server that replies to each command what *reply* returns of it, on a port of its own."""

    def __init__(self, reply: Callable[[Asked], Reply] = lambda _: b"OK") -> None:
        self.reply = reply
        self.asked: list[Asked] = []
        """What it was asked by all connections, without what redis-py says of itself."""
        self.connections = 0
        """How many connections were made to it."""
        self._writers: set[asyncio.StreamWriter] = set()
        self._served: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._come, "127.0.0.1", 0)
        self.host, self.port = self._server.sockets[0].getsockname()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def stop(self) -> None:
        """Take no connections any more, and end those that there are."""
        self._server.close()
        self.cut()
        await self._server.wait_closed()
        await asyncio.gather(*self._served)

    def cut(self) -> None:
        """End all connections."""
        for writer in self._writers:
            writer.close()

    @property
    def open(self) -> int:
        """How many connections there are to it."""
        return len(self._writers)

    def say(self, said: Reply) -> None:
        """Send *said* to all who are connected, unasked."""
        for writer in self._writers:
            writer.write(_written(said))

    def _come(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        self._served.append(asyncio.create_task(self._serve(reader, writer)))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while command := await _read(reader):
                if command[0] in (b"CLIENT", b"AUTH"):
                    writer.write(b"+OK\r\n")
                    continue
                self.asked.append(command)
                writer.write(_written(self.reply(command)))
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()


async def until(holds: Callable[[], bool]) -> None:
    """Return when *holds*; the time-out of a test ends a wait for ever."""
    while not holds():
        await _pause(0)


async def _read(reader: asyncio.StreamReader) -> Asked:
    """Return the next command; nothing at the end."""
    count = await reader.readline()
    words = []
    for _ in range(int(count[1:] or b"0")):
        size = int((await reader.readline())[1:])
        words.append((await reader.readexactly(size + 2))[:-2])
    return tuple(words)


SILENCE = object()
"""What is no reply at all."""


def _written(said: Reply) -> bytes:
    """Return *said* as the protocol has it."""
    match said:
        case None:
            return b"$-1\r\n"
        case bytes():
            return b"$%d\r\n%b\r\n" % (len(said), said)
        case int():
            return b":%d\r\n" % said
        case list():
            return b"*%d\r\n" % len(said) + b"".join(map(_written, said))
        case Exception():
            return f"-{said}\r\n".encode()
    assert said is SILENCE, said
    return b""
