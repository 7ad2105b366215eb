"""Claims of which nobody knows whether they are there: their reply was late, or that of their release.

    none ── add ──▶ in doubt ── released, by the next claim of the key or within a second of the store's return ──▶ none

Without this a request that was refused keeps its key from its own repeat until the claim is over.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from aggregator.errors import StoreError

_MOST: Final = 10_000
"""Keys in doubt; the claims of others end by themselves."""
_PAUSE: Final = 1.0
"""Seconds between two attempts to release what is in doubt."""


class Doubts:
    """Claims in doubt by key, which *release* gives back, or raises ``StoreError``."""

    def __init__(self, release: Callable[[bytes, int], Awaitable[object]]) -> None:
        self._release = release
        self._tokens: dict[bytes, set[int]] = {}
        self._task: asyncio.Task[None] | None = None

    def add(self, key: bytes, token: int) -> None:
        """Release the claim of *token*, should it exist, as soon as the store answers."""
        if key not in self._tokens and len(self._tokens) >= _MOST:
            return
        self._tokens.setdefault(key, set()).add(token)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._settle_all())

    async def settle(self, key: bytes) -> None:
        """Release the claims of *key* that are in doubt. Raises ``StoreError``."""
        tokens = self._tokens.get(key)
        if tokens is None:
            return
        for token in list(tokens):
            await self._release(key, token)
            tokens.discard(token)
        if not tokens:
            self._tokens.pop(key, None)

    async def _settle_all(self) -> None:
        while self._tokens:
            await asyncio.sleep(_PAUSE)
            with suppress(StoreError):
                for key in list(self._tokens):
                    await self.settle(key)

    async def aclose(self) -> None:
        """Try no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._tokens.clear()
