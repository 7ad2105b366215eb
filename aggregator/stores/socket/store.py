"""The store of a machine as its processes ask it: the operations of one turn of the loop leave in one write."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Collection, Sequence
from typing import Any, cast

from aggregator.errors import StoreError
from aggregator.stores.contract import Heard, Lock
from aggregator.stores.level.contract import NO_LEASE, Lease, Looked
from aggregator.stores.rate import Rate, Taken
from aggregator.stores.shared.announced import Announced
from aggregator.stores.shared.asks import Ask
from aggregator.stores.shared.replies import Call, Replies, Reply
from aggregator.stores.socket.frames import NUMBER, Frames, ask_member, framed, taken_of

_TAKE_ALL = NUMBER["take_all"]
_MOST_WAITING = 10_000
"""Operations under way; more are refused."""


class SocketStore:
    """A ``Store`` that another process keeps; *dial* returns a socket to it, or raises ``OSError``.

    A reply may take *timeout* seconds. *broken* is told why the connection was closed.
    """

    def __init__(self, dial: Callable[[], socket.socket], timeout: float, broken: Callable[[str], None]) -> None:
        self._dial = dial
        self._broken = broken
        self._waiting = Replies(timeout, self._lose)
        self._turn: list[tuple[Any, ...]] = []
        self._replies: list[Reply] = []
        self._way: _Way | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._heard: dict[bytes, dict[object, Heard]] = {}

    async def connect(self) -> None:
        """Open the connection; raise ``StoreError`` that says why that fails."""
        self._loop = loop = asyncio.get_running_loop()
        try:
            end = self._dial()
            _, self._way = await loop.create_unix_connection(lambda: _Way(self._take, self._lose), sock=end)
        except OSError as error:
            raise StoreError(f"{error.strerror or error}.") from None
        for channel in tuple(self._heard):
            await self._ask("listen", channel)

    def close(self) -> None:
        """Close it; what waits fails."""
        self._end("It was closed.")

    def _end(self, why: str) -> None:
        way, self._way = self._way, None
        if way is None:
            return
        self._waiting.add(self._replies)
        self._turn, self._replies = [], []
        self._waiting.fail(why)
        way.close()

    def _lose(self, why: str) -> None:
        if self._way is not None:
            self._end(why)
            self._broken(why)

    def _ask(self, operation: str, *given: Any) -> asyncio.Future[Any]:
        reply: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._put(reply, (NUMBER[operation], *given))
        return reply

    def _put(self, reply: Reply, operation: tuple[Any, ...]) -> None:
        """Send *operation* in this turn of the loop; *reply* gets its outcome. Raises ``StoreError``."""
        loop = self._loop
        if self._way is None or loop is None:
            raise StoreError("The store is not connected.")
        if len(self._waiting) + len(self._replies) >= _MOST_WAITING:
            raise StoreError("As much waits for the store as may.")
        if not self._turn:
            loop.call_soon(self._leave)
        self._turn.append(operation)
        self._replies.append(reply)

    def _leave(self) -> None:
        """Write the operations of this turn."""
        if self._way is None or not self._turn:
            return
        turn, replies = self._turn, self._replies
        self._turn, self._replies = [], []
        self._way.write(framed(turn))
        self._waiting.add(replies)

    def _take(self, message: Sequence[Any]) -> None:
        kind, *rest = message
        if kind:
            channel, said = rest
            for heard in tuple(self._heard.get(channel, {}).values()):
                heard(said)
            return
        for reply in rest[0]:
            self._waiting.next(StoreError(reply["why"]) if isinstance(reply, dict) else reply)

    async def _told(self, operation: str, *given: Any) -> Any:
        return _good(await self._ask(operation, *given))

    async def add(self, key: bytes, amount: int, lifetime: float) -> int:
        """Add *amount* to a counter and return its sum; it ends *lifetime* after it began, whatever is added."""
        return int(await self._told("add", key, amount, lifetime))

    async def take(self, key: bytes, rate: Rate, cost: int = 1) -> Taken:
        """Take *cost* from the bucket *key*, all of it or nothing."""
        return taken_of(await self._told("take", key, rate.count, rate.period, rate.burst, cost))

    async def take_all(self, asks: Sequence[Ask]) -> Sequence[Taken]:
        """Take what *asks* ask for, all that is binding or nothing; return what each came to."""
        return _taken(await self._told("take_all", [ask_member(ask) for ask in asks]))

    def begin_take(self, asks: Sequence[Ask], told: Callable[[Sequence[Taken] | StoreError], None]) -> None:
        """Start ``take_all``; *told* gets the outcome or the error, once."""
        self._put(Call(told, _taken), (_TAKE_ALL, [ask_member(ask) for ask in asks]))

    async def forget(self, ask: Ask) -> None:
        """Reset the count that *ask* is taken from."""
        await self._told("forget", ask_member(ask))

    async def give_back(self, ask: Ask) -> None:
        """Put back what *ask* has taken; a count is never more than full."""
        await self._told("give_back", ask_member(ask))

    async def seen(self, process: bytes, lifetime: float) -> int:
        """Record that *process* lives, for *lifetime* seconds; return the number of living processes."""
        return int(await self._told("seen", process, lifetime))

    async def get(self, key: bytes) -> bytes | None:
        """Return the value of *key*, None when there is none or its lifetime is over."""
        return cast("bytes | None", await self._told("get", key))

    async def put(self, key: bytes, value: bytes, lifetime: float, tags: Collection[bytes] = ()) -> None:
        """Keep *value* for *lifetime*."""
        await self._told("put", key, value, lifetime, list(tags))

    async def delete(self, key: bytes) -> None:
        """Forget the value of *key*."""
        await self._told("delete", key)

    async def delete_tagged(self, tag: bytes) -> int:
        """Forget all values with *tag* and return how many there were."""
        return int(await self._told("delete_tagged", tag))

    async def lock(self, key: bytes, lifetime: float) -> Lock | None:
        """Take the lock *key* for *lifetime* seconds; return None while another process holds it."""
        token = await self._told("lock", key, lifetime)
        return None if token is None else Lock(key, token)

    async def renew(self, lock: Lock, lifetime: float) -> bool:
        """Hold *lock* for *lifetime* from now; return whether it was held still."""
        return bool(await self._told("renew", lock.key, lock.token, lifetime))

    async def unlock(self, lock: Lock) -> bool:
        """Return *lock* back; return whether it was held still."""
        return bool(await self._told("unlock", lock.key, lock.token))

    async def publish(self, channel: bytes, message: bytes) -> None:
        """Send *message* to all that listen to *channel* now."""
        await self._told("publish", channel, message)

    async def listen(self, channel: bytes, heard: Heard) -> Callable[[], None]:
        """Call *heard* with each message of *channel*; return the function that ends the subscription."""
        mark = object()
        known = channel in self._heard
        self._heard.setdefault(channel, {})[mark] = heard
        if not known:
            await self._told("listen", channel)
        return lambda: self._unlisten(channel, mark)

    def _unlisten(self, channel: bytes, mark: object) -> None:
        listening = self._heard.get(channel, {})
        listening.pop(mark, None)
        if not listening and self._heard.pop(channel, None) is not None and self._way is not None:
            self._ask("unlisten", channel)

    async def announce(self, channel: bytes, message: bytes) -> None:
        """Number *message* as the next of *channel*, keep it, and publish it."""
        await self._told("announce", channel, message)

    async def announced(self, channel: bytes, number: int) -> Announced:
        """Return what was announced behind *number*."""
        return Announced(*await self._told("announced", channel, number))

    async def look(self, space: bytes, key: bytes, lease: Lease = NO_LEASE) -> Looked:
        """Return what there is of *key* in *space*, and who holds its lease when *lease* is asked for."""
        return Looked(*await self._told("look", space, key, lease))

    async def keep(
        self, space: bytes, key: bytes, value: bytes, tags: Sequence[bytes], lifetime: float, number: int,
        token: bytes = b"",
    ) -> bool:  # fmt: skip
        """Keep *value* for *lifetime*, unless one of *tags* was purged behind *number*; return whether it is kept."""
        return bool(await self._told("keep", space, key, value, list(tags), lifetime, number, token))

    async def end_lease(self, space: bytes, key: bytes, token: bytes, pause: float) -> None:
        """End the lease of *token*; for *pause* seconds no other one of *key* is granted."""
        await self._told("end_lease", space, key, token, pause)

    async def purge(self, space: bytes, tags: Collection[bytes]) -> None:
        """Forget what has one of *tags* in *space*, everything there when there are none."""
        await self._told("purge", space, list(tags))

    async def aclose(self) -> None:
        """Close the connection."""
        self._heard.clear()
        self.close()


def _taken(found: Any) -> Sequence[Taken]:
    return [taken_of(one) for one in found]


def _good(reply: Any) -> Any:
    """Return *reply* unless it is an error, which is raised."""
    if isinstance(reply, StoreError):
        raise reply
    return reply


class _Way(asyncio.Protocol):
    """The connection: *take* gets each message, *lost* why it ended."""

    def __init__(self, take: Callable[[Sequence[Any]], None], lost: Callable[[str], None]) -> None:
        self._take = take
        self._lost = lost
        self._frames = Frames()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport for operations."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Hand over what is whole."""
        for message in self._frames.feed(data):
            self._take(message)

    def connection_lost(self, _: Exception | None) -> None:
        """Report the loss of the connection, unless it was closed from here."""
        transport, self._transport = self._transport, None
        if transport is not None:
            self._lost("The process that keeps it has gone.")

    def write(self, data: bytes) -> None:
        """Write *data*."""
        if self._transport is not None:
            self._transport.write(data)

    def close(self) -> None:
        """Close it."""
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.abort()
