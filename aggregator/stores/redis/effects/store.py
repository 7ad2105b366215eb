"""Durable effects in a server that machines share: an ``EffectStore`` by scripts.

A process is there for as long as it takes turns; what it had leased waits again once it has taken none for ``LEASE``
seconds.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

import msgspec

from aggregator.errors import StoreError
from aggregator.stores.effects.contract import EXPIRED, FROM, MOST, Bounds, Filter, Kept, Stored, Turn, Turned
from aggregator.stores.effects.records import STATES, EffectRecord, FixedRequest
from aggregator.stores.effects.showing import sends
from aggregator.stores.redis.effects import reading, scripts
from aggregator.stores.redis.effects.leases import Leases
from aggregator.stores.redis.effects.link import Link
from aggregator.stores.redis.effects.packing import OVERHEAD, ended, row_of
from aggregator.stores.redis.effects.putting import Putting
from aggregator.stores.shared.plan import StorePlan
from aggregator.telemetry.logging import log

LEASE: Final = 20.0
"""Seconds for which a process counts as there after it took a turn."""
_LATE: Final = 2.0
"""Seconds that a reply may take: one that is written to a disk may wait for it."""
_STEP: Final = 500
"""Effects that are looked at, or moved, in one script."""
_encode = msgspec.msgpack.Encoder().encode
_request = msgspec.msgpack.Decoder(FixedRequest).decode
_log = logging.getLogger("aggregator.effects")


class EffectsInRedis:
    """The effects at the place that *plan* names; *warns* of what it may lose, which is for those that write to it."""

    def __init__(self, plan: StorePlan, wall: Callable[[], float] = time.time, *, warns: bool = True) -> None:
        self._link = Link(plan, warns=warns)
        self._wall = wall
        self.overhead = OVERHEAD
        self._me = secrets.token_hex(8)
        self._putting = Putting(self._link, self._me, self._hear)
        self._leases = Leases()
        self._known: frozenset[str] | None = None
        """What the server is told again that forgot it."""
        self._is_forgotten = False
        """Whether the server knows nothing of this process, or did not when it was last told."""
        self._place = 0
        self.kept = Kept()
        """What is kept, as far as it was last heard."""
        self.upstreams: set[str] = set()
        """The upstreams to which something waits, or did."""

    @property
    def trouble(self) -> str | None:
        """Why nothing can be written at the moment; None while it can."""
        return self._link.trouble

    async def open(self) -> None:
        """Connect, if the server is there: one that is not is told, and tried again by each turn."""
        try:
            await self._connect()
            await self.look()
        except StoreError as error:
            self._link.lose(str(error))

    async def _connect(self) -> None:
        await self._link.connect()
        await self._putting.settle()

    def _hear(self, told: list[bytes], upstreams: list[bytes] | None = None) -> None:
        """Read the counts of what is kept, as a script has *told* them."""
        place, size, *counts = map(int, told)
        if place < self._place:
            log(_log, logging.ERROR, "The shared store has lost durable effects.", store=self._link.label)
        self._place = place
        self.kept = Kept(dict(zip(STATES, counts, strict=True)), size)
        if upstreams is not None:
            self.upstreams = {name.decode() for name in upstreams}

    def put_all(self, groups: list[list[EffectRecord]], bounds: Bounds) -> asyncio.Future[list[Stored]]:
        """Return for each of *groups* whether it is kept."""
        return asyncio.ensure_future(self._put_all(groups, bounds))

    async def _put_all(self, groups: list[list[EffectRecord]], bounds: Bounds) -> list[Stored]:
        found = await self._putting.put_all(groups, bounds)
        self.upstreams.update(
            record.upstream
            for records, stored in zip(groups, found, strict=True)
            if stored is True
            for record in records
        )
        return found

    async def turn(self, turn: Turn) -> Turned:
        """Return what comes of *turn*; it connects where nothing is."""
        if not self._link.is_open:
            try:
                await self._connect()
            except StoreError as error:
                self._link.lose(str(error))
                raise
        ages = turn.ages
        old = ages is not None and (*(turn.now - age for age in (ages.waiting, ages.sent, ages.dead)), 2)
        outcomes = self._leases.ended(turn)
        done = [ended(outcome, turn.now, place) for place, outcome in enumerate(outcomes, 3)]
        raw = tuple(_encode(last) for last in (EXPIRED, *(outcome.last for outcome in outcomes)))
        off = [f"{endpoint}\n{name}" for endpoint, name in turn.off]
        room = [(name, places, name in turn.newest) for name, places in turn.room.items()]
        found = await self._link.run(
            scripts.TURN, self._me, LEASE, done, room, turn.most, old,
            turn.looks, off, self._leases.ids(turn), raw=raw,
        )  # fmt: skip
        told, upstreams, claimed, next_due, taken, given_up, forgotten, was_there = found
        records = self._leases.take(outcomes, claimed)
        self._hear(told, upstreams)
        self._is_forgotten = self._is_forgotten or not was_there
        with suppress(StoreError):  # what is claimed is delivered nevertheless, and the next turn tries again
            await self._catch_up(turn.now)
        due = None if next_due is None else turn.now + float(next_due)
        return Turned(records, due, taken, given_up, forgotten)

    async def _catch_up(self, now: float) -> None:
        """Ask and tell what a server is to be asked and told that is back; raises ``StoreError``."""
        if self._putting.is_in_doubt:
            await self._putting.settle()
        if self._is_forgotten and self._known is not None:
            await self.park(self._known, now)
            self._is_forgotten = False

    async def park(self, known: frozenset[str], _: float, /) -> int:
        """Park what waits for upstreams that are not *known* to any process, let go on what is parked for those."""
        self._known = known
        parked, is_all = 0, 0
        while not is_all:
            number, is_all = await self._link.run(scripts.PARK, self._me, LEASE, sorted(known), _STEP)
            parked += number
        await self.look()
        return parked

    async def find(self, wanted: Filter, after: int = 0, most: int = MOST) -> list[dict[str, Any]]:
        """Return up to *most* effects that are *wanted*, the oldest first, behind the place *after*."""
        return await self._find(wanted, STATES, after, most, self._wall())

    async def _find(
        self, wanted: Filter, states: tuple[str, ...], after: int, most: int, now: float
    ) -> list[dict[str, Any]]:  # fmt: skip
        said = {key: value for key, value in msgspec.to_builtins(wanted).items() if value is not None}
        if wanted.since is not None:
            said["since"] = now - wanted.since
        if wanted.state is not None:
            states = tuple(state for state in states if state == wanted.state)
        found: list[dict[str, Any]] = []
        place: int | None = after
        while place is not None and len(found) < most:
            rows, bound = await self._link.run(reading.FIND, said, states, place, most - len(found), _STEP)
            found += [row_of(*row) for row in rows]
            place = None if bound is None else int(bound)
        return found

    async def show(self, id_: str) -> dict[str, Any] | None:
        """Return the effect *id_* with what it sends; None for an unknown one."""
        found = await self.find(Filter(id=id_))
        if not found:
            return None
        kept = await self._link.ask(b"HGET", self._link.base + b"r:" + id_.encode(), b"request")
        return None if kept is None else found[0] | sends(_request(kept))

    async def order(self, what: str, wanted: Filter, now: float) -> int:
        """Carry out *what* on the effects *wanted*, in steps; return their number."""
        done = place = 0
        while found := await self._find(wanted, FROM[what], place, _STEP, now):
            done += await self._link.run(reading.ACT, what, [one["id"] for one in found], FROM[what])
            place = found[-1]["place"]
        if what == "forget" and wanted.key is not None:
            while await self._link.run(reading.FORGET, wanted.key, _STEP):
                pass
        await self.look()
        return done

    async def look(self) -> None:
        """Update ``kept``."""
        self._hear(*await self._link.run(scripts.LOOK))

    async def aclose(self) -> None:
        """Release the leases of this process, and close the connection."""
        try:
            while self._link.is_open and await self._link.run(scripts.LEAVE, self._me) == _STEP:
                pass
        except StoreError:
            pass  # it counts as gone in a while
        self._putting.close()
        await self._link.aclose()
