"""How effects are written to their file: many in one statement, and counted once.

The thread that writes gives up the lock of the interpreter for each statement, and gets it back when the loop has
nothing to do or has had it for 5 ms: a busy loop would let it write a few effects a turn, were each its own statement.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from typing import Any, Final

import msgspec
from msgspec import Struct

from aggregator.stores.effects.contract import Bounds, Stored
from aggregator.stores.effects.records import SENT, WAITING, EffectRecord
from aggregator.stores.effects.schema import BEHIND, INSERT, MORE_WAIT, OLDEST_SENT, ROW, SENT_BYTES
from aggregator.stores.effects.table import EffectTable

_MOST_GONE: Final = 2000
"""Effects that have been sent and make room in one step, beside one for each that comes: it holds up the others."""
_encode = msgspec.msgpack.Encoder().encode
_INSERTS: Final = {number: INSERT + ", ".join([ROW] * number) for number in (64, 8, 1)}
"""Statements that write so many, the most first; few, so that they stay prepared."""


def put_all(table: EffectTable, groups: Iterable[Iterable[EffectRecord]], bounds: Bounds) -> list[bool]:
    """Keep each of *groups*, all of it or none; return for each whether there was room.

    What has been sent makes room, the oldest first. One whose dedupe key is known is kept once.
    """
    new = _New(table)
    found = [new.add(tuple(records), bounds) for records in groups]
    new.write()
    return found


class Keeping(Struct, frozen=True):
    """The work of keeping groups within *bounds*."""

    bounds: Bounds

    def __call__(self, table: EffectTable, groups: list[list[EffectRecord]]) -> list[Stored]:
        """Return for each of *groups* whether it is kept."""
        return [*put_all(table, groups, self.bounds)]


class _New:
    """What is written to *table* in one step; ``table.kept`` counts it from the moment it is added."""

    def __init__(self, table: EffectTable) -> None:
        self._table = table
        self._gone = 0
        """How many made room that had been sent, beside one for each that came."""
        self._rows: list[tuple[Any, ...]] = []
        self._orders = set[str]()
        self._totals: dict[str, list[int]] = {}
        """How many are added to each upstream, and their bytes."""

    def add(self, records: tuple[EffectRecord, ...], bounds: Bounds) -> bool:
        """Return whether *records* are among what is written; there is no room where they are not."""
        if not self._has_room(len(records), sum([record.size for record in records]), bounds):
            return False
        self._gone -= len(records)
        for record in records:
            if record.dedupe is None or self._is_first(*record.dedupe, record.created):
                self._add(record)
        return True

    def _has_room(self, number: int, size: int, bounds: Bounds) -> bool:
        """Return whether there is room, after what has been sent was forgotten as far as needed, the oldest first.

        One step takes away so much of it; the rest goes by those that follow, and there is no room till then. Nothing
        is forgotten where all of it would not be enough.
        """
        kept = self._table.kept
        if kept.number - kept.counts[SENT] + number > bounds.count or size > bounds.size:
            return False
        over, excess = kept.number + number - bounds.count, kept.size + size - bounds.size
        if over <= 0 and excess <= 0:
            return True
        if excess > 0 and excess > self._table.db.execute(SENT_BYTES).fetchone()[0]:
            return False
        most = max(0, _MOST_GONE - self._gone)
        oldest = self._oldest_sent(over, excess, most)
        is_enough = len(oldest) >= over and sum([size for _, size in oldest]) >= excess
        if not is_enough and len(oldest) < most:
            return False
        self._table.remove(SENT, oldest)
        self._gone += len(oldest)
        return is_enough

    def _oldest_sent(self, over: int, excess: int, most: int) -> list[tuple[int, int]]:
        """Return place and bytes of the oldest that were sent: *over* of them with *excess* bytes, *most* at most."""
        found, freed = list[tuple[int, int]](), 0
        rows = self._table.db.execute(OLDEST_SENT, (most,))
        for place, size in rows:
            if len(found) >= over and freed >= excess:
                break
            found.append((place, size))
            freed += size
        rows.close()  # it reads what is removed next
        return found

    def _add(self, record: EffectRecord) -> None:
        size, order = record.size, record.order
        due = record.due if order is None or self._begins(order) else None
        self._rows.append(
            (record.id, record.name, record.endpoint, record.upstream, record.request_id, order, record.created,
             record.due, due, size, _encode(record.request))
        )  # fmt: skip
        self._table.kept.move(None, WAITING, size)
        total = self._totals.setdefault(record.upstream, [0, 0])
        total[0] += 1
        total[1] += size

    def _begins(self, order: str) -> bool:
        """Return whether nothing else of *order* is kept, or about to be."""
        is_known = order in self._orders
        self._orders.add(order)
        return not is_known and self._table.db.execute(BEHIND, (order,)).fetchone() is None

    def _is_first(self, key: str, until: float, now: float) -> bool:
        run = self._table.db.execute
        found = run("SELECT until FROM dedupe WHERE key = ?", (key,)).fetchone()
        if found is not None and found[0] > now:
            return False
        run("INSERT OR REPLACE INTO dedupe VALUES (?, ?)", (key, until))
        return True

    def write(self) -> None:
        """Write what was added."""
        run, rows, place = self._table.db.execute, self._rows, 0
        for number, statement in _INSERTS.items():
            while len(rows) - place >= number:
                run(statement, [*chain.from_iterable(rows[place : place + number])])
                place += number
        for upstream, total in self._totals.items():
            run(MORE_WAIT, (upstream, *total))
        self._table.upstreams.update(self._totals)
