"""Refresh tokens that several processes use in turn, by files in the folder of `state` that another process holds.

state/
    refresh_tokens.json             the last token of each grant, as one process keeps it, too
    refresh_tokens.lock             locked while that file is changed
    refresh_tokens.01.lock          locked by who uses the token of a grant: from before it is read until the one that
                                    came in its place has been written. There are 256 at most: grants whose names begin
                                    alike wait for each other, and a grant that is used no more leaves no file behind
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from aggregator.errors import StartupError, StoreError
from aggregator.stores.folder import Files
from aggregator.stores.kept import Kept
from aggregator.stores.locked import locked

FILE = "refresh_tokens"
"""The file of the last tokens, without its ending."""
MOST = 256
"""Grants that are kept; the one whose token has been the same for longest is forgotten first."""

_DIGITS = 2
"""So much of the name of a grant, a hash in hexadecimal digits, names its lock."""


def put_last(known: dict[str, str], name: str, value: str) -> None:
    """Make *value* the last token of the grant *name* in *known*, of which ``MOST`` are kept."""
    known.pop(name, None)
    known[name] = value
    if len(known) > MOST:
        del known[next(iter(known))]


class SharedTokens:
    """The last refresh tokens of grants in *folder*."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, str] = {}
        self._kept = Kept(Files(folder), FILE, dict[str, str], lambda: self._known)

    @asynccontextmanager
    async def turn(self, name: str) -> AsyncIterator[str | None]:
        """Yield the last token of the grant *name*, None for none, in the turn of this process.

        Raise ``StoreError`` where that cannot be known: a token that is used twice ends its grant.
        """
        async with AsyncExitStack() as held:
            await self._lock(held, f"{FILE}.{name[:_DIGITS]}.lock")
            yield (await self._load()).get(name)

    async def put(self, name: str, value: str) -> None:
        """Save *value* for the grant *name*; it is on the disk when this returns. Raises ``StoreError``."""
        async with AsyncExitStack() as held:
            await self._lock(held, f"{FILE}.lock")
            self._known = await self._load()
            put_last(self._known, name, value)
            await self._kept.save()

    async def _lock(self, held: AsyncExitStack, name: str) -> None:
        try:
            await held.enter_async_context(locked(self._folder / name))
        except OSError as error:
            raise StoreError(f"The folder of `state` cannot be used: {error.strerror}.") from None

    async def _load(self) -> dict[str, str]:
        try:
            return await asyncio.to_thread(self._kept.load) or {}
        except StartupError as error:
            raise StoreError(str(error)) from None
