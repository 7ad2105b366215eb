"""What a turn claims in the file of durable effects: what is due, for each upstream, and when there is more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from aggregator.stores.effects import aside
from aggregator.stores.effects.contract import Label
from aggregator.stores.effects.records import LEASED, WAITING, EffectRecord, FixedRequest
from aggregator.stores.effects.schema import DUE, NEWEST
from aggregator.stores.effects.table import EffectTable

_GLANCE: Final = 100
"""Rows that are looked at together for what is switched off."""
_request = msgspec.msgpack.Decoder(FixedRequest).decode


def _due(
    table: EffectTable, due: str, upstream: str, most: int, now: float, off: frozenset[Label]
) -> list[tuple[Any, ...]]:
    """Return up to *most* rows that the SQL *due* selects; a step of those that are *off* is set aside before."""
    found, left = [*table.db.execute(due, (upstream, now, most))], aside.AT_ONCE
    while off and left > 0 and (gone := [row for row in found if (row[3], row[2]) in off]):
        aside.set_aside(table.db, gone)
        table.aside.update((row[3], row[2]) for row in gone)
        left -= len(gone)
        found = [*table.db.execute(due, (upstream, now, max(most, min(left, _GLANCE))))]
    return [row for row in found if (row[3], row[2]) not in off][:most]


def claim(
    table: EffectTable, room: Mapping[str, int], most: int, now: float, off: frozenset[Label] = frozenset(),
    newest: frozenset[str] = frozenset(),
) -> list[EffectRecord]:  # fmt: skip
    """Return up to *most* effects that are due and not *off*, leased from now on; up to *room* of each upstream.

    What is due first goes first, to the upstreams of *newest* what is new.
    """
    found: list[EffectRecord] = []
    for upstream, free in room.items():
        due = NEWEST if upstream in newest else DUE
        rows = _due(table, due, upstream, min(free, most - len(found)), now, off)
        found += [
            EffectRecord(id_, name, endpoint, to, request_id, _request(request), created, due, order, attempts + 1)
            for _, id_, name, endpoint, to, request_id, request, created, due, order, attempts in rows
        ]
        table.db.executemany(
            "UPDATE effects SET state = 'leased', due = NULL, attempts = attempts + 1, holder = ? WHERE seq = ?",
            [(table.holder.name, row[0]) for row in rows],
        )
        for _ in rows:
            table.kept.move(WAITING, LEASED)
        if len(found) >= most:
            break
    return found


def next_due(table: EffectTable, upstreams: Iterable[str]) -> float | None:
    """Return when the next effect to one of *upstreams* is due, None when none is."""
    found = [
        table.db.execute("SELECT min(due) FROM effects WHERE upstream = ? AND due < 1e12", (name,)).fetchone()
        for name in upstreams
    ]
    return min((due for (due,) in found if due is not None), default=None)
