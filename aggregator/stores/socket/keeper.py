"""Who keeps the store of a machine: answers what comes over the sockets of other processes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, cast

from aggregator.errors import StoreError
from aggregator.stores.contract import Lock
from aggregator.stores.level.contract import Lease, Looked
from aggregator.stores.memory import MemoryStore
from aggregator.stores.rate import Rate
from aggregator.stores.socket.frames import OPERATIONS, Frames, Limits, framed, taken_member

_MOST_UNREAD = 16 * 2**20
"""Bytes that a process may leave unread; then it is let go, and comes again."""


class Keeping(asyncio.Protocol):
    """The connection of one process to *store*, whose operations end at once."""

    def __init__(self, store: MemoryStore, limits: Limits) -> None:
        self._store = store
        self._limits = limits
        self._frames = Frames()
        self._transport: asyncio.Transport | None = None
        self._heard: dict[bytes, Callable[[], None]] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport for replies."""
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, _: Exception | None) -> None:
        """End the subscriptions of the process."""
        self._transport = None
        for end in self._heard.values():
            end()
        self._heard.clear()

    def data_received(self, data: bytes) -> None:
        """Carry out the operations in order; all replies to a frame are sent as one."""
        try:
            for operations in self._frames.feed(data):
                self._write((0, [self._do(*operation) for operation in operations]))
        except (ValueError, TypeError, LookupError):  # nothing that we have written
            if self._transport is not None:
                self._transport.abort()

    def _write(self, message: object) -> None:
        transport = self._transport
        if transport is None:
            return
        transport.write(framed(message))
        if transport.get_write_buffer_size() > _MOST_UNREAD:
            transport.abort()

    def _do(self, number: int, *given: Any) -> Any:
        try:
            return _BY_NUMBER[number](self, *given)
        except StoreError as error:
            return {"why": str(error)}

    def take_all(self, asks: Sequence[Any]) -> Any:
        """Return what asks came to."""
        return [taken_member(taken) for taken in _now(self._store.take_all([*map(self._limits.ask, asks)]))]

    def forget(self, ask: Sequence[Any]) -> None:
        """Reset the count of an ask."""
        _now(self._store.forget(self._limits.ask(ask)))

    def give_back(self, ask: Sequence[Any]) -> None:
        """Put back what an ask has taken."""
        _now(self._store.give_back(self._limits.ask(ask)))

    def take(self, key: bytes, count: int, period: float, burst: int, cost: int) -> Any:
        """Return what a bucket granted."""
        return taken_member(_now(self._store.take(key, Rate(count, period, burst), cost)))

    def lock(self, key: bytes, lifetime: float) -> Any:
        """Return the token of a lock, None while somebody has it."""
        found = _now(self._store.lock(key, lifetime))
        return None if found is None else found.token

    def renew(self, key: bytes, token: int, lifetime: float) -> Any:
        """Return whether the lock was held still."""
        return _now(self._store.renew(Lock(key, token), lifetime))

    def unlock(self, key: bytes, token: int) -> Any:
        """Return whether the lock was held still."""
        return _now(self._store.unlock(Lock(key, token)))

    def look(self, space: bytes, key: bytes, lease: Sequence[Any]) -> Looked:
        """Return what there is of a key."""
        found: Looked = _now(self._store.look(space, key, Lease(*lease)))
        return found

    def listen(self, channel: bytes) -> None:
        """Send the messages of *channel* from now on."""
        if channel not in self._heard:
            heard = self._store.listen(channel, lambda message: self._write((1, channel, message)))
            self._heard[channel] = _now(heard)

    def unlisten(self, channel: bytes) -> None:
        """Send the messages of *channel* no more."""
        end = self._heard.pop(channel, None)
        if end is not None:
            end()


def _plain(name: str) -> Callable[..., Any]:
    return lambda keeping, *given: _now(getattr(keeping._store, name)(*given))


_BY_NUMBER: tuple[Callable[..., Any], ...] = tuple(getattr(Keeping, name, None) or _plain(name) for name in OPERATIONS)


def _now(operation: Any) -> Any:
    """Return what an *operation* of memory comes to: it waits for nothing."""
    try:
        operation.send(None)
    except StopIteration as done:
        return done.value
    raise AssertionError("An operation of memory has waited.")
