"""The second level of a cache: what this process has not kept, another one may have put into the store.

It is asked when the first level has nothing fresh, once for all who ask for one key at a time. What it has goes into
the first level as old as it is, so that both are used in one way; what is fetched instead goes into both. What cannot
be read (garbage, another version) is as good as nothing.

States of a `Lookup`: looking, gone on (its ticket is that of what came of it), over.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from aggregator.errors import AggregatorError, StoreError
from aggregator.policies.cache.kept import Kept
from aggregator.policies.cache.keys import key_of
from aggregator.policies.cache.shared.numbers import LatestNumber
from aggregator.policies.registry import Draft, Kind
from aggregator.stores.level.contract import Looked, tag_digest
from aggregator.stores.shared.connected import ConnectedStore
from aggregator.transport.door import Cancelable

_T = TypeVar("_T")
LEVELS = "levels"
"""The kind of states: second levels, by their space."""
GoOn = Callable[[int | None], Cancelable | None]
"""Takes the number of the last purge of the store, None where that is not known; returns what cancels what follows."""


class Read(NamedTuple, Generic[_T]):
    """What was read: a *value* of *size* bytes with its *tags*, *age* seconds old when it was written."""

    value: _T
    size: int
    tags: frozenset[str]
    age: float


class Codec(Protocol[_T]):
    """How values are written."""

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
        self._asked: dict[bytes, list[Lookup]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def look(self, key: bytes, named: Collection[str], go_on: GoOn) -> Cancelable | None:
        """Put what the store has of *key* into the first level, then *go_on*: at once when the store is away.

        *named* are the tags that a declaration gives it: what others have fetched by other tags is not found.
        """
        if not self.level.is_there:
            return go_on(None)
        lookup = Lookup(go_on)
        there = _key_there(key, named)
        asked = self._asked.get(there)
        if asked is not None:
            asked.append(lookup)
            return lookup
        self._asked[there] = [lookup]
        task = asyncio.get_running_loop().create_task(self._look(there, key, self.kept.begin()))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return lookup

    async def _look(self, there: bytes, key: bytes, began: int) -> None:
        number = None
        try:
            looked = await self.level.look(self.space, there)
            number = looked.number
            self._take(key, looked, began)
        except StoreError:
            pass
        finally:
            loop = asyncio.get_running_loop()
            for lookup in self._asked.pop(there):
                loop.call_soon(lookup.found, number)

    def _take(self, key: bytes, looked: Looked, began: int) -> None:
        read = None if looked.value is None else self._codec.read(looked.value)
        if read is None:
            return
        age, known = read.age + looked.age, self.kept.peek(key)
        if known is None or known.at < self.kept.now() - age:
            self.kept.put(key, read.value, read.size, read.tags, began, age=age)

    def keep(
        self, key: bytes, named: Collection[str], value: _T, tags: Collection[str], age: float, life: float,
        number: int | None,
    ) -> None:  # fmt: skip
        """Put *value*, *age* seconds old, into the store soon, for the rest of its *life*.

        *number* is that of the last purge before it began; where that is not known the store does not get it. A life
        that is over forgets what the store has.
        """
        if number is not None:  # behind the answer
            asyncio.get_running_loop().call_soon(self._write, _key_there(key, named), value, tags, age, life, number)

    def _write(self, key: bytes, value: _T, tags: Collection[str], age: float, life: float, number: int) -> None:
        written = self._codec.write(value, tags, age) if life > age else b""
        self.level.keep(self.space, key, written, [*map(tag_digest, tags)], life - age, number)


def look_there(
    level: SharedLevel[Any] | None, key: bytes, tags_of: Callable[[], Collection[str]], go_on: GoOn
) -> Cancelable | None:
    """Have what other processes have fetched under *key*, where a *level* is shared, then *go_on*.

    What cannot be purged by its tags, since one of them cannot be made, is not kept there.
    """
    if level is None:
        return go_on(None)
    try:
        named = tags_of()
    except AggregatorError:
        return go_on(None)
    return level.look(key, named, go_on)


def _key_there(key: bytes, named: Collection[str]) -> bytes:
    """Return the key in the store of what has the tags *named*: each set has a value apart, which a purge finds."""
    return key_of((key, *sorted({tag.encode("utf-8", "surrogateescape") for tag in named}))) if named else key


class Lookup:
    """One who waits for what the store has."""

    __slots__ = ("_go_on", "_is_over", "_ticket")

    def __init__(self, go_on: GoOn) -> None:
        self._go_on = go_on
        self._is_over = False
        self._ticket: Cancelable | None = None

    def found(self, number: int | None) -> None:
        """Go on, unless nobody waits any more."""
        if not self._is_over:
            self._ticket = self._go_on(number)

    def cancel(self) -> None:
        """Give it up, and what has come of it."""
        self._is_over = True
        if self._ticket is not None:
            self._ticket.cancel()


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
