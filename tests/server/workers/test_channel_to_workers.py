"""The channel between supervisor and worker: what is sent comes whole, or not at all."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Coroutine
from typing import Any, cast

import pytest

from aggregator.server.workers.channel import LARGEST, Channel, tell_first
from aggregator.server.workers.messages import Commit, Counted, Go, Opened, Quit, encoded


def between(claim: Callable[[Channel, socket.socket], Coroutine[Any, Any, None]]) -> None:
    """Run *claim* with a channel and the other end of it."""

    async def main() -> None:
        ours, theirs = socket.socketpair()
        channel = await Channel.over(ours)
        try:
            with theirs:
                await claim(channel, theirs)
        finally:
            channel.close()

    asyncio.run(main())


def test_messages_come_one_by_one() -> None:
    """However they are cut on the way; at the end there is none."""

    async def claim(channel: Channel, end: socket.socket) -> None:
        for message in (Opened(), Commit(300)):
            data = encoded(message)
            end.sendall(len(data).to_bytes(4, "big"))
            end.sendall(data[:1])
            end.sendall(data[1:])
        tell_first(end, Go())
        assert [await channel.receive() for _ in range(3)] == [Opened(), Commit(300), Go()]
        end.sendall(b"\0\0")
        end.shutdown(socket.SHUT_WR)
        assert await channel.receive() is None

    between(claim)


@pytest.mark.parametrize(("size", "is_read"), [(LARGEST, True), (LARGEST + 1, False)])
def test_nobody_waits_for_a_message_that_is_too_large(size: int, is_read: bool) -> None:
    """It is no message of ours: 64 MiB are the most."""

    async def claim(channel: Channel, end: socket.socket) -> None:
        assert LARGEST == 64 * 1024 * 1024
        end.sendall(size.to_bytes(4, "big"))
        receiving = asyncio.ensure_future(channel.receive())
        await asyncio.wait([receiving], timeout=0.05 if is_read else 60)
        assert receiving.done() is not is_read
        end.shutdown(socket.SHUT_WR)
        assert await receiving is None

    between(claim)


class Writer:
    """A side that has so many bytes *waiting*, and notes what is written."""

    def __init__(self, waiting: int, *, closing: bool = False) -> None:
        self.transport = self
        self.written: list[bytes] = []
        self._waiting, self._closing = waiting, closing

    def get_write_buffer_size(self) -> int:
        """Return how many bytes wait."""
        return self._waiting

    def is_closing(self) -> bool:
        """Return whether the other side has gone."""
        return self._closing

    def write(self, data: bytes) -> None:
        """Note *data*."""
        self.written.append(data)


@pytest.mark.parametrize(
    ("waiting", "spare", "is_sent"),
    [(1024 * 1024, True, True), (1024 * 1024 + 1, True, False), (1024 * 1024 + 1, False, True)],
)
def test_what_can_be_left_out_is_left_out_where_nobody_reads(waiting: int, spare: bool, is_sent: bool) -> None:
    """A megabyte may wait; what has to be told waits as well."""
    writer = Writer(waiting)
    channel = Channel(cast("Any", None), cast("Any", writer))
    channel.send(Quit(1), spare=spare)
    data = encoded(Quit(1))
    assert writer.written == ([len(data).to_bytes(4, "big") + data] if is_sent else [])
    assert channel.is_full is (waiting > 1024 * 1024)


def test_nothing_is_sent_to_who_has_gone() -> None:
    """And by default a message is none that can be left out."""
    gone, full = Writer(0, closing=True), Writer(1 << 30)
    for writer in (gone, full):
        Channel(cast("Any", None), cast("Any", writer)).send(Quit(1))
    assert (len(gone.written), len(full.written)) == (0, 1)


def test_who_is_told_before_there_is_a_channel_may_have_gone() -> None:
    """That is no fault of the program."""
    ours, theirs = socket.socketpair()
    theirs.close()
    tell_first(ours, Go())
    ours.close()


def _room() -> int:
    """Return how many bytes the system takes while nobody reads."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        return ours.send(bytes(8 * 1024 * 1024))


def test_all_that_was_sent_has_left_before_a_process_ends() -> None:
    """However little of it would wait: a process that ends takes with it what is in its own memory still."""

    async def claim(channel: Channel, end: socket.socket) -> None:
        counted = Counted(1, bytes(_room() + 1000))
        channel.send(counted)
        sent = asyncio.ensure_future(channel.sent())
        for _ in range(50):
            await asyncio.sleep(0)
        assert not sent.done()
        whole = 4 + len(encoded(counted))
        assert len(await asyncio.to_thread(end.recv, whole, socket.MSG_WAITALL)) == whole
        await sent

    between(claim)
