"""The store of one process: dictionaries with bounds in number and bytes.

Values are forgotten beyond the bounds, the longest unread first. Counters and locks are never forgotten before their
time: beyond their bound ``StoreError`` is raised, since a forgotten counter would grant what was used up.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence

from aggregator.stores.contract import Heard, Lock
from aggregator.stores.lasting import Lasting
from aggregator.stores.level.contract import NO_LEASE, Lease, Looked
from aggregator.stores.level.memory import Levels
from aggregator.stores.limiter import Limiter
from aggregator.stores.rate import Rate, Taken
from aggregator.stores.shared.announced import Announced, Announcements
from aggregator.stores.shared.asks import Ask
from aggregator.stores.shared.tallies import Tallies
from aggregator.stores.values import Values

_MOST_RATES = 1000
"""Rates come from files, so they are few; after many reloads those of before are forgotten beyond this number."""


class MemoryStore:
    """A ``Store`` in this process. *clock* gives seconds, *wall* those since 1970.

    There are at most *most_keys* counters, as many locks, values, and buckets of one rate.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, wall: Callable[[], float] = time.time, *,
        most_keys: int = 100_000, most_bytes: int = 64 * 2**20,
    ) -> None:  # fmt: skip
        self._clock = clock
        self._most_keys = most_keys
        self._counters: Lasting[int] = Lasting(clock, most_keys, "counters")
        self._locks: Lasting[int] = Lasting(clock, most_keys, "locks")
        self._values = Values(clock, most_keys, most_bytes)
        self._levels = Levels(clock, most_keys, most_bytes)
        self._buckets: dict[Rate, Limiter] = {}
        self.tallies = Tallies(clock, wall, most_keys)
        """What is used of limits."""
        self._processes: dict[bytes, float] = {}
        self._token = 0
        self._announcements = Announcements(wall)
        self._heard: defaultdict[bytes, dict[object, Heard]] = defaultdict(dict)

    async def add(self, key: bytes, amount: int, lifetime: float) -> int:
        """Add *amount* to a counter and return its sum; it ends *lifetime* after it began, whatever is added."""
        known = self._counters.get(key)
        if known is None:
            self._counters.put(key, amount, lifetime)
            return amount
        self._counters.change(key, known + amount)
        return known + amount

    async def take(self, key: bytes, rate: Rate, cost: int = 1) -> Taken:
        """Take *cost* from the bucket *key*, all of it or nothing."""
        limiter = self._buckets.pop(rate, None)
        if limiter is None:
            limiter = Limiter(rate, self._clock, self._most_keys)
            if len(self._buckets) >= _MOST_RATES:
                del self._buckets[next(iter(self._buckets))]
        self._buckets[rate] = limiter  # at the end: the first one is the longest unused
        return limiter.take(key, cost)

    async def take_all(self, asks: Sequence[Ask]) -> Sequence[Taken]:
        """Take what *asks* ask for, all that is binding or nothing; return what each came to."""
        return self.tallies.take_all(asks)

    async def forget(self, ask: Ask) -> None:
        """Reset the count that *ask* is taken from."""
        self.tallies.forget(ask)

    async def give_back(self, ask: Ask) -> None:
        """Put back what *ask* has taken; a count is never more than full."""
        self.tallies.give_back(ask)

    async def seen(self, process: bytes, lifetime: float) -> int:
        """Record that *process* lives, for *lifetime* seconds; return the number of living processes."""
        now = self._clock()
        self._processes[process] = now + lifetime
        self._processes = {name: ends for name, ends in self._processes.items() if ends > now}
        return len(self._processes)

    async def get(self, key: bytes) -> bytes | None:
        """Return the value of *key*, None when there is none or its lifetime is over."""
        return self._values.get(key)

    async def put(self, key: bytes, value: bytes, lifetime: float, tags: Collection[bytes] = ()) -> None:
        """Keep *value* for *lifetime*; one that is larger than all values together may be is not kept."""
        self._values.put(key, value, lifetime, frozenset(tags))

    async def delete(self, key: bytes) -> None:
        """Forget the value of *key*."""
        self._values.delete(key)

    async def delete_tagged(self, tag: bytes) -> int:
        """Forget all values with *tag* and return how many there were."""
        return self._values.delete_tagged(tag)

    async def lock(self, key: bytes, lifetime: float) -> Lock | None:
        """Take the lock *key* for *lifetime* seconds; return None while another process holds it."""
        if self._locks.get(key) is not None:
            return None
        self._locks.put(key, self._token + 1, lifetime)
        self._token += 1
        return Lock(key, self._token)

    async def renew(self, lock: Lock, lifetime: float) -> bool:
        """Hold *lock* for *lifetime* from now; return whether it was held still."""
        if self._locks.get(lock.key) != lock.token:
            return False
        self._locks.put(lock.key, lock.token, lifetime)
        return True

    async def unlock(self, lock: Lock) -> bool:
        """Return *lock* back; return whether it was held still."""
        if self._locks.get(lock.key) != lock.token:
            return False
        self._locks.delete(lock.key)
        return True

    async def publish(self, channel: bytes, message: bytes) -> None:
        """Send *message* to all that listen to *channel* now."""
        for heard in tuple(self._heard.get(channel, {}).values()):
            heard(message)

    async def listen(self, channel: bytes, heard: Heard) -> Callable[[], None]:
        """Call *heard* with each message of *channel*; return the function that ends the subscription."""
        mark = object()
        self._heard[channel][mark] = heard

        def end() -> None:
            listening = self._heard.get(channel, {})
            listening.pop(mark, None)
            if not listening:
                self._heard.pop(channel, None)

        return end

    async def announce(self, channel: bytes, message: bytes) -> None:
        """Number *message* as the next of *channel*, keep it, and publish it."""
        await self.publish(channel, self._announcements.add(channel, message).packed())

    async def announced(self, channel: bytes, number: int) -> Announced:
        """Return what was announced behind *number*."""
        return self._announcements.since(channel, number)

    async def look(self, space: bytes, key: bytes, lease: Lease = NO_LEASE) -> Looked:
        """Return what there is of *key* in *space*, and who holds its lease when *lease* is asked for."""
        return self._levels.look(space, key, lease)

    async def keep(
        self, space: bytes, key: bytes, value: bytes, tags: Sequence[bytes], lifetime: float, number: int,
        token: bytes = b"",
    ) -> bool:  # fmt: skip
        """Keep *value* for *lifetime*, unless one of *tags* was purged behind *number*; return whether it is kept."""
        return self._levels.keep(space, key, value, tags, lifetime, number, token)

    async def end_lease(self, space: bytes, key: bytes, token: bytes, pause: float) -> None:
        """End the lease of *token*; for *pause* seconds no other one of *key* is granted."""
        self._levels.end_lease(space, key, token, pause)

    async def purge(self, space: bytes, tags: Collection[bytes]) -> None:
        """Forget what has one of *tags* in *space*, everything there when there are none."""
        self._levels.purge(space, tags)

    async def aclose(self) -> None:
        """End the subscriptions."""
        self._heard.clear()
