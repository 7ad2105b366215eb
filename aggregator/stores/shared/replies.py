"""Replies that are waited for, in their order, each for as long as a reply may take."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Generic, Protocol, TypeVar

from aggregator.errors import StoreError

T = TypeVar("T")
_TURNS = 8
"""How often a loop that was late looks at its sockets before it gives a reply up."""


class Reply(Protocol):
    """The receiver of a reply: a future that is awaited, or a ``Call``."""

    def done(self) -> bool:
        """Return whether nobody wants it any more."""

    def set_result(self, found: Any, /) -> None:
        """Receive the reply *found*."""

    def set_exception(self, error: StoreError, /) -> None:
        """Receive the *error* in place of a reply."""


class Call(Generic[T]):
    """A reply that *told* is called with, as *read* has it, or with why there is none: no task has to wake for it.

    What *told* raises ends neither the connection nor the replies behind it: the loop is told, as of a task.
    """

    __slots__ = ("_read", "_told")

    def __init__(self, told: Callable[[T | StoreError], None], read: Callable[[Any], T]) -> None:
        self._told = told
        self._read = read

    def done(self) -> bool:
        """Return false: it is wanted until it has come."""
        return False

    def set_result(self, found: Any) -> None:
        """Pass *found* on."""
        try:
            self._told(StoreError(str(found)) if isinstance(found, Exception) else self._read(found))
        except Exception as error:
            context = {"message": "What follows a reply of the store failed.", "exception": error}
            asyncio.get_running_loop().call_exception_handler(context)

    set_exception = set_result


class Replies:
    """Replies of one connection; *late* is called when the oldest takes longer than *timeout* seconds."""

    def __init__(self, timeout: float, late: Callable[[str], None]) -> None:
        self._timeout = timeout
        self._late = late
        self._waiting: deque[tuple[Reply, float]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, replies: Iterable[Reply]) -> None:
        """Wait for *replies* from now on."""
        now = asyncio.get_running_loop().time()
        self._waiting.extend((reply, now) for reply in replies)
        self._watch(now)

    def next(self, found: object) -> None:
        """Pass *found* to the oldest receiver; a reply to one that was cancelled is dropped."""
        if not self._waiting:
            return
        reply, _ = self._waiting.popleft()
        if not reply.done():
            reply.set_result(found)

    def fail(self, why: str) -> None:
        """Fail all waiting receivers, because of *why*."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        waited, self._waiting = self._waiting, deque()
        for reply, _ in waited:
            if not reply.done():
                reply.set_exception(StoreError(why))

    def _watch(self, since: float) -> None:
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_at(since + self._timeout, self._look, _TURNS, None)

    def _look(self, turns: int, late: Reply | None) -> None:
        """Declare the store away when the oldest reply is late, and a few turns of the loop did not bring it."""
        self._timer = None
        if not self._waiting:
            return
        oldest, written = self._waiting[0]
        if asyncio.get_running_loop().time() < written + self._timeout:
            self._watch(written)
        elif oldest is not late:
            self._again(_TURNS, oldest)
        elif turns:
            self._again(turns - 1, oldest)
        else:
            self._late(f"It did not answer within {self._timeout * 1000:g} ms.")

    def _again(self, turns: int, late: Reply) -> None:
        self._timer = asyncio.get_running_loop().call_later(0, self._look, turns, late)
