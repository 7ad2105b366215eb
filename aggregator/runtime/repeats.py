"""Counts what would be told too often, so that failing by the thousand costs no more than succeeding."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

MOST = 10
"""Times a second that one thing is told."""
SECOND = 1.0

_Key = TypeVar("_Key", bound=Hashable)


class Repeats(Generic[_Key]):
    """A rate limit of log lines: ten a second for each key; *tell* gets the number of the others at its end."""

    __slots__ = ("_counts", "_tell")

    def __init__(self, tell: Callable[[_Key, int], None]) -> None:
        self._counts: dict[_Key, int] = {}
        self._tell = tell

    def lets(self, key: _Key) -> bool:
        """Return whether *key* is to be told now; a second of a key begins with its first time after the last one."""
        count = self._counts.get(key, 0) + 1
        self._counts[key] = count
        if count == 1:
            asyncio.get_running_loop().call_later(SECOND, self._end, key)
        return count <= MOST

    def _end(self, key: _Key) -> None:
        more = self._counts.pop(key) - MOST
        if more > 0:
            self._tell(key, more)
