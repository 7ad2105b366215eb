"""Who keeps a store for other processes: which messages go over the connection of one, and until when."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from aggregator.stores.memory import MemoryStore
from aggregator.stores.socket.frames import Limits
from aggregator.stores.socket.keeper import Keeping


class Wire:
    """A transport that notes what is written, as long as it is open."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.is_aborted = False

    def write(self, data: bytes) -> None:
        """Note *data*."""
        self.written.append(data)

    def get_write_buffer_size(self) -> int:
        """Return that nothing waits."""
        return 0

    def abort(self) -> None:
        """Note the end."""
        self.is_aborted = True


def kept() -> tuple[MemoryStore, Keeping, Wire]:
    """Return a store, who keeps it for one process, and the wire between."""
    store, wire = MemoryStore(lambda: 0.0, lambda: 0.0), Wire()
    keeping = Keeping(store, Limits())
    keeping.connection_made(cast("Any", wire))
    return store, keeping, wire


def test_messages_of_a_channel_until_it_is_not_listened_to() -> None:
    """One of it is written once, however often it was asked for; ending what never began is harmless."""
    store, keeping, wire = kept()
    keeping.listen(b"c")
    keeping.listen(b"c")
    asyncio.run(store.publish(b"c", b"1"))
    asyncio.run(store.publish(b"other", b"2"))
    keeping.unlisten(b"other")
    keeping.unlisten(b"c")
    asyncio.run(store.publish(b"c", b"3"))
    assert len(wire.written) == 1


def test_a_process_that_has_gone_hears_nothing() -> None:
    """Its subscriptions end with its connection."""
    store, keeping, wire = kept()
    keeping.listen(b"c")
    keeping.connection_lost(None)
    asyncio.run(store.publish(b"c", b"1"))
    assert wire.written == []


def test_what_is_not_written_by_us_ends_the_connection() -> None:
    """Nobody else has the socket: it is a mistake, and not answered."""
    _, keeping, wire = kept()
    keeping.data_received(b"\x01\x00\x00\x00\xc1")
    assert (wire.is_aborted, wire.written) == (True, [])
