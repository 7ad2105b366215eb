"""All listening sockets of a process, from what the file declares and what the process has inherited."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from typing import Literal

from msgspec import Struct

from aggregator.edge.addresses import Address, TcpAddress, UnixAddress
from aggregator.errors import StartupError
from aggregator.plan.types import ServerPlan
from aggregator.server.listeners.inherited import Inherited
from aggregator.server.listeners.tcp import bind
from aggregator.server.listeners.unix import Identity, bind_unix, remove_unix

Role = Literal["public"]


class Listener(Struct, frozen=True, eq=False):
    """A listening *socket*, where it was told to listen, and what is served there.

    *file* is that of a Unix socket which the process has made.
    """

    socket: socket.socket
    address: Address
    role: Role = "public"
    is_tls: bool = False
    file: Identity | None = None

    @property
    def url(self) -> str:
        """Where it listens, as an operator reads it."""
        if isinstance(self.address, UnixAddress):
            return str(self.address)
        host, port = self.socket.getsockname()[:2]
        return f"{'https' if self.is_tls else 'http'}://{TcpAddress(host, port)}"

    def close(self) -> None:
        """Close it; a Unix socket of ours is removed, one that was inherited stays for who has made it."""
        if isinstance(self.address, UnixAddress) and self.file is not None:
            remove_unix(self.address.path, self.file)
        self.socket.close()


def open_listeners(
    plan: ServerPlan, host: str | None, port: int | None, inherited: Sequence[Inherited] = ()
) -> list[Listener]:
    """Return what *plan* declares, opened, or what was *inherited* in place of it. Raises ``StartupError``.

    *host* and *port* are those of the command line, which is an error where they could change nothing.
    """
    if (host, port) != (None, None):
        option = "--port" if host is None else "--host"
        if inherited:
            raise StartupError(f"{option} changes nothing: the process has inherited its sockets (LISTEN_FDS).")
        if plan.listen:
            raise StartupError(f"{option} changes nothing beside `server.listen`, which says where to listen.")
    if inherited:
        return [Listener(one.socket, one.address, is_tls=_speaks_tls(one.address, plan)) for one in inherited]
    if plan.listen:
        return _open(plan, plan.listen, "`server.listen`")
    return _open(plan, [TcpAddress(host or plan.host, plan.port if port is None else port)], "--port")


def _speaks_tls(address: Address, plan: ServerPlan) -> bool:
    return plan.tls is not None and isinstance(address, TcpAddress)


def _open(plan: ServerPlan, addresses: Iterable[Address], remedy: str) -> list[Listener]:
    if sys.platform == "win32" and plan.tls is not None:
        raise StartupError("`server.tls` needs another system: the event loop of Windows watches no sockets.")
    with ExitStack() as opened:
        found: list[Listener] = []
        for address in addresses:
            found.append(_listener(address, remedy, is_tls=_speaks_tls(address, plan)))
            opened.callback(found[-1].close)
        opened.pop_all()
        return found


def _listener(address: Address, remedy: str, *, is_tls: bool) -> Listener:
    if isinstance(address, TcpAddress):
        return Listener(bind(address.host, address.port, remedy), address, is_tls=is_tls)
    if sys.platform == "win32":
        raise StartupError(f"Cannot listen on {address}: this system has no Unix sockets for servers.")
    listener, file = bind_unix(address)
    return Listener(listener, address, file=file)
