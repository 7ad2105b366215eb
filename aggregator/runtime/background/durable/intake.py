"""What is handed to the store: at once where an answer waits for it, else together.

empty ── accept ──▶ collecting ── the turn of the loop ends ──▶ written, while the next are collected ──▶ empty
▲──────────────── more was collected meanwhile ────────────────┘
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from aggregator.stores.effects.contract import Bounds, EffectStore
from aggregator.stores.effects.records import EffectRecord

MOST_PENDING: Final = 64 * 1024 * 1024
"""Bytes that may wait to be written; beyond it nothing is taken."""
Group = tuple[list[EffectRecord], Callable[[], object]]
"""Records that are kept together, and what is called where they are not."""


class Intake:
    """The way into *store*, within the *bounds* of the moment; *written* is called when a turn was written."""

    def __init__(
        self, store: EffectStore, bounds: Callable[[], Bounds], written: Callable[[], object]
    ) -> None:  # fmt: skip
        self._store = store
        self._bounds = bounds
        self._written = written
        self._groups: list[Group] = []
        self._collected = 0
        self.pending = 0
        """Bytes that wait to be written."""
        self.under_way: set[asyncio.Future[Any]] = set()

    def put(self, records: list[EffectRecord]) -> asyncio.Future[bool]:
        """Return whether *records* are kept, once they are; ``StoreError`` when that fails. Never waits."""
        size = _size(records)
        if self.pending + size > MOST_PENDING:
            refused: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
            refused.set_result(False)
            return refused
        self.pending += size
        future = self._store.put(records, self._bounds())
        future.add_done_callback(lambda _: self._less(size))
        return future

    def accept(self, records: list[EffectRecord], unkept: Callable[[], object]) -> None:
        """Keep *records* just after this, all or none; *unkept* is called where they are not. Never waits."""
        size = _size(records)
        if self.pending + size > MOST_PENDING:
            unkept()
            return
        self.pending += size
        self._collected += size
        if not self._groups and not self.under_way:
            asyncio.get_running_loop().call_soon(self.hand_over)
        self._groups.append((records, unkept))

    def hand_over(self) -> None:
        """Hand over what was accepted, now."""
        groups, self._groups = self._groups, []
        size, self._collected = self._collected, 0
        if groups:
            future = self._store.put_all([records for records, _ in groups], self._bounds())
            self.under_way.add(future)
            future.add_done_callback(partial(self._ended, groups, size))

    async def drain(self) -> None:
        """Wait until all that was accepted is written, or could not be."""
        self.hand_over()
        while self.under_way:
            await asyncio.wait(self.under_way)

    def _ended(self, groups: list[Group], size: int, future: asyncio.Future[list[bool]]) -> None:
        self.under_way.discard(future)
        self._less(size)
        failed = future.cancelled() or future.exception() is not None  # the store has told why
        for (_, unkept), is_kept in zip(groups, [False] * len(groups) if failed else future.result(), strict=True):
            if not is_kept:
                unkept()
        self.hand_over()
        self._written()

    def _less(self, size: int) -> None:
        self.pending -= size


def _size(records: list[EffectRecord]) -> int:
    return records[0].size if len(records) == 1 else sum(record.size for record in records)
