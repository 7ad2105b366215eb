"""The contract between the supervisor and what creates workers."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Protocol, TypeAlias

from aggregator.server.workers.messages import Made, Spawn

Ended: TypeAlias = Callable[[int, int], None]
"""Hears that the worker of a process has ended, and its exit code: negative, the number of the signal that ended it."""


class Maker(Protocol):
    """Makes workers that serve what was committed last, whatever the files say now."""

    loads: bool
    """Whether each worker loads all by itself, which takes as long as the start of the whole."""

    async def spawn(self, order: Spawn, channel: socket.socket, stack: int) -> int:
        """Return the process of the new worker, which has *channel* and the pipe *stack*. Raises ``OSError``.

        That it has ended is told after this has returned, and never before.
        """

    async def prepare(self, digest: str) -> Made:
        """Prepare a plan from the files, which have this *digest*; return the digest that was loaded, and its problems.

        Raises ``ConnectionError`` when no worker can be made any more.
        """

    async def commit(self, generation: int) -> None:
        """Make the prepared plan, number *generation*, that of all workers created from now on."""

    async def drop(self) -> None:
        """Drop the prepared plan."""

    async def stop(self) -> None:
        """Create no more workers, and close all copies of listening sockets."""

    def close(self) -> None:
        """Release processes, threads and sockets."""


def words_of(code: int) -> str:
    """Return how a process has ended, by its exit *code*."""
    return f"ended by signal {-code}" if code < 0 else f"ended with {code}"
