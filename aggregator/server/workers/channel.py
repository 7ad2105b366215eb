"""The way between supervisor and worker: messages over a stream of the local host, each behind its length."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress

from aggregator.server.workers.messages import Message, decoded, encoded

_LENGTH = 4
_FULL = 1024 * 1024
"""Bytes that wait to be sent, beyond which what can be left out is left out."""
LARGEST = 64 * 1024 * 1024
"""Bytes of a message."""


class Channel:
    """One end of a channel between two processes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def over(cls, end: socket.socket) -> Channel:
        """Return the channel over *end* of a pair of sockets."""
        reader, writer = await asyncio.open_unix_connection(sock=end)
        writer.transport.set_write_buffer_limits(high=0)  # else `drain` leaves 64 KiB to a loop that may end
        return cls(reader, writer)

    @property
    def is_full(self) -> bool:
        """Whether more than ``_FULL`` bytes wait here because the other side does not read."""
        return self._writer.transport.get_write_buffer_size() > _FULL

    def send(self, message: Message, *, spare: bool = False) -> None:
        """Send *message*, unless the other side has closed. A *spare* message is dropped while the channel is full."""
        if spare and self.is_full:
            return
        data = encoded(message)
        if not self._writer.is_closing():
            self._writer.write(len(data).to_bytes(_LENGTH, "big") + data)

    async def receive(self) -> Message | None:
        """Return the next message; None when the other side has gone, or sends one that is too large."""
        try:
            length = int.from_bytes(await self._reader.readexactly(_LENGTH), "big")
            if length > LARGEST:
                return None
            return decoded(await self._reader.readexactly(length))
        except (asyncio.IncompleteReadError, OSError):
            return None

    async def sent(self) -> None:
        """Wait until everything sent is in the buffers of the system."""
        with suppress(OSError):
            await self._writer.drain()

    def close(self) -> None:
        """Close the channel after what was sent before."""
        self._writer.close()


def tell_first(end: socket.socket, message: Message) -> None:
    """Send *message* over *end*, a socket without a ``Channel``; do nothing when it is closed."""
    data = encoded(message)
    with suppress(OSError):
        end.sendall(len(data).to_bytes(_LENGTH, "big") + data)
