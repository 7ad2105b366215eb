"""All listening sockets of a process, from what the file declares and what the process has inherited."""

from __future__ import annotations

import socket
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Literal

from msgspec import Struct

from aggregator.edge.addresses import Address, TcpAddress, UnixAddress
from aggregator.errors import StartupError
from aggregator.plan.serving import ServerPlan
from aggregator.server.listeners.inherited import Inherited
from aggregator.server.listeners.tcp import bind
from aggregator.server.listeners.unix import Identity, bind_unix, remove_unix

Role = Literal["public", "admin", "redirect"]


class Listener(Struct, frozen=True, eq=False):
    """A listening *socket*, where it was told to listen, and what is served there.

    *file* is that of a Unix socket which the process has made. Where it *is_proxied*, connections begin with a header
    of the PROXY protocol.
    """

    socket: socket.socket
    address: Address
    role: Role = "public"
    is_tls: bool = False
    is_proxied: bool = False
    file: Identity | None = None

    @property
    def url(self) -> str:
        """The URL of the listener, as operators read it."""
        if isinstance(self.address, UnixAddress):
            return str(self.address)
        host, port = self.socket.getsockname()[:2]
        return f"{'https' if self.is_tls else 'http'}://{TcpAddress(host, port)}"

    def close(self) -> None:
        """Close the socket. The file of a Unix socket is removed, unless the socket was inherited."""
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
    admins = [one for one in inherited if one.name == "admin"]
    others = [one for one in inherited if one.name != "admin"]
    with ExitStack() as opened:
        found = [_adopted(one, plan, "admin") for one in admins] + [_adopted(one, plan, "public") for one in others]
        wanted = [] if others else _public(plan, host, port)
        if plan.admin is not None and not admins:
            wanted.append(("admin", plan.admin.address, "`server.admin`"))
        if plan.redirect_http is not None:
            wanted.append(("redirect", plan.redirect_http.address, "`server.redirect_http`"))
        for role, address, remedy in wanted:
            only_v6 = any(_is_twin(address, other) for _, other, _ in wanted)
            found.append(_opened(address, remedy, role, plan, only_v6=only_v6))
            opened.callback(found[-1].close)
        opened.pop_all()
        return found


def _public(plan: ServerPlan, host: str | None, port: int | None) -> list[tuple[Role, Address, str]]:
    """Return what the file declares, or the command line says, with what each is for and what would change it."""
    if plan.listen:
        return [("public", address, "`server.listen`") for address in plan.listen]
    return [("public", TcpAddress(host or plan.host, plan.port if port is None else port), "--port")]


def _adopted(one: Inherited, plan: ServerPlan, role: Role) -> Listener:
    if role == "admin" and plan.admin is None:
        raise StartupError("A socket named `admin` was inherited, and the file declares no `server.admin`.")
    if role == "admin" and not one.address.is_loopback and (plan.admin is None or plan.admin.secret is None):
        raise StartupError(f"Administration at {one.address} needs `server.admin.secret`: others can reach it.")
    is_tls, is_proxied = _speaks_tls(one.address, plan, role), _is_proxied(one.address, plan, role)
    return Listener(one.socket, one.address, role, is_tls, is_proxied)


def _speaks_tls(address: Address, plan: ServerPlan, role: Role) -> bool:
    tls = plan.tls if role == "public" else plan.admin.tls if role == "admin" and plan.admin is not None else None
    is_tls = tls is not None and isinstance(address, TcpAddress)
    if is_tls and sys.platform == "win32":
        raise StartupError("TLS towards clients needs another system: the event loop of Windows watches no sockets.")
    return is_tls


def _is_proxied(address: Address, plan: ServerPlan, role: Role) -> bool:
    is_proxied = plan.proxy_protocol and role != "admin" and isinstance(address, TcpAddress)
    if is_proxied and sys.platform == "win32":
        raise StartupError("PROXY protocol needs another system: the event loop of Windows watches no sockets.")
    return is_proxied


def _is_twin(address: Address, other: Address) -> bool:
    """Return whether *address* is of IPv6, and *other* the same port of IPv4: then each takes its own clients."""
    if not isinstance(address, TcpAddress) or not isinstance(other, TcpAddress):
        return False
    return address.port == other.port != 0 and ":" in address.host and ":" not in other.host


def _opened(address: Address, remedy: str, role: Role, plan: ServerPlan, *, only_v6: bool) -> Listener:
    if isinstance(address, TcpAddress):
        is_tls, is_proxied = _speaks_tls(address, plan, role), _is_proxied(address, plan, role)
        return Listener(bind(address.host, address.port, remedy, only_v6=only_v6), address, role, is_tls, is_proxied)
    if sys.platform == "win32":
        raise StartupError(f"Cannot listen on {address}: this system has no Unix sockets for servers.")
    listener, file = bind_unix(address)
    return Listener(listener, address, role, file=file)
