"""Listening sockets that whoever started the process has opened (sd_listen_fds(3) of systemd).

``LISTEN_FDS`` says how many there are, from descriptor 3 on, ``LISTEN_PID`` for whom, ``LISTEN_FDNAMES`` their names.
"""

from __future__ import annotations

import os
import socket
from collections.abc import MutableMapping

from msgspec import Struct

from aggregator.edge.addresses import Address, TcpAddress, UnixAddress
from aggregator.errors import StartupError

_FIRST = 3
_VARIABLES = ("LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES")


class Inherited(Struct):
    """A listening *socket*, and the *name* that it was given."""

    name: str
    socket: socket.socket

    @property
    def address(self) -> Address:
        """The address that the socket listens on."""
        found = self.socket.getsockname()
        if isinstance(found, tuple):
            return TcpAddress(str(found[0]), int(found[1]))
        path = found if isinstance(found, str) else ""
        mode = os.stat(path).st_mode & 0o777 if path and os.path.exists(path) else 0o777
        return UnixAddress(path, mode)


def inherited_sockets(env: MutableMapping[str, str]) -> list[Inherited]:
    """Return the sockets that *env* announces to this process, and take them from it, so that no child takes them too.

    Raises ``StartupError`` for a number that is none, and for descriptors that are no listening sockets.
    """
    count, pid, names = (env.get(name, "") for name in _VARIABLES)
    if not count or pid != str(os.getpid()):
        return []
    for name in _VARIABLES:
        env.pop(name, None)
    if not count.isdecimal():
        raise StartupError(f"LISTEN_FDS is {count!r}, which is no number.")
    named = [*names.split(":"), *[""] * int(count)] if names else [""] * int(count)
    return [Inherited(named[index], _socket(_FIRST + index)) for index in range(int(count))]


def _socket(descriptor: int) -> socket.socket:
    try:
        os.set_inheritable(descriptor, False)
        found = socket.socket(fileno=descriptor)
    except OSError:
        raise StartupError(f"LISTEN_FDS announces descriptor {descriptor}, which is no socket.") from None
    listens = found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    if found.type != socket.SOCK_STREAM or not listens:
        found.detach()
        raise StartupError(f"LISTEN_FDS announces descriptor {descriptor}, which does not listen for connections.")
    found.setblocking(False)
    return found
