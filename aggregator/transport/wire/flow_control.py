"""What a transport of ours owes its protocol: to hold it back, let it go on, and bear what it raises."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

_HIGH = 64 * 1024


class FlowControl(asyncio.Transport):
    """Counts in *_size* the bytes that wait to be sent, and tells the protocol when there are too many."""

    __slots__ = ("_high", "_loop", "_low", "_protocol", "_size", "_stalled")

    def __init__(self, loop: asyncio.AbstractEventLoop, protocol: asyncio.Protocol) -> None:
        self._loop = loop
        self._protocol = protocol
        self._high, self._low = _HIGH, _HIGH // 4
        self._size = 0
        self._stalled = False

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Return who is told what happens."""
        return self._protocol

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Send all events to *protocol*, an `asyncio.Protocol`, from now on."""
        assert isinstance(protocol, asyncio.Protocol)
        self._protocol = protocol

    def get_write_buffer_size(self) -> int:
        """Return how many bytes wait to be sent."""
        return self._size

    def get_write_buffer_limits(self) -> tuple[int, int]:
        """Return the low and the high water mark, in bytes."""
        return self._low, self._high

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Hold the protocol back above *high* waiting bytes (64 KiB), until *low* (a quarter of it)."""
        if high is None:
            high = _HIGH if low is None else 4 * low
        if low is None:
            low = high // 4
        if not high >= low >= 0:
            raise ValueError(f"high ({high}) must be at least low ({low}), and low at least 0")
        self._high, self._low = high, low
        self._stall()

    def writelines(self, list_of_data: Iterable[Any]) -> None:
        """Send all of it as one."""
        self.write(b"".join(list_of_data))

    def _stall(self) -> None:
        if self._size > self._high and not self._stalled:
            self._stalled = True
            self._tell(self._protocol.pause_writing)

    def _relieve(self) -> None:
        if self._stalled and self._size <= self._low:
            self._stalled = False
            self._tell(self._protocol.resume_writing)

    def _tell(self, callback: Callable[[], Any]) -> None:
        try:
            callback()
        except Exception as error:
            self._crash(error)

    def _crash(self, error: Exception) -> None:
        """Report what the protocol raised, and close."""
        context = {"message": "a protocol failed", "exception": error, "transport": self, "protocol": self._protocol}
        self._loop.call_exception_handler(context)
        self._fail(error)

    def _fail(self, error: Exception | None) -> None:
        """Close now, because of *error* if there is one."""
        raise NotImplementedError
