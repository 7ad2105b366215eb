"""Eviction by S3-FIFO, in bytes (Yang, Zhang, Qiu, Yue, Rashmi: SOSP 2023).

New entries go into a *small* queue with a tenth of the room. Those that were asked for while they were in it move on to
the *main* queue, the others leave, and only their keys are remembered (*ghosts*): who comes back while its key is
remembered goes into the main queue at once. There an entry goes round as often as it was asked for, up to three times.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

_T = TypeVar("_T")
_SMALL_SHARE = 10
_MOST_ASKED = 3


class _Node(Generic[_T]):
    __slots__ = ("asked", "entry", "is_main", "size")

    def __init__(self, entry: _T, size: int, *, is_main: bool) -> None:
        self.entry = entry
        self.size = size
        self.is_main = is_main
        self.asked = 0


class S3Fifo(Generic[_T]):
    """Entries by key, of together at most *most* bytes; *forgotten* hears of each that leaves or is replaced."""

    def __init__(self, most: int, forgotten: Callable[[bytes, _T], None]) -> None:
        self.most = most
        self.size = 0
        self._forgotten = forgotten
        self._nodes: dict[bytes, _Node[_T]] = {}
        self._small: OrderedDict[bytes, None] = OrderedDict()
        self._main: OrderedDict[bytes, None] = OrderedDict()
        self._ghosts: OrderedDict[bytes, None] = OrderedDict()
        self._small_size = 0

    def __len__(self) -> int:
        return len(self._nodes)

    def __iter__(self) -> Iterator[bytes]:
        return iter(tuple(self._nodes))

    def get(self, key: bytes) -> _T | None:
        """Return the entry of *key*, None when there is none."""
        node = self._nodes.get(key)
        if node is None:
            return None
        if node.asked < _MOST_ASKED:
            node.asked += 1
        return node.entry

    def peek(self, key: bytes) -> _T | None:
        """Return the entry of *key* as if nobody had asked for it."""
        node = self._nodes.get(key)
        return None if node is None else node.entry

    def put(self, key: bytes, entry: _T, size: int) -> bool:
        """Keep *entry* of *size* bytes; return whether it is kept: one larger than the whole cache is not."""
        known = self._nodes.get(key)
        asked = 0 if known is None else known.asked
        is_main = key in self._ghosts if known is None else known.is_main
        self.delete(key)
        if size > self.most:
            return False
        node = _Node(entry, size, is_main=is_main)
        node.asked = asked
        self._nodes[key] = node
        self._ghosts.pop(key, None)
        self._enter(key, node)
        self.size += size
        self.shrink()
        return key in self._nodes

    def grow(self, key: bytes, entry: _T, size: int) -> bool:
        """Count *size* more bytes for *entry*; return whether the entry is still kept and they fit."""
        node = self._nodes.get(key)
        if node is None or node.entry is not entry or node.size + size > self.most:
            return False
        node.size += size
        self.size += size
        if not node.is_main:
            self._small_size += size
        self.shrink()
        return self._nodes.get(key) is node

    def delete(self, key: bytes) -> bool:
        """Remove the entry of *key*; return whether there was one."""
        node = self._nodes.pop(key, None)
        if node is None:
            return False
        self._leave(key, node)
        self.size -= node.size
        self._forgotten(key, node.entry)
        return True

    def shrink(self) -> None:
        """Evict entries until the others fit."""
        while self.size > self.most:
            if self._small and (self._small_size * _SMALL_SHARE >= self.most or not self._main):
                self._from_small(next(iter(self._small)))
            else:
                self._from_main(next(iter(self._main)))

    def _from_small(self, key: bytes) -> None:
        node = self._nodes[key]
        if node.asked:
            self._leave(key, node)
            node.asked, node.is_main = 0, True
            self._enter(key, node)
            return
        self.delete(key)
        self._ghosts[key] = None
        while len(self._ghosts) > len(self._nodes) + 1:
            self._ghosts.popitem(last=False)

    def _from_main(self, key: bytes) -> None:
        node = self._nodes[key]
        if node.asked:
            node.asked -= 1
            self._main.move_to_end(key)
        else:
            self.delete(key)

    def _enter(self, key: bytes, node: _Node[_T]) -> None:
        if node.is_main:
            self._main[key] = None
        else:
            self._small[key] = None
            self._small_size += node.size

    def _leave(self, key: bytes, node: _Node[_T]) -> None:
        if node.is_main:
            del self._main[key]
        else:
            del self._small[key]
            self._small_size -= node.size
