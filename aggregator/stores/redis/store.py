"""The store in Redis or Valkey: the contract by commands and scripts."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Sequence
from typing import Any

from msgspec.structs import replace

from aggregator.errors import StoreError
from aggregator.stores.contract import Heard, Lock
from aggregator.stores.level.contract import NO_LEASE, Lease, Looked
from aggregator.stores.quota import Period, Quota
from aggregator.stores.rate import Rate, Taken
from aggregator.stores.redis import scripts
from aggregator.stores.redis.cluster import Cluster
from aggregator.stores.redis.level import RedisLevel
from aggregator.stores.redis.listening import Listening
from aggregator.stores.redis.replies import count_key, named, packed, take_command, taken_of, unpacked
from aggregator.stores.redis.ways import OneNode, Ways, good, open_way
from aggregator.stores.shared.address import StoreAddress
from aggregator.stores.shared.announced import LIFETIME, MOST_KEPT, Announced
from aggregator.stores.shared.asks import Ask
from aggregator.stores.shared.periods import Periods
from aggregator.stores.shared.replies import Call


class RedisStore:
    """A ``Store`` at *address*, with keys that begin with *prefix*; a reply may take *timeout* seconds.

    It has to be connected, and again when *broken* was told why it is not any more.
    """

    def __init__(
        self, address: StoreAddress, prefix: str, timeout: float, broken: Callable[[str], None],
        wall: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        self._prefix, self._address = prefix.encode(), address
        self._wall = wall
        self._periods = Periods()
        self._is_cluster = address.kind == "cluster"
        self._one = None if self._is_cluster else OneNode(address, timeout, broken)
        self._ways: Ways = self._one or Cluster(address, timeout, broken)
        self._taking: set[asyncio.Task[None]] = set()
        self._level = RedisLevel(self._prefix, self._run)
        self._listening = Listening(address)

    @property
    def is_open(self) -> bool:
        """Whether operations are taken."""
        return self._ways.is_open

    async def connect(self) -> None:
        """Open the connections; raises ``StoreError`` that says why that fails."""
        await open_way(self._ways, self._address)

    def close(self) -> None:
        """Close the connections; what waits fails."""
        self._ways.close()

    async def _asked(self, key: bytes, *command: bytes | str | int | float) -> Any:
        return good(await self._ways.send(key, command))

    async def _run(self, script: bytes, keys: Sequence[bytes], *values: bytes | str | int | float) -> Any:
        return await self._asked(keys[0], b"EVAL", script, len(keys), *keys, *values)

    def _key(self, kind: bytes, key: bytes) -> bytes:
        return named(self._prefix, kind, key)

    async def add(self, key: bytes, amount: int, lifetime: float) -> int:
        """Add *amount* to a counter and return its sum; it ends *lifetime* after it began, whatever is added."""
        return int(await self._run(scripts.ADD, [self._key(b"n", key)], amount, _ms(lifetime)))

    async def take(self, key: bytes, rate: Rate, cost: int = 1) -> Taken:
        """Take *cost* from the bucket *key*, all of it or nothing."""
        return (await self.take_all([Ask(b"", key, rate, cost)]))[0]

    async def take_all(self, asks: Sequence[Ask]) -> Sequence[Taken]:
        """Take what *asks* ask for, all that is binding or nothing; return what each came to."""
        now = self._wall()
        periods = self._periods_of(asks, now)
        if self._is_cluster and len(asks) > 1:
            return await self._apart(asks, periods, now)
        return await self._take(asks, periods, now)

    def begin_take(self, asks: Sequence[Ask], told: Callable[[Sequence[Taken] | StoreError], None]) -> None:
        """Start ``take_all``; *told* gets the outcome or the error, once.

        A cluster is asked in a task, since a reply of it may say to ask somebody else.
        """
        if self._one is None:
            task = asyncio.get_running_loop().create_task(self._tell(asks, told))
            self._taking.add(task)
            task.add_done_callback(self._taking.discard)
            return
        now = self._wall()
        periods = self._periods_of(asks, now)
        command = take_command(self._prefix, asks, periods, now)
        self._one.put(command, Call(told, lambda found: taken_of(found, periods, now)))

    async def _tell(self, asks: Sequence[Ask], told: Callable[[Sequence[Taken] | StoreError], None]) -> None:
        found: Sequence[Taken] | StoreError
        try:
            found = await self.take_all(asks)
        except StoreError as error:
            found = error
        told(found)

    def _periods_of(self, asks: Sequence[Ask], now: float) -> list[Period | None]:
        return [self._periods.at(ask.limit, now) if isinstance(ask.limit, Quota) else None for ask in asks]

    async def _take(self, asks: Sequence[Ask], periods: Sequence[Period | None], now: float) -> list[Taken]:
        command = take_command(self._prefix, asks, periods, now)
        assert isinstance(command[3], bytes)
        return taken_of(good(await self._ways.send(command[3], command)), periods, now)

    async def _apart(self, asks: Sequence[Ask], periods: Sequence[Period | None], now: float) -> list[Taken]:
        """Take at several nodes side by side; where one refuses, what the others granted is returned afterwards.

        So a limit is never exceeded, and for one round trip others may find less than there is.
        """
        pairs = list(zip(asks, periods, strict=True))
        told = await asyncio.gather(*(self._take([ask], [period], now) for ask, period in pairs))
        found = [one[0] for one in told]
        if any(ask.binding and not taken.granted for ask, taken in zip(asks, found, strict=True)):
            back = [pair for pair, taken in zip(pairs, found, strict=True) if taken.granted]
            await asyncio.gather(*(self._give_back(ask, period) for ask, period in back))
            found = [
                replace(taken, remaining=taken.remaining + ask.cost) if taken.granted else taken
                for ask, taken in zip(asks, found, strict=True)
            ]
        return found

    async def _give_back(self, ask: Ask, period: Period | None) -> None:
        key = count_key(self._prefix, ask, period)
        if period is not None:
            await self._asked(key, b"DECRBY", key, ask.cost)
        elif isinstance(ask.limit, Rate):
            span = ask.limit.span * 1e6
            await self._run(scripts.GIVE_BACK, [key], ask.cost * ask.limit.interval * 1e6 / span, span)

    async def forget(self, ask: Ask) -> None:
        """Reset the count that *ask* is taken from."""
        period = self._periods.at(ask.limit, self._wall()) if isinstance(ask.limit, Quota) else None
        key = count_key(self._prefix, ask, period)
        await self._asked(key, b"DEL", key)

    async def give_back(self, ask: Ask) -> None:
        """Put back what *ask* has taken; a count is never more than full."""
        await self._give_back(ask, self._periods.at(ask.limit, self._wall()) if isinstance(ask.limit, Quota) else None)

    async def seen(self, process: bytes, lifetime: float) -> int:
        """Record that *process* lives, for *lifetime* seconds; return the number of living processes."""
        return int(await self._run(scripts.SEEN, [self._key(b"s", b"processes")], process, _ms(lifetime)))

    async def get(self, key: bytes) -> bytes | None:
        """Return the value of *key*, None when there is none or its lifetime is over."""
        name = self._key(b"v", key)
        found = await self._asked(name, b"GET", name)
        return None if found is None else unpacked(found)

    async def put(self, key: bytes, value: bytes, lifetime: float, tags: Collection[bytes] = ()) -> None:
        """Keep *value* for *lifetime*."""
        name, names = self._key(b"v", key), frozenset(tags)
        if lifetime <= 0:
            return await self.delete(key)
        setting = self._asked(name, b"SET", name, packed(value, names), b"PX", _ms(lifetime))
        tagging = (self._run(scripts.TAG, [self._key(b"t", tag)], name, _ms(lifetime)) for tag in names)
        await asyncio.gather(setting, *tagging)
        return None

    async def delete(self, key: bytes) -> None:
        """Forget the value of *key*."""
        name = self._key(b"v", key)
        await self._asked(name, b"DEL", name)

    async def delete_tagged(self, tag: bytes) -> int:
        """Forget all values with *tag* and return how many there were."""
        names = await self._run(scripts.UNTAG, [self._key(b"t", tag)])
        return sum(map(int, await asyncio.gather(*(self._run(scripts.DROP, [name], tag) for name in names))))

    async def lock(self, key: bytes, lifetime: float) -> Lock | None:
        """Take the lock *key* for *lifetime* seconds; return None while another process holds it."""
        token = int(await self._run(scripts.LOCK, self._lock_keys(key), _ms(lifetime)))
        return Lock(key, token) if token else None

    async def renew(self, lock: Lock, lifetime: float) -> bool:
        """Hold *lock* for *lifetime* from now; return whether it was held still."""
        return bool(await self._run(scripts.RENEW, self._lock_keys(lock.key)[:1], lock.token, _ms(lifetime)))

    async def unlock(self, lock: Lock) -> bool:
        """Return *lock* back; return whether it was held still."""
        return bool(await self._run(scripts.UNLOCK, self._lock_keys(lock.key)[:1], lock.token))

    def _lock_keys(self, key: bytes) -> list[bytes]:
        """Return the key of a lock and that of its last token, which lie in one slot: what braces hold decides."""
        held = self._key(b"l", b"{%b}" % key.hex().encode())
        return [held, held + b":token"]

    async def publish(self, channel: bytes, message: bytes) -> None:
        """Send *message* to all that listen to *channel* now."""
        name = self._key(b"c", channel)
        await self._asked(name, b"PUBLISH", name, message)

    async def listen(self, channel: bytes, heard: Heard) -> Callable[[], None]:
        """Call *heard* with each message of *channel*; return the function that ends the subscription."""
        return await self._listening.add(self._key(b"c", channel), heard)

    async def announce(self, channel: bytes, message: bytes) -> None:
        """Number *message* as the next of *channel*, keep it, and publish it."""
        name = self._key(b"c", channel)
        await self._run(scripts.ANNOUNCE, [self._key(b"a", channel)], message, name, MOST_KEPT, _ms(LIFETIME))

    async def announced(self, channel: bytes, number: int) -> Announced:
        """Return what was announced behind *number*."""
        found = await self._run(scripts.ANNOUNCED, [self._key(b"a", channel)], number, _ms(LIFETIME))
        last, is_known, *messages = found
        return Announced(int(last), messages if int(is_known) else None)

    async def look(self, space: bytes, key: bytes, lease: Lease = NO_LEASE) -> Looked:
        """Return what there is of *key* in *space*, and who holds its lease when *lease* is asked for."""
        return await self._level.look(space, key, lease)

    async def keep(
        self, space: bytes, key: bytes, value: bytes, tags: Sequence[bytes], lifetime: float, number: int,
        token: bytes = b"",
    ) -> bool:  # fmt: skip
        """Keep *value* for *lifetime*, unless one of *tags* was purged behind *number*; return whether it is kept."""
        return await self._level.keep(space, key, value, tags, lifetime, number, token)

    async def end_lease(self, space: bytes, key: bytes, token: bytes, pause: float) -> None:
        """End the lease of *token*; for *pause* seconds no other one of *key* is granted."""
        await self._level.end_lease(space, key, token, pause)

    async def purge(self, space: bytes, tags: Collection[bytes]) -> None:
        """Forget what has one of *tags* in *space*, everything there when there are none."""
        await self._level.purge(space, tags)

    async def aclose(self) -> None:
        """Close connections and subscriptions."""
        await self._listening.aclose()
        await self._ways.aclose()


def _ms(seconds: float) -> int:
    return max(1, round(seconds * 1000))
