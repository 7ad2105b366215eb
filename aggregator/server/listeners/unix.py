"""A listening Unix socket: it has its permissions from the first moment, and takes the place of a stale one."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import stat
from contextlib import suppress

from aggregator.edge.addresses import LONGEST_UNIX, UnixAddress
from aggregator.errors import StartupError
from aggregator.server.listeners.tcp import BACKLOG

_REASONS = {
    errno.ENOENT: "its folder does not exist; create it",
    errno.EACCES: "this user may not write into its folder",
    errno.EROFS: "its folder is read-only",
}


Identity = tuple[int, int]
"""The device and the number of a file."""


def bind_unix(address: UnixAddress) -> tuple[socket.socket, Identity]:
    """Return a listening socket at *address*, and which file it is. Raises ``StartupError`` that names the fix.

    It is made beside its place and renamed into it: nobody finds it without its permissions, and whoever connects
    while it takes the place of a stale one reaches the one or the other.
    """
    _check_place(address)
    beside = f"{address.path}.{os.getpid()}"
    if len(beside.encode()) > LONGEST_UNIX:
        beside = os.path.join(os.path.dirname(address.path), f".{os.getpid()}")
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with suppress(FileNotFoundError):
            os.unlink(beside)
        listener.bind(beside)
        _give(beside, address)
        listener.listen(BACKLOG)
        identity = _identity(beside)
        os.rename(beside, address.path)
    except (OSError, LookupError) as error:
        listener.close()
        with suppress(OSError):
            os.unlink(beside)
        raise StartupError(f"Cannot listen on {address}: {_reason(error, address)}.") from None
    listener.setblocking(False)
    return listener, identity


def remove_unix(path: str, identity: Identity) -> None:
    """Remove the file of a socket, unless another process has put its own there meanwhile."""
    with suppress(OSError):
        if _identity(path) == identity:
            os.unlink(path)


def _identity(path: str) -> Identity:
    status = os.stat(path)
    return status.st_dev, status.st_ino


def _check_place(address: UnixAddress) -> None:
    """Fail where there is a file that is no socket, or a socket that somebody listens on."""
    try:
        if not stat.S_ISSOCK(os.stat(address.path).st_mode):
            raise StartupError(f"Cannot listen on {address}: there is a file that is no socket; remove it.")
    except OSError:  # there is nothing, or binding tells more
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(1.0)
        try:
            client.connect(address.path)
        except ConnectionRefusedError:
            return  # a stale one
        except OSError as error:
            if error.errno != errno.EAGAIN and not isinstance(error, TimeoutError):
                raise StartupError(f"Cannot listen on {address}: {_reason(error, address)}.") from None
    raise StartupError(f"Cannot listen on {address}: another process listens on it; stop that one.")


def _give(path: str, address: UnixAddress) -> None:
    if address.owner is not None:
        shutil.chown(path, user=address.owner)
    if address.group is not None:
        shutil.chown(path, group=address.group)
    os.chmod(path, address.mode)


def _reason(error: Exception, address: UnixAddress) -> str:
    if isinstance(error, LookupError):
        return f"there is no user or group `{address.owner or ''}{':' + address.group if address.group else ''}`"
    if isinstance(error, PermissionError) and error.errno == errno.EPERM:
        return "only root may give it to another owner"
    assert isinstance(error, OSError)
    return _REASONS.get(error.errno or 0, (error.strerror or str(error)).lower())
