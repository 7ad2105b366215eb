"""From addresses to a connected socket that never blocks; the connector asks for it.

A single address is connected to directly: the race for several costs as much again as all the rest of a new
connection, and one connection for each call is what a thousand clients at once, or a restarted upstream, ask for.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any, Literal

from aiohappyeyeballs import start_connection

Address = tuple[int, int, int, str, Any]
"""Family, kind, protocol, name and place, as getaddrinfo gives them."""

Place = tuple[str, int]
"""Host and port of an address, without what IPv6 has beside them."""

_EYEBALLS_DELAY = 0.25  # RFC 8305 §5
_QUEUE_DELAY = 0.01  # a Unix socket whose queue is full says EAGAIN, and tells nobody when there is room
_UNDER_WAY = frozenset({errno.EINPROGRESS, getattr(errno, "WSAEWOULDBLOCK", errno.EINPROGRESS)})


def can_poll(loop: asyncio.AbstractEventLoop) -> bool:
    """Return whether *loop* can watch a socket for us; the proactor of Windows cannot."""
    return type(loop).add_reader is not asyncio.AbstractEventLoop.add_reader


async def open_socket(loop: asyncio.AbstractEventLoop, addresses: list[Address]) -> socket.socket:
    """Return a socket connected to the first of *addresses* that answers. Raises OSError; cancelled, it leaves none."""
    if len(addresses) > 1 or not can_poll(loop):
        return await start_connection(addresses, happy_eyeballs_delay=_EYEBALLS_DELAY, loop=loop)
    family, kind, protocol, _, place = addresses[0]
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setblocking(False)
        while (error := sock.connect_ex(place)) == errno.EAGAIN:  # noqa: ASYNC110
            await asyncio.sleep(_QUEUE_DELAY)
        if error in _UNDER_WAY:
            await until(loop, sock, "write")
            error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            raise OSError(error, os.strerror(error))
    except BaseException:
        sock.close()
        raise
    return sock


async def until(loop: asyncio.AbstractEventLoop, sock: socket.socket, ready_to: Literal["read", "write"]) -> None:
    """Wait until *sock* is *ready_to* be read from or written to."""
    ready, number = loop.create_future(), sock.fileno()
    reading = ready_to == "read"
    add, remove = (loop.add_reader, loop.remove_reader) if reading else (loop.add_writer, loop.remove_writer)
    add(number, wake, ready, remove, number)
    try:
        await ready
    finally:
        remove(number)


def peer_of(sock: socket.socket) -> Place | None:
    """Return the address that *sock* is connected to, None for a Unix socket and for one that is lost."""
    if sock.family not in (socket.AF_INET, socket.AF_INET6):
        return None
    try:
        host, port = sock.getpeername()[:2]
    except OSError:
        return None
    return host, port


def wake(ready: asyncio.Future[None], remove: Callable[[int], object], number: int) -> None:
    """Resolve *ready* for the socket *number*, and stop watching it."""
    remove(number)
    if not ready.done():
        ready.set_result(None)


def literal(host: str, port: int) -> Address | None:
    """Return the address that *host* spells out, which needs no lookup and no thread; None for a name."""
    try:
        address = ip_address(host)
    except ValueError:
        return None
    if address.version == 4:
        return socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (host, port)
    return socket.AF_INET6, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (host, port, 0, 0)


def unix(path: str) -> Address:
    """Return the address of the Unix socket at *path*."""
    return socket.AF_UNIX, socket.SOCK_STREAM, 0, "", path
