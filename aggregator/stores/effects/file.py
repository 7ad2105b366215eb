"""Durable effects in one SQLite file of this machine, which its processes share."""

from __future__ import annotations

import asyncio
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal

from aggregator.stores.effects import ledger
from aggregator.stores.effects.claiming import claim, next_due
from aggregator.stores.effects.contract import MOST, Bounds, Filter, Kept, Stored, Turn, Turned
from aggregator.stores.effects.keeping import Keeping
from aggregator.stores.effects.records import DEAD, OVERHEAD, SENT, EffectRecord
from aggregator.stores.effects.table import EffectTable
from aggregator.stores.effects.writer import EffectWriter

FILE: Final = "effects.db"


class EffectsInFile:
    """The file in *folder*, an ``EffectStore``; making it raises ``StartupError``.

    Who *goes_on* without what it holds has one that cannot be read put aside for a new one, and one whose disk is full
    or broken opened once it can be.
    """

    def __init__(self, folder: Path, sync: Literal["full", "normal"], *, goes_on: bool = True) -> None:
        self.overhead = OVERHEAD
        self.writer = EffectWriter(folder / FILE, sync, goes_on=goes_on)

    @property
    def trouble(self) -> str | None:
        """Why nothing can be written at the moment; None while it can."""
        return self.writer.trouble

    @property
    def kept(self) -> Kept:
        """The counts of what is kept."""
        return self.writer.kept

    @property
    def upstreams(self) -> set[str]:
        """The upstreams to which something waits, or did."""
        return self.writer.upstreams

    def put_all(self, groups: list[list[EffectRecord]], bounds: Bounds) -> asyncio.Future[list[Stored]]:
        """Return for each of *groups* whether it is on the disk."""
        return self.writer.submit_all(Keeping(bounds), groups)

    async def turn(self, turn: Turn) -> Turned:
        """Return what comes of *turn*."""
        probes = self.writer.trouble is not None
        return await self.writer.submit(lambda table: _turn(table, turn, probes=probes))

    async def park(self, known: frozenset[str], now: float) -> int:
        """Park what waits for upstreams that are not *known*, let go on what is parked for those that are."""
        parked, is_all = 0, False
        while not is_all:
            number, is_all = await self.writer.submit(lambda table: table.park(known, now))
            parked += number
        return parked

    async def find(self, wanted: Filter, after: int = 0, most: int = MOST) -> list[dict[str, Any]]:
        """Return up to *most* effects that are *wanted*, the oldest first, behind the place *after*."""
        found: list[dict[str, Any]] = []
        place: int | None = after
        while place is not None and len(found) < most:
            step = partial(ledger.find, wanted=wanted, after=place, most=most - len(found))
            rows, place = await self.writer.submit(step)
            found += rows
        return found

    async def show(self, id_: str) -> dict[str, Any] | None:
        """Return the effect *id_* with what it sends; None for an unknown one."""
        return await self.writer.submit(lambda table: ledger.show(table, id_))

    async def order(self, what: str, wanted: Filter, now: float) -> int:
        """Carry out *what* on the effects *wanted* that are kept by now, in steps; return their number."""
        done = 0
        place: int | None = 0
        until = await self.writer.submit(ledger.newest)
        while place is not None:
            step = partial(ledger.order, what=what, wanted=wanted, now=now, after=place, until=until)
            number, place = await self.writer.submit(step)
            done += number
        if what == "forget" and (key := wanted.key) is not None:
            while await self.writer.submit(lambda table: ledger.forget_keys(table, key)):
                pass
        return done

    async def look(self) -> None:
        """Update ``kept`` from the file."""
        await self.writer.submit(lambda _: None)

    async def aclose(self) -> None:
        """Carry out what was submitted, then close the file."""
        await asyncio.to_thread(self.writer.close)


def _turn(table: EffectTable, turn: Turn, *, probes: bool) -> Turned:
    """Return what comes of *turn*; in the thread of the writer."""
    if probes:
        table.probe()
    now, ages = turn.now, turn.ages
    table.settle(turn.ended, now)
    given_up = forgotten = 0
    if ages is not None:
        given_up = table.expire(ages.waiting, now)
        forgotten = table.forget(SENT, ages.sent, now) + table.forget(DEAD, ages.dead, now)
    taken = table.take_back() if turn.looks else 0
    claimed = claim(table, turn.room, turn.most, now, turn.off, turn.newest) if turn.room else []
    full = Counter(record.upstream for record in claimed)
    due = next_due(table, (name for name, places in turn.room.items() if full[name] < places), turn.off)
    return Turned(claimed, due, taken, given_up, forgotten)
