"""The number of a space's last purge, known without waiting for it.

Who looks for a value gets the number with it. Who only writes has looked for nothing, and takes the number that was
there a while ago: a purge since then is held against the value, whether it began before or behind that.

States: unknown, asking, known. What is older than a second is asked for when somebody uses it.
"""

from __future__ import annotations

import asyncio
from typing import Final

from aggregator.errors import StoreError
from aggregator.stores.shared.level import Level

_FRESH: Final = 1.0
"""Seconds for which a number is not asked for again."""
_NO_KEY: Final = b""


class LatestNumber:
    """The number of the last purge of *space* in *level*."""

    def __init__(self, level: Level, space: bytes) -> None:
        self._level = level
        self._space = space
        self._number: int | None = None
        self._due = 0.0
        self._task: asyncio.Task[None] | None = None

    def known(self) -> int | None:
        """Return the number as of a while ago; None while it is not known, or the store is away."""
        if not self._level.is_there:
            return None
        loop = asyncio.get_running_loop()
        if self._task is None and loop.time() >= self._due:
            self._due = loop.time() + _FRESH
            self._task = loop.create_task(self._ask())
        return self._number

    async def _ask(self) -> None:
        try:
            self._number = (await self._level.look(self._space, _NO_KEY)).number
        except StoreError:
            self._number = None
        finally:
            self._task = None
