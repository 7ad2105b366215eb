"""Flow control of a client connection: whether its socket is read, and whether its client takes the answers."""

from __future__ import annotations

import asyncio


class Flow:
    """The ``FlowControl`` that uvicorn's cycle uses, with a bound on what is read ahead.

    *is_full* holds reading back, whoever asks for more: a request that waits for its client's hang-up reads on, and
    would otherwise fill memory with the requests behind it.
    """

    __slots__ = ("_transport", "_writable", "is_full", "read_paused", "write_paused")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._writable: asyncio.Event | None = None
        self.is_full = False
        self.read_paused = False
        self.write_paused = False

    def pause_reading(self) -> None:
        """Pause reading from the socket."""
        if not self.read_paused:
            self.read_paused = True
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Resume reading, unless enough has been read ahead."""
        if self.read_paused and not self.is_full:
            self.read_paused = False
            self._transport.resume_reading()

    def pause_writing(self) -> None:
        """Make ``drain`` wait."""
        self.write_paused = True

    def resume_writing(self) -> None:
        """Wake up those who wait in ``drain``."""
        self.write_paused = False
        if self._writable is not None:
            self._writable.set()
            self._writable = None

    async def drain(self) -> None:
        """Wait until the client has taken most of what was written, or is gone."""
        if self.write_paused:
            if self._writable is None:
                self._writable = asyncio.Event()
            await self._writable.wait()
