"""The accept loop: takes new connections off the listening socket, some at a time.

libuv takes one a turn of its loop: beside 200 busy connections, 500 new ones waited for up to eleven seconds, health
probes among them. asyncio takes as many as the backlog holds, and everybody else waits meanwhile.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import math
import select
import socket
from collections.abc import Callable, Coroutine
from contextlib import suppress

from aggregator.edge.networks import plain_address
from aggregator.server.listeners.beginnings import MakeProtocol
from aggregator.telemetry.logging import log

AT_ONCE = 64
"""Connections that are taken in one turn of the loop: 3 to 6 ms of its time."""
_SHORT = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM))
_PAUSE = 0.1
"""Seconds until the next try when the system has nothing to make a connection of."""
_TOLD_EVERY = 60.0

_log = logging.getLogger("aggregator.server")

Receive = Callable[[socket.socket, str, MakeProtocol], Coroutine[object, object, None]]
"""Takes a connection, the address of its client, and what makes its protocol, which is to go on with it."""


class Admission:
    """When connections are taken: here at once.

    Several processes that accept from one socket share their connections by another one: who has more waits.
    """

    def wait(self, pauses: int) -> float:
        """Return the seconds to wait before the next connection is taken, 0.0 to take it now.

        It has waited for so many *pauses* already; while nothing comes, they are not counted.
        """
        del pauses
        return 0.0

    def begin(self) -> None:
        """Called when connections are accepted from now on."""

    def changed(self) -> None:
        """Called when a connection was made, or failed to be made."""

    def leave(self) -> None:
        """Called when the last connections are accepted."""


class Acceptor:
    """Gives each connection of *listener*, which does not block, a protocol of its own.

    With *receive*, that decides how; it closes what it does not let go on.

    States: listening (the loop watches the socket), pausing (a timer runs: *admission* asked for it, or the system has
    no descriptors left; pauses one after another are counted while a connection waits), closed. It has
    of an ``asyncio.Server`` what uvicorn's shutdown uses.
    """

    def __init__(
        self, listener: socket.socket, protocol: MakeProtocol, admission: Admission | None = None,
        receive: Receive | None = None,
    ) -> None:  # fmt: skip
        self._loop = asyncio.get_running_loop()
        self._listener = listener
        self._protocol = protocol
        self._admission = Admission() if admission is None else admission
        self._receive = hand_over if receive is None else receive
        self._connecting: set[asyncio.Task[object]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._pauses = 0
        self._told = -math.inf
        self._loop.add_reader(listener.fileno(), self._take_some)

    def close(self) -> None:
        """Close the listener: new connections are refused instead of waiting in the backlog."""
        self._stop_listening()
        self._listener.close()
        if self._timer is not None:
            self._timer.cancel()

    @property
    def connecting(self) -> int:
        """The number of connections being made: accepted, without a protocol yet."""
        return len(self._connecting)

    async def wait_closed(self) -> None:
        """Wait for the connections that are being made."""
        if self._connecting:
            await asyncio.wait(self._connecting)

    def _stop_listening(self) -> None:
        if self._listener.fileno() >= 0:
            self._loop.remove_reader(self._listener.fileno())

    def _pause(self, seconds: float) -> None:
        self._stop_listening()
        self._timer = self._loop.call_later(seconds, self._resume)

    def _resume(self) -> None:
        self._timer = None
        self._loop.add_reader(self._listener.fileno(), self._take_some)
        if self._is_waited_for():  # at once, so that who has waited has waited for this one
            self._take_some()
        else:
            self._pauses = 0

    def _is_waited_for(self) -> bool:
        """Return whether a connection is to be taken: another process may have been first."""
        polling = select.poll()
        polling.register(self._listener.fileno(), select.POLLIN)
        return bool(polling.poll(0))

    def _take_some(self) -> None:
        for _ in range(AT_ONCE):
            wait = self._admission.wait(self._pauses)
            if wait > 0:
                self._pauses += 1
                self._pause(wait)
                return
            self._pauses = 0
            if not self._take():
                return

    def _take(self) -> bool:
        """Accept one connection; return whether another one may be waiting."""
        try:
            connection, address = self._listener.accept()
        except (BlockingIOError, InterruptedError):
            return False
        except OSError as error:
            if error.errno not in _SHORT:
                return True  # this one ended before it was taken (accept(2) tells of it once)
            self._tell_short(error)
            self._pause(_PAUSE)
            return False
        connection.setblocking(False)
        with suppress(OSError):  # other sockets than those of TCP do not have it
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        task: asyncio.Task[object] = self._loop.create_task(self._receive(connection, _host(address), self._protocol))
        self._connecting.add(task)
        task.add_done_callback(self._made)
        return True

    def _made(self, task: asyncio.Task[object]) -> None:
        self._connecting.discard(task)
        self._admission.changed()

    def _tell_short(self, error: OSError) -> None:
        now = self._loop.time()
        if now - self._told >= _TOLD_EVERY:
            self._told = now
            log(_log, logging.ERROR, "New connections wait: the system gives no more of what they are made of.",
                reason=(error.strerror or str(error)).lower())  # fmt: skip


async def hand_over(connection: socket.socket, _: str, protocol: MakeProtocol) -> None:
    """Hand *connection* to a new *protocol*, without TLS."""
    try:
        await asyncio.get_running_loop().connect_accepted_socket(protocol, connection)
    except OSError:  # it has ended already
        connection.close()


def _host(address: object) -> str:
    """Return the address in what ``accept`` says of the other side; nothing for a Unix socket."""
    return plain_address(str(address[0])) if isinstance(address, tuple) else ""
