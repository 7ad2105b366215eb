"""Where a server listens: ``0.0.0.0:8443``, ``[::1]:9000``, ``unix:/run/api.sock``."""

from __future__ import annotations

from ipaddress import ip_address

from msgspec import Struct

LONGEST_UNIX = 107
"""Bytes of the path of a Unix socket (unix(7), sun_path, without its NUL)."""


class TcpAddress(Struct, frozen=True):
    """A host, by name or address, and a port; port 0 is any that is free."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        try:
            return ip_address(self.host.partition("%")[0]).is_loopback
        except ValueError:
            return self.host.lower() == "localhost"

    @property
    def is_private(self) -> bool:
        """Whether only the user of this process can reach it."""
        return False


class UnixAddress(Struct, frozen=True):
    """The path of a Unix socket, with its permission bits and, if it is not to be ours, its *owner* and *group*."""

    path: str
    mode: int = 0o660
    owner: str | None = None
    group: str | None = None

    def __str__(self) -> str:
        return f"unix:{self.path}"

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        return True

    @property
    def is_private(self) -> bool:
        """Whether only the user of this process can reach it."""
        return not self.mode & 0o077


Address = TcpAddress | UnixAddress


def parse_tcp(text: str) -> TcpAddress:
    """Return *text* as host and port; raises ``ValueError`` that says what it lacks.

    An IPv6 address stands in brackets (RFC 3986 §3.2.2).
    """
    host, colon, digits = text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
        if ip_address(host.partition("%")[0]).version != 6:
            raise ValueError("only an IPv6 address stands in brackets")
    elif ":" in host:
        raise ValueError("an IPv6 address stands in brackets")
    if not colon or not host:
        raise ValueError("a host and a port are expected")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 5 and int(digits) < 65536):
        raise ValueError("the port is a number from 0 to 65535")
    if set(host) & set(" /@?#"):
        raise ValueError("this is not the name or the address of a host")
    return TcpAddress(host, int(digits))
