"""What is handed to the store: what answers of one turn of the loop wait for, at its end; and what none waits for:

empty ── accept ──▶ collecting ── the turn of the loop ends ──▶ written, while the next are collected ──▶ empty
▲──────────────── more was collected meanwhile ────────────────┘
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

from aggregator.stores.effects.contract import Bounds, DoubtError, EffectStore, Stored
from aggregator.stores.effects.records import EffectRecord

MOST_PENDING: Final = 64 * 1024 * 1024
"""Bytes that may wait to be written; beyond it nothing is taken."""
Group = tuple[list[EffectRecord], Callable[[], object]]
"""Records that are kept together, and what is called where they are not."""
Awaited = tuple[list[EffectRecord], asyncio.Future[bool]]
"""Records that are kept together, and who waits to hear of it."""


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
        self._awaited: list[Awaited] = []
        self._awaited_size = 0
        self.pending = 0
        """Bytes that wait to be written."""
        self.under_way: set[asyncio.Future[Any]] = set()

    def put(self, records: list[EffectRecord]) -> asyncio.Future[bool]:
        """Return whether *records* are kept, once they are; ``StoreError`` when that fails. Never waits."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[bool] = loop.create_future()
        size = _size(records)
        if self.pending + size > MOST_PENDING:
            future.set_result(False)
            return future
        self.pending += size
        self._awaited_size += size
        if not self._awaited:
            loop.call_soon(self._store_awaited)
        self._awaited.append((records, future))
        return future

    def _store_awaited(self) -> None:
        awaited, self._awaited = self._awaited, []
        size, self._awaited_size = self._awaited_size, 0
        future = self._store.put_all([records for records, _ in awaited], self._bounds())
        future.add_done_callback(partial(self._stored, awaited, size))

    def _stored(self, awaited: list[Awaited], size: int, stored: asyncio.Future[list[Stored]]) -> None:
        self._less(size)
        for (records, future), found in zip(awaited, _each(stored, len(awaited)), strict=True):
            if isinstance(found, DoubtError):
                self._hold(records, found)
            if future.done():  # who has asked is gone
                continue
            if isinstance(found, bool):
                future.set_result(found)
            elif isinstance(found, asyncio.CancelledError):
                future.cancel()
            else:
                future.set_exception(found)

    def _hold(self, records: list[EffectRecord], doubt: DoubtError) -> None:
        """Count the bytes of *records*, of which nobody knows whether they are kept, until that is settled."""
        size = _size(records)
        self.pending += size
        doubt.settled.add_done_callback(lambda _: self._less(size))

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

    def _ended(self, groups: list[Group], size: int, future: asyncio.Future[list[Stored]]) -> None:
        self.under_way.discard(future)
        self._less(size)
        for (records, unkept), found in zip(groups, _each(future, len(groups)), strict=True):
            if isinstance(found, DoubtError):
                self._hold(records, found)
                unless_kept(found, unkept)
            elif found is not True:  # the store has told why
                unkept()
        self.hand_over()
        self._written()

    def _less(self, size: int) -> None:
        self.pending -= size


def _size(records: list[EffectRecord]) -> int:
    return records[0].size if len(records) == 1 else sum(record.size for record in records)


def _each(stored: asyncio.Future[list[Stored]], number: int) -> Sequence[bool | BaseException]:
    """Return what *stored* has come to for each of a *number* of groups."""
    if stored.cancelled():
        return [asyncio.CancelledError()] * number
    error = stored.exception()
    return stored.result() if error is None else [error] * number


def unless_kept(doubt: DoubtError, unkept: Callable[[], object]) -> None:
    """Call *unkept* as soon as it is known that the effects in *doubt* are not kept."""

    def settled(future: asyncio.Future[bool]) -> None:
        if not future.cancelled() and not future.result():
            unkept()

    doubt.settled.add_done_callback(settled)
