"""Replies or answers that are kept, by key, with their tags; what was purged while it was fetched is not put back.

Time is in seconds and goes on where it was when the clock jumps back: nothing is kept longer for that.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from sys import getsizeof
from typing import Any, Generic, TypeAlias, TypeVar

from msgspec import Struct

from aggregator.policies.cache.plan import FEW
from aggregator.policies.cache.s3fifo import S3Fifo
from aggregator.stores.level.log import PurgeLog
from aggregator.transport import Reply

_T = TypeVar("_T")
_OVERHEAD = 600
"""Bytes that an entry costs beside its body, headers and tags, about."""
_OF_A_TAG = 350
"""Bytes that a tag costs beside its text, about: its places in the entry and in the index, and the set of its keys."""
_OF_A_FEW = 100
"""Bytes that a tag costs which there is once for all entries."""
_OF_A_HEADER = 130
"""Bytes that a header costs beside its text: two byte strings and their pair."""
_MOST_ADDED = 1000
"""The most tags that those who share an entry may bring it to."""

_UNKNOWN = -1
"""Before every purge."""


class Entry(Struct, Generic[_T], eq=False):
    """Something that is kept since *at*; *tags* are the names by which it can be purged.

    It *began* to be fetched after so many purges. *terms* say how it may be used, where that is not the matter of
    whoever uses it.
    """

    value: _T
    at: float
    tags: frozenset[str] = frozenset()
    terms: Any = None
    began: int = 0


Get: TypeAlias = Callable[[bytes], Entry[_T] | None]


class Kept(Generic[_T]):
    """A cache of one kind of values, of at most *most* bytes together. ``hits``, ``misses`` and ``olds`` count uses,
    ``fetched_elsewhere`` those of what another process had fetched.

    ``get`` returns what is kept of a key, however old; ``peek`` does so as if nobody had asked for it.
    """

    def __init__(self, most: int, clock: Callable[[], float]) -> None:
        self.hits = self.misses = self.olds = self.fetched_elsewhere = 0
        self.refreshing: set[bytes] = set()
        self._clock = clock
        self._ahead, self._last = 0.0, clock()
        self._entries: S3Fifo[Entry[_T]] = S3Fifo(most, self._forgotten)
        self.get: Get[_T] = self._entries.get  # without a call between: each hit asks
        self.peek: Get[_T] = self._entries.peek
        self._tagged: defaultdict[str, set[bytes]] = defaultdict(set)
        self.purges = PurgeLog()

    @property
    def size(self) -> int:
        """The bytes of all entries."""
        return self._entries.size

    @property
    def tags(self) -> Collection[str]:
        """The tags of all entries."""
        return self._tagged.keys()

    def __len__(self) -> int:
        return len(self._entries)

    def resize(self, most: int) -> None:
        """Keep at most *most* bytes from now on."""
        self._entries.most = most
        self._entries.shrink()

    def now(self) -> float:
        """Return the time of what is kept."""
        now = self._clock() + self._ahead
        if now < self._last:
            self._ahead += self._last - now
            return self._last
        self._last = now
        return now

    def begin(self) -> int:
        """Return what ``put`` takes for something that is fetched from now on."""
        return self.purges.count

    def put(
        self, key: bytes, value: _T, size: int, tags: Iterable[str], began: int, terms: Any = None,
        age: float | None = None,
    ) -> bool:  # fmt: skip
        """Keep *value* of *size* bytes, unless it was purged since it *began* to be fetched; return whether it is kept.

        With an *age* in seconds it was fetched elsewhere, and since when is not known: it gets no tag of others who use
        it.
        """
        named = frozenset(tags)
        if self.purges.hit(named, began):
            return False
        entry = Entry(value, self.now() - (age or 0.0), named, terms, began if age is None else _UNKNOWN)
        self._entries.delete(key)
        is_kept = self._entries.put(key, entry, size + _OVERHEAD + _room_of(named))
        if is_kept:
            self._index(key, named)
        return is_kept

    def shared(self, key: bytes, entry: Entry[_T], tags: Collection[str]) -> Entry[_T] | None:
        """Return *entry* of *key*, which now has *tags*, too, those of someone who uses what others have fetched.

        None when it cannot be used: it was purged by one of them since it began to be fetched, before anybody knew that
        it has them, or there is no room for so many. It is forgotten then.
        """
        if entry.tags.issuperset(tags):
            return entry
        more = frozenset(tags) - entry.tags
        is_over = len(entry.tags) + len(more) > _MOST_ADDED or self.purges.hit(more, entry.began)
        if is_over or not self.grow(key, entry, _room_of(more)):
            self.forget(key)
            return None
        entry.tags |= more
        self._index(key, more)
        return entry

    def _index(self, key: bytes, tags: Iterable[str]) -> None:
        for tag in tags:
            self._tagged[tag].add(key)

    def grow(self, key: bytes, entry: Entry[_T], size: int) -> bool:
        """Count *size* more bytes for *entry*; return whether they may be kept with it."""
        return self._entries.grow(key, entry, size)

    def forget(self, key: bytes) -> bool:
        """Remove the entry of *key*; return whether there was one. This is no purge: a fetch under way goes on."""
        return self._entries.delete(key)

    def purge(self, tags: Iterable[str]) -> int:
        """Purge what has one of *tags*, fetches under way included; return the number of entries removed."""
        named = frozenset(tags)
        self.purges.add(named)
        return self._forget(named)

    def _forget(self, tags: Iterable[str]) -> int:
        keys = {key for tag in tags for key in self._tagged.get(tag, ())}
        return sum(self._entries.delete(key) for key in keys)

    def purge_prefix(self, prefix: str) -> int:
        """Purge what has a tag that begins with *prefix*, fetches included; return the number of entries removed."""
        self.purges.add_prefix(prefix)
        return self._forget([tag for tag in self._tagged if tag.startswith(prefix)])

    def purge_all(self) -> int:
        """Purge everything, fetches under way included; return the number of entries removed."""
        self.purges.add_all()
        return sum(self._entries.delete(key) for key in self._entries)

    def _forgotten(self, key: bytes, entry: Entry[Any]) -> None:
        for tag in entry.tags:
            keys = self._tagged[tag]
            keys.discard(key)
            if not keys:
                del self._tagged[tag]


def _room_of(tags: Collection[str]) -> int:
    """Return the bytes that *tags* take, with what finds the entry by them."""
    return sum(_OF_A_FEW if tag.startswith(FEW) else getsizeof(tag) + _OF_A_TAG for tag in tags)


def put_reply(
    kept: Kept[Reply], key: bytes, reply: Reply, tags: Iterable[str], began: int, terms: Any = None
) -> None:  # fmt: skip
    """Keep *reply* as ``Kept.put`` does, with its decoded body if there is room for both."""
    read = reply.read
    if read is not None:
        read.is_counted = True
        if kept.put(key, reply, room_of(reply) + len(read.json), tags, began, terms):
            return
        reply.read = None
    kept.put(key, reply, room_of(reply), tags, began, terms)


def count_read(kept: Kept[Reply], key: bytes, entry: Entry[Reply]) -> None:
    """Count the decoded body of *entry*, made since the entry was kept; drop it when there is no room for it."""
    read = entry.value.read
    if read is not None and not read.is_counted:
        read.is_counted = True
        if not kept.grow(key, entry, len(read.json)):
            entry.value.read = None


def room_of(reply: Reply) -> int:
    """Return the bytes that *reply* takes, beside what each entry takes: its body and its headers as objects."""
    return len(reply.body) + sum(len(name) + len(value) + _OF_A_HEADER for name, value in reply.headers)
