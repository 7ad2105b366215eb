"""A listening socket of TCP, and why there is none."""

from __future__ import annotations

import errno
import socket

from aggregator.edge.addresses import TcpAddress
from aggregator.errors import StartupError

BACKLOG = 2048

_REASONS = {
    errno.EADDRINUSE: "the port is taken; stop what uses it, or choose another with {remedy}",
    errno.EACCES: "ports below 1024 need privileges; choose another with {remedy}",
    errno.EADDRNOTAVAIL: "this machine does not have that address; 127.0.0.1 and 0.0.0.0 always work",
}


def bind(host: str, port: int, remedy: str = "--port", *, only_v6: bool = False) -> socket.socket:
    """Return a listening socket; *remedy* is what chooses another port. Raises ``StartupError`` that names the fix.

    ``::`` takes IPv4 as well where the system is set so, unless it is to be *only_v6* (RFC 3493 §5.3).
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if only_v6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except (OSError, OverflowError, ValueError, TypeError) as error:
        listener.close()
        where, reason = TcpAddress(host, port), _reason(error).format(remedy=remedy)
        raise StartupError(f"Cannot listen on {where}: {reason}.") from None
    listener.setblocking(False)
    return listener


def _reason(error: Exception) -> str:
    if isinstance(error, socket.gaierror | UnicodeError):
        return "the host is neither an address nor a name that is known here"
    if isinstance(error, OSError):
        return _REASONS.get(error.errno or 0, (error.strerror or str(error)).lower())
    return str(error).rstrip(".")
