"""The listening socket, why there is none, and as many sockets beside it as the system allows."""

from __future__ import annotations

import errno
import socket
from contextlib import suppress

from aggregator.errors import StartupError

BACKLOG = 2048
_ENOUGH = 1_048_576

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


def allow_open_files() -> None:
    """Let the process have as many open files, sockets among them, as its hard limit says.

    The soft one is 1024 on most systems for the sake of programs that use select(2), and each client and each
    connection to an upstream is a file.
    """
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _ENOUGH if hard == resource.RLIM_INFINITY else min(hard, _ENOUGH)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _reason(error: Exception) -> str:
    if isinstance(error, socket.gaierror | UnicodeError):
        return "the host is neither an address nor a name that is known here"
    if isinstance(error, OSError):
        return _REASONS.get(error.errno or 0, (error.strerror or str(error)).lower())
    return str(error).rstrip(".")
