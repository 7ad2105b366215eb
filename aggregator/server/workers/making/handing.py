"""The data handed to a spawned worker, which inherits no memory: first a line of JSON, then pickles.

The line has what it takes to find the program, and to say that it is another one than that of the supervisor.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TypedDict

from msgspec import Struct

from aggregator.edge.addresses import Address
from aggregator.server.listeners.opening import Listener, Role
from aggregator.server.listeners.unix import Identity
from aggregator.telemetry.logging import LogFormat


def own_version() -> str:
    """Return the version of the program that lies where this process finds it."""
    return version("aggregator-server")


class Head(TypedDict):
    """The line: where modules are looked for, the version of the program, the descriptors of channel and stack."""

    path: list[str]
    version: str
    channel: int
    stack: int


class Place(Struct, frozen=True):
    """A listener whose socket is the *descriptor*."""

    descriptor: int
    address: Address
    role: Role
    is_tls: bool
    is_proxied: bool
    file: Identity | None

    @classmethod
    def of(cls, listener: Listener) -> Place:
        """Return the place of *listener*."""
        one = listener
        return cls(one.socket.fileno(), one.address, one.role, one.is_tls, one.is_proxied, one.file)

    def listener(self) -> Listener:
        """Return the listener in a process that has inherited the descriptor."""
        made = socket.socket(fileno=self.descriptor)
        made.set_inheritable(False)
        return Listener(made, self.address, self.role, self.is_tls, self.is_proxied, self.file)


class Handed(Struct, frozen=True):
    """The data that all workers get: the *path* of the file, its *name*, the *places* of listeners, options of the log.

    *balance* is the descriptor of the file for so many *seats*, *entrance* that of the way to what workers share.
    """

    path: Path
    name: str
    places: Sequence[Place]
    seats: int
    balance: int
    entrance: int
    log_format: LogFormat | None
    log_level: str

    @property
    def descriptors(self) -> tuple[int, ...]:
        """The file descriptors that a worker inherits."""
        return (self.balance, self.entrance, *(one.descriptor for one in self.places))
