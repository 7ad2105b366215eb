"""The second level of a cache: what this process has not kept, another one may have put into the store.

It is asked when the first level has nothing fresh, once for all who ask for one key at a time. What it has goes into
the first level as old as it is, so that both are used in one way; what is fetched instead goes into both. What cannot
be read (garbage, another version) is as good as nothing. Of processes that lack the same one fetches it (``leases``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from functools import partial
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from aggregator.errors import AggregatorError
from aggregator.policies.cache.kept import Kept
from aggregator.policies.cache.keys import key_of
from aggregator.policies.cache.shared.leases import ALONE, PAUSE, Begun, Held, Wish
from aggregator.policies.cache.shared.looking import GoOn, Look, Lookup
from aggregator.policies.cache.shared.numbers import LatestNumber
from aggregator.policies.registry import Draft, Kind
from aggregator.stores.level.contract import Lease, Looked, tag_digest
from aggregator.stores.shared.connected import ConnectedStore
from aggregator.transport.door import Cancelable

_T = TypeVar("_T")
LEVELS = "levels"
"""The kind of states: second levels, by their space."""


class Read(NamedTuple, Generic[_T]):
    """A value read from the store: its *size* in bytes, its *tags*, and its *age* in seconds when it was written."""

    value: _T
    size: int
    tags: frozenset[str]
    age: float


class Codec(Protocol[_T]):
    """The format of values in the store."""

    def write(self, value: _T, tags: Collection[str], age: float) -> bytes:
        """Return the bytes of *value*."""

    def read(self, written: bytes) -> Read[_T] | None:
        """Return what was *written*, None for what nobody of this version wrote."""


class SharedLevel(Generic[_T]):
    """The second level of *kept* in the *space* of *store*."""

    def __init__(self, kept: Kept[_T], store: ConnectedStore, space: bytes, codec: Codec[_T]) -> None:
        self.kept = kept
        self.level = store.level
        self.space = space
        self.latest = LatestNumber(store.level, space)
        self._codec = codec
        self.patient = 0
        self._looks: dict[bytes, Look] = {}
        self._held: dict[bytes, Held] = {}
        """The leases of this process by their keys: what it fetches is joined without asking the store."""
        self._tasks: set[asyncio.Task[None]] = set()

    def look(
        self, key: bytes, named: Collection[str], go_on: GoOn, wish: Wish | None = None
    ) -> Cancelable | None:  # fmt: skip
        """Copy the value of *key* from the store into the first level, then *go_on*; at once when the store is away.

        *named* are the tags that a declaration gives it: what others have fetched by other tags is not found. With a
        *wish*, what another process fetches is waited for.
        """
        if not self.level.is_there:
            return go_on(ALONE)
        there = _key_there(key, named)
        held = self._held.get(there)
        if held is not None:
            begun = Begun(held.number, held)
            lookup = Lookup(go_on, begun)
            lookup.found(begun)
            return lookup
        look = self._looks.get(there)
        if look is None:
            look = self._looks[there] = Look(self, there, key, wish)
            self._start(there, look)
        return look.join(go_on, wish)

    def _start(self, there: bytes, look: Look) -> None:
        def ended(task: asyncio.Task[None]) -> None:
            self._tasks.discard(task)
            del self._looks[there]
            look.end()

        task = asyncio.get_running_loop().create_task(look.run())
        self._tasks.add(task)
        task.add_done_callback(ended)

    async def ask(self, there: bytes, key: bytes, lease: Lease) -> Looked:
        """Copy the value of *key* from the store into the first level, and return it. Raises ``StoreError``."""
        began = self.kept.begin()
        looked = await self.level.look(self.space, there, lease)
        self._take(key, looked, began)
        return looked

    def hold(self, there: bytes, token: bytes, number: int) -> Held:
        """Return the lease of *token*, which this process has from now on."""
        held = self._held[there] = Held(token, number, partial(self._let_go, there, token))
        return held

    def _let_go(self, there: bytes, token: bytes, pause: float | None) -> None:
        del self._held[there]
        if pause is not None:
            self.level.end_lease(self.space, there, token, pause)

    def _take(self, key: bytes, looked: Looked, began: int) -> None:
        read = None if looked.value is None else self._codec.read(looked.value)
        if read is None:
            return
        age, known = read.age + looked.age, self.kept.peek(key)
        if known is None or known.at < self.kept.now() - age:
            self.kept.put(key, read.value, read.size, read.tags, began, age=age)

    def keep(
        self, key: bytes, named: Collection[str], value: _T, tags: Collection[str], age: float, life: float,
        begun: Begun,
    ) -> None:  # fmt: skip
        """Write *value*, *age* seconds old, into the store soon, for the rest of its *life* in seconds.

        Where it is not known after which purge it has *begun* the store does not get it. A life that is over forgets
        what the store has.
        """
        if begun.number is None:
            return
        there, held = _key_there(key, named), begun.held
        token = b"" if held is None or self._held.get(there) is not held else held.hand_over()
        work = (there, value, tags, age, life, begun.number, token)
        asyncio.get_running_loop().call_soon(self._write, *work)  # behind the answer

    def _write(
        self, key: bytes, value: _T, tags: Collection[str], age: float, life: float, number: int, token: bytes
    ) -> None:  # fmt: skip
        is_worth_it = life > age
        written = self._codec.write(value, tags, age) if is_worth_it else b""
        if not is_worth_it:
            self.level.end_lease(self.space, key, token, PAUSE)
        if not self.level.keep(self.space, key, written, [*map(tag_digest, tags)], life - age, number, token):
            self.level.end_lease(self.space, key, token, PAUSE)


def look_there(
    level: SharedLevel[Any] | None, key: bytes, tags_of: Callable[[], Collection[str]], go_on: GoOn, wish: Wish
) -> Cancelable | None:
    """Take what other processes have fetched under *key*, or are fetching, if there is a *level*, then *go_on*.

    What cannot be purged by its tags, since one of them cannot be made, is not kept there.
    """
    if level is None:
        return go_on(ALONE)
    try:
        named = tags_of()
    except AggregatorError:
        return go_on(ALONE)
    return level.look(key, named, go_on, wish)


def _key_there(key: bytes, named: Collection[str]) -> bytes:
    """Return the key in the store of what has the tags *named*: each set has a value apart, which a purge finds."""
    return key_of((key, *sorted({tag.encode("utf-8", "surrogateescape") for tag in named}))) if named else key


def level_of(
    states: Draft, kept: Kept[_T], store: ConnectedStore | None, space: str, codec: Codec[_T]
) -> SharedLevel[_T] | None:  # fmt: skip
    """Return the second level of *kept* that all who ask in a build have; None where no *store* is shared."""
    if store is None:
        return None
    kind: Kind[tuple[Kept[_T], ConnectedStore], SharedLevel[_T]] = Kind(
        LEVELS, lambda of: SharedLevel(*of, space.encode(), codec)
    )
    return states.hold(kind, space, (kept, store))
