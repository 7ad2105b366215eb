"""Ports for the servers that tests start: each is handed out once, and the kernel gives it to no connection meanwhile."""

from __future__ import annotations

import errno
import fcntl
import os
import random
import socket
import tempfile
from pathlib import Path

_PORTS = range(16_000, 32_000)
"""Below those that Linux gives to connections (ip_local_port_range, 32768 to 60999): a port that was free a moment ago may be one of
these as soon as any other test connects to anywhere."""
_BUSY = (errno.EADDRINUSE, errno.EACCES)
_choice = random.SystemRandom()  # tests seed the other one
_held: list[int] = []


def free_ports(count: int) -> list[int]:
    """Return *count* ports of the loopback that nobody listens on; no other run of these tests gets them while this one lasts."""
    folder = Path(tempfile.gettempdir(), f"aggregator-ports-{os.getuid()}")
    folder.mkdir(exist_ok=True)
    found: list[int] = []
    while len(found) < count:
        port = _choice.choice(_PORTS)
        if _is_ours(folder / str(port)) and _is_free(port):
            found.append(port)
    return found


def free_port() -> int:
    """Return one port, like `free_ports`."""
    return free_ports(1)[0]


def _is_ours(place: Path) -> bool:
    """Take the file *place* until the process ends; return whether nobody had it."""
    held = os.open(place, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(held)
        return False
    _held.append(held)
    return True


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            if error.errno not in _BUSY:
                raise
            return False
    return True
