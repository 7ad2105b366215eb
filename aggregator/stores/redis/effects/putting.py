"""How effects are put into a shared store, each once, also where replies are lost.

    handed over ── its reply comes ──▶ known
                ── its reply is late, the connection breaks ──▶ in doubt ── the store is there, and asked ──▶ known

Each script has a number under which the store notes what came of it. One in doubt is asked for by that, and cannot be
run any more from then on: what nobody has heard of is not put a second time, nor made twice in another way.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

import msgspec

from aggregator.errors import StoreError
from aggregator.stores.effects.contract import Bounds, DoubtError, Stored
from aggregator.stores.effects.records import EffectRecord
from aggregator.stores.redis.effects.link import Link, UnheardError
from aggregator.stores.redis.effects.packing import in_scripts, packed
from aggregator.stores.redis.effects.put_scripts import PUT, SETTLE
from aggregator.telemetry.logging import log

_KEPT: Final = 1
_MORE_HAS_TO_GO: Final = 2
_SCRIPTS: Final = 8
"""Scripts that make room for the same groups, one after the other; there is none then."""
_STEP: Final = 500
"""Numbers that one script takes."""
_encode = msgspec.msgpack.Encoder().encode
_log = logging.getLogger("aggregator.effects")


class Putting:
    """Puts effects by *link* for the process *me*; *hear* takes what scripts tell of all that is kept."""

    def __init__(self, link: Link, me: str, hear: Callable[[list[bytes]], None]) -> None:
        self._link = link
        self._me = me
        self._hear = hear
        self._number = 0
        self._heard: list[int] = []
        """Numbers that the store may forget."""
        self._doubts: dict[int, list[asyncio.Future[bool]]] = {}
        """What comes to whether each group is kept, for each script of which nothing was heard."""

    @property
    def is_in_doubt(self) -> bool:
        """Whether there is something of which nothing was heard."""
        return bool(self._doubts)

    async def put_all(self, groups: list[list[EffectRecord]], bounds: Bounds) -> list[Stored]:
        """Return for each of *groups* whether it is kept."""
        found = await asyncio.gather(*(self._put_some(some, bounds) for some in in_scripts(groups)))
        return [stored for some in found for stored in some]

    async def _put_some(self, groups: list[list[EffectRecord]], bounds: Bounds) -> list[Stored]:
        """Return for each of *groups* whether it is kept, by one script unless much has to go first."""
        found: list[Stored] = []
        for _ in range(_SCRIPTS):
            left = groups[len(found) :]
            self._number = number = self._number + 1
            try:
                told = await self._put(number, left, bounds)
            except UnheardError as error:
                return [*found, *self._in_doubt(number, len(left), str(error))]
            except StoreError as error:
                return [*found, *([error] * len(left))]
            found += [flag == _KEPT for flag in told if flag != _MORE_HAS_TO_GO]
            if len(found) == len(groups):
                break
        return [*found, *([False] * (len(groups) - len(found)))]

    async def _put(self, number: int, groups: list[list[EffectRecord]], bounds: Bounds) -> list[int]:
        """Return what the script with *number* returns of *groups*; raises ``StoreError``."""
        raw = tuple([_encode(record.request) for records in groups for record in records])
        given = [[packed(record) for record in records] for records in groups]
        heard, self._heard = self._heard[:_STEP], self._heard[_STEP:]
        try:
            reply: tuple[list[int], list[bytes]] = await self._link.run(
                PUT, bounds.count, bounds.size, given, self._me, number, heard, raw=raw
            )
        except StoreError:
            self._heard += heard
            raise
        self._heard.append(number)
        self._hear(reply[1])
        return reply[0]

    def _in_doubt(self, number: int, groups: int, reason: str) -> list[Stored]:
        """Return the errors of so many *groups*, of whose script nothing was heard."""
        loop = asyncio.get_running_loop()
        futures: list[asyncio.Future[bool]] = [loop.create_future() for _ in range(groups)]
        self._doubts[number] = futures
        return [DoubtError(reason, future) for future in futures]

    async def settle(self) -> None:
        """Ask what became of that of which nothing was heard; raises ``StoreError``."""
        while numbers := [*self._doubts][:_STEP]:
            found: list[bytes] = await self._link.run(SETTLE, self._me, numbers)
            for number, told in zip(numbers, found, strict=True):
                _settle(self._doubts.pop(number), told.decode())
                if told:  # one that was not run has to stay known: it may be on its way still
                    self._heard.append(number)

    def close(self) -> None:
        """Close; groups in doubt are logged as such."""
        if self._doubts:
            number = sum(map(len, self._doubts.values()))
            log(_log, logging.ERROR, "Nobody knows whether durable effects are kept: their store has not come back.",
                count=number)  # fmt: skip
        for futures in self._doubts.values():
            for future in futures:
                future.cancel()
        self._doubts.clear()


def _settle(futures: list[asyncio.Future[bool]], told: str) -> None:
    """Resolve *futures* by what a script has *told* of each group, as digits; nothing if the script did not run."""
    for place, future in enumerate(futures):
        if not future.done():
            future.set_result(told[place : place + 1] == str(_KEPT))
