"""The contract of a store: what policies may keep outside of a request, wherever it is kept.

Keys are bytes that the caller makes, with a prefix of its own; two things never share a key. Times are seconds. What
a store answers when it is full or cannot be reached is ``StoreError``: the policy that asked says what that means.
Every implementation passes ``tests/stores/test_store_contract.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple, Protocol

from aggregator.stores.level.contract import NO_LEASE, Lease, Looked
from aggregator.stores.rate import Rate, Taken
from aggregator.stores.shared.announced import Announced
from aggregator.stores.shared.asks import Ask

Heard = Callable[[bytes], None]
"""Takes a message of a channel, in the event loop; it does not raise."""


class Lock(NamedTuple):
    """A lock that is held. *token* grows with every lock of its key, so that a late holder can be told (fencing)."""

    key: bytes
    token: int


class Store(Protocol):
    """Counters, buckets, values, locks and channels. Every method may raise ``StoreError``."""

    async def add(self, key: bytes, amount: int, lifetime: float) -> int:
        """Add *amount* to a counter and return its sum; it ends *lifetime* after it began, whatever is added."""

    async def take(self, key: bytes, rate: Rate, cost: int = 1) -> Taken:
        """Take *cost* from the bucket *key*, all of it or nothing."""

    async def take_all(self, asks: Sequence[Ask]) -> Sequence[Taken]:
        """Take what *asks* ask for in one go: all that is binding, or nothing; return what each came to.

        A count goes on when its limit changes.
        """

    async def forget(self, ask: Ask) -> None:
        """Reset the count that *ask* is taken from."""

    async def give_back(self, ask: Ask) -> None:
        """Put back what *ask* has taken; a count is never more than full."""

    async def seen(self, process: bytes, lifetime: float) -> int:
        """Record that *process* lives, for *lifetime* seconds; return the number of living processes."""

    async def get(self, key: bytes) -> bytes | None:
        """Return the value of *key*, None when there is none or its lifetime is over."""

    async def put(self, key: bytes, value: bytes, lifetime: float, tags: Collection[bytes] = ()) -> None:
        """Keep *value* for *lifetime*. A store may forget values before, those that were not read for long first."""

    async def delete(self, key: bytes) -> None:
        """Forget the value of *key*."""

    async def delete_tagged(self, tag: bytes) -> int:
        """Forget all values with *tag* and return how many there were."""

    async def lock(self, key: bytes, lifetime: float) -> Lock | None:
        """Take the lock *key* for *lifetime* seconds; return None while another process holds it."""

    async def renew(self, lock: Lock, lifetime: float) -> bool:
        """Hold *lock* for *lifetime* from now; return whether it was held still."""

    async def unlock(self, lock: Lock) -> bool:
        """Return *lock* back; return whether it was held still."""

    async def publish(self, channel: bytes, message: bytes) -> None:
        """Send *message* to all that listen to *channel* now."""

    async def listen(self, channel: bytes, heard: Heard) -> Callable[[], None]:
        """Call *heard* with each message of *channel*; return the function that ends the subscription."""

    async def announce(self, channel: bytes, message: bytes) -> None:
        """Number *message* as the next of *channel*, keep it, and publish it (``Numbered``)."""

    async def announced(self, channel: bytes, number: int) -> Announced:
        """Return what was announced behind *number*."""

    async def look(self, space: bytes, key: bytes, lease: Lease = NO_LEASE) -> Looked:
        """Return what there is of *key* in the *space* of the level of a cache (``level/contract.py``).

        With a *lease* it is told who holds that of the key, which may be who asks from now on.
        """

    async def keep(
        self, space: bytes, key: bytes, value: bytes, tags: Sequence[bytes], lifetime: float, number: int,
        token: bytes = b"",
    ) -> bool:  # fmt: skip
        """Keep *value* for *lifetime*, unless one of *tags* was purged behind *number*; return whether it is kept.

        A *lifetime* of 0 forgets what there is of *key*. *tags* are digests of 16 bytes. The lease of *token* ends.
        """

    async def end_lease(self, space: bytes, key: bytes, token: bytes, pause: float) -> None:
        """End the lease of *token*, if it is still held; for *pause* seconds no other one of *key* is granted."""

    async def purge(self, space: bytes, tags: Collection[bytes]) -> None:
        """Forget what has one of *tags* in *space*, everything there when there are none."""

    async def aclose(self) -> None:
        """Close connections and subscriptions."""
