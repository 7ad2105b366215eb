"""The listening socket, and why there is none."""

from __future__ import annotations

import errno
import socket

from aggregator.errors import StartupError

BACKLOG = 2048

_REASONS = {
    errno.EADDRINUSE: "the port is taken; stop what uses it, or choose another with --port",
    errno.EACCES: "ports below 1024 need privileges; choose another with --port",
    errno.EADDRNOTAVAIL: "this machine does not have that address; 127.0.0.1 and 0.0.0.0 always work",
}


def bind(host: str, port: int) -> socket.socket:
    """Give a listening socket; raises ``StartupError`` that names the fix."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except (OSError, OverflowError, ValueError, TypeError) as error:
        listener.close()
        where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        raise StartupError(f"Cannot listen on {where}: {_reason(error)}.") from None
    listener.setblocking(False)
    return listener


def _reason(error: Exception) -> str:
    if isinstance(error, socket.gaierror | UnicodeError):
        return "the host is neither an address nor a name that is known here"
    if isinstance(error, OSError):
        return _REASONS.get(error.errno or 0, (error.strerror or str(error)).lower())
    return str(error).rstrip(".")
