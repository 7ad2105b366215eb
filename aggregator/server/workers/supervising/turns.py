"""Workers are started side by side, but none while a reload is under way, and no reload while one is being started."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Turns:
    """States: free; starting (some workers are); reloading (one reload is, and everybody else waits)."""

    def __init__(self) -> None:
        self._changed = asyncio.Condition()
        self._starting = 0
        self._reloading = False

    @asynccontextmanager
    async def starting(self) -> AsyncIterator[None]:
        """Wait until no reload is running, and hold off reloads inside."""
        async with self._changed:
            await self._changed.wait_for(lambda: not self._reloading)
            self._starting += 1
        try:
            yield
        finally:
            self._starting -= 1
            await self._tell()

    @asynccontextmanager
    async def reloading(self) -> AsyncIterator[None]:
        """Wait for workers being started and for a running reload, and hold off both inside."""
        async with self._changed:
            await self._changed.wait_for(lambda: not self._reloading)
            self._reloading = True
            try:
                await self._changed.wait_for(lambda: self._starting == 0)
            except BaseException:
                self._reloading = False
                self._changed.notify_all()
                raise
        try:
            yield
        finally:
            self._reloading = False
            await self._tell()

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()
