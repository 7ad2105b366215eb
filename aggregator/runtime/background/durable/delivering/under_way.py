"""Which deliveries are under way, and how many more may begin: one upstream takes at most half of the places."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from typing import Final, Protocol

from aggregator.runtime.background.durable.delivering.pacing import Paces
from aggregator.stores.effects.records import EffectRecord
from aggregator.transport.door import Cancelable

LONGEST: Final = 120.0
"""Seconds for which an upstream is held at most: clocks may jump."""


class Holding(Protocol):
    """What keeps calls away from an upstream."""

    @property
    def keeps_away(self) -> bool:
        """Whether it does so now."""


class UnderWay:
    """The deliveries that have begun and have not ended."""

    def __init__(self) -> None:
        self._running: dict[str, tuple[EffectRecord, Cancelable | None]] = {}
        self._busy: Counter[str] = Counter()
        self._begun: Counter[str] = Counter()
        """The number of the last delivery to each upstream that has begun."""
        self._number = 0
        self._held: dict[str, tuple[float, Holding]] = {}
        """Until when (Unix time) nothing is delivered to an upstream, unless it is let go before."""
        self.paces = Paces()
        self._idle = asyncio.Event()

    def __contains__(self, record: EffectRecord) -> bool:
        return record.id in self._running

    def room(self, upstreams: Iterable[str], workers: int, now: float) -> tuple[dict[str, int], int]:
        """Return how many of *workers* may deliver to each of *upstreams*, to which something waits, and in all.

        None of those whose breaker is open is one of them: a million that wait would be looked at in turn. One that
        fails has the places of its pace.
        """
        upstreams = [name for name in upstreams if not self._is_held(name, now)]
        free = workers - len(self._running)
        most = max(1, workers // 2)
        # Who has waited longest is served first.
        order = sorted(upstreams, key=lambda name: (self._busy[name], self._begun[name]))
        room = {name: self.paces.places(name, most, now) - self._busy[name] for name in order}
        return ({name: places for name, places in room.items() if places > 0} if free > 0 else {}), free

    def begin(self, record: EffectRecord) -> None:
        """Take note that the delivery of *record* begins."""
        self._running[record.id] = (record, None)
        self._busy[record.upstream] += 1
        self._begun[record.upstream] = self._number = self._number + 1

    def can_be_cancelled(self, record: EffectRecord, ticket: Cancelable | None) -> None:
        """Take note of the *ticket* by which the delivery of *record* can be cancelled, unless it has ended."""
        if record.id in self._running:
            self._running[record.id] = (record, ticket)

    def end(self, record: EffectRecord) -> None:
        """Note that the delivery of *record* has ended."""
        del self._running[record.id]
        self._busy[record.upstream] -= 1
        if not self._running:
            self._idle.set()

    def untried(self, record: EffectRecord, now: float, seconds: float | None) -> None:
        """Take note that *record* found no place, or no turn, at its upstream; one may have it in so many *seconds*."""
        self.paces.untried(record.upstream, self._busy[record.upstream] - 1, now, seconds)

    def hold(self, upstream: str, until: float, holding: Holding) -> None:
        """Deliver nothing to *upstream* *until* then (Unix time), or until *holding* does not keep it away any more."""
        self._held[upstream] = (until, holding)

    def let_go(self) -> None:
        """Hold no upstream, and end all pauses."""
        self._held.clear()
        self.paces.let_go()

    def _is_held(self, upstream: str, now: float) -> bool:
        found = self._held.get(upstream)
        if found is None:
            return False
        until, holding = found
        if 0 < until - now <= LONGEST and holding.keeps_away:
            return True
        del self._held[upstream]
        return False

    async def settle(self, seconds: float) -> None:
        """Wait until none is under way, for *seconds* at most."""
        self._idle.clear()
        if self._running:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._idle.wait()

    def cancel(self) -> list[EffectRecord]:
        """Cancel all; return what was to be delivered."""
        left = [*self._running.values()]
        for _, ticket in left:
            if ticket is not None:
                ticket.cancel()
        return [record for record, _ in left]
