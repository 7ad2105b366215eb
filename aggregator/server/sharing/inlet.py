"""The way from workers to the store that their supervisor keeps.

Before there are workers, the supervisor makes a pair of sockets, which every one of them inherits. A worker that wants
to ask makes another pair, and sends one end of it through the first: so whoever takes the place of a worker comes in as
it did, and no file has to be there.
"""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress

from aggregator.server.sharing.quotas import SharedQuotas
from aggregator.server.sharing.stores import Broken
from aggregator.stores.memory import MemoryStore
from aggregator.stores.shared.plan import StorePlan
from aggregator.stores.socket.frames import Limits
from aggregator.stores.socket.keeper import Keeping
from aggregator.stores.socket.store import SocketStore


class Way:
    """The way of a worker to the store, by the end of the pair that all workers have."""

    def __init__(self, entrance: socket.socket) -> None:
        self._entrance = entrance

    def __call__(self, plan: StorePlan, broken: Broken) -> SocketStore:
        """Return a store at the end of it."""
        return SocketStore(self._dial, plan.timeout, broken)

    def _dial(self) -> socket.socket:
        """Return a socket to the supervisor; raises ``OSError`` when that has gone, or has too much to do."""
        here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        here.setblocking(False)
        try:
            with there:
                socket.send_fds(self._entrance, [b"s"], [there.fileno()])
        except BaseException:
            here.close()
            raise
        return here


class Inlet:
    """Made before there are workers; *ours* is the supervisor's end, *theirs* that of all workers.

    Datagrams, since several write at once and macOS has no sequence of packets here.
    """

    def __init__(self) -> None:
        self.ours, self.theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.way = Way(self.theirs)
        for end in (self.ours, self.theirs):
            end.setblocking(False)
        self._coming: set[asyncio.Task[object]] = set()
        self._store = MemoryStore()
        self.quotas = SharedQuotas(self._store.tallies)
        self._limits = Limits()

    def serve(self) -> None:
        """Answer workers, in the loop that runs."""
        asyncio.get_running_loop().add_reader(self.ours.fileno(), self._let_in)

    def _let_in(self) -> None:
        loop = asyncio.get_running_loop()
        with suppress(BlockingIOError, InterruptedError):
            while True:
                said, ends, _, _ = socket.recv_fds(self.ours, 16, 4)
                if not said and not ends:
                    loop.remove_reader(self.ours.fileno())
                    return
                for end in (socket.socket(fileno=number) for number in ends):
                    end.setblocking(False)
                    made = loop.create_unix_connection(lambda: Keeping(self._store, self._limits), sock=end)
                    task = loop.create_task(made)
                    self._coming.add(task)
                    task.add_done_callback(self._coming.discard)

    def close(self) -> None:
        """Close the supervisor's end in a process that is not it."""
        self.ours.close()
