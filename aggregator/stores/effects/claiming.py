"""What a turn claims in the file of durable effects: what is due, for each upstream, and when there is more.

Each label of an upstream, which is an endpoint and the name of its call, has its own part of the index of what is due.
So what is switched off is stepped over by one look, however much it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from aggregator.stores.effects.contract import Label
from aggregator.stores.effects.records import LEASED, WAITING, EffectRecord, FixedRequest
from aggregator.stores.effects.schema import LABEL
from aggregator.stores.effects.table import EffectTable

_LABELS: Final = f"""
WITH RECURSIVE labels (label) AS (
    SELECT (SELECT min({LABEL}) FROM effects WHERE upstream = ?1 AND due IS NOT NULL)
    UNION ALL
    SELECT (SELECT min({LABEL}) FROM effects WHERE upstream = ?1 AND due IS NOT NULL AND {LABEL} > label)
    FROM labels WHERE label IS NOT NULL
), open (label) AS (SELECT label FROM labels WHERE label IS NOT NULL AND label NOT IN (OFF))
"""  # noqa: S608
"""The labels of what waits for an upstream, each found by one look at the index, and those of them that are not off."""
_OF_LABEL: Final = f"upstream = ?1 AND {LABEL} = label AND due IS NOT NULL"
_COLUMNS: Final = "seq, id, name, endpoint, upstream, request_id, request, created, not_before, order_key, attempts"
_DUE: Final = f"""{_LABELS}
SELECT {_COLUMNS} FROM effects WHERE seq IN (
    SELECT one.seq FROM open CROSS JOIN effects AS one WHERE one.seq IN (
        SELECT seq FROM effects WHERE {_OF_LABEL} AND due <= ?2 ORDER BY due, seq LIMIT ?3
    ) ORDER BY one.due, one.seq LIMIT ?3
) ORDER BY due, seq
"""  # noqa: S608
_NEWEST: Final = f"""{_LABELS}
SELECT {_COLUMNS} FROM effects WHERE seq IN (
    SELECT seq FROM effects WHERE seq IN (
        SELECT one.seq FROM open CROSS JOIN effects AS one WHERE one.seq IN (
            SELECT seq FROM effects WHERE {_OF_LABEL} AND due <= ?2 ORDER BY due DESC, seq DESC LIMIT 100
        ) ORDER BY one.due DESC, one.seq DESC LIMIT 100
    ) ORDER BY attempts, not_before DESC, seq DESC LIMIT ?3
) ORDER BY attempts, not_before DESC, seq DESC
"""  # noqa: S608
"""Of those that are due last those that were tried least, the newest first. Only what is found is read whole."""
_NEXT: Final = f"{_LABELS} SELECT min((SELECT min(due) FROM effects WHERE {_OF_LABEL})) FROM open"  # noqa: S608
_request = msgspec.msgpack.Decoder(FixedRequest).decode


def _ask(table: EffectTable, query: str, off: frozenset[Label], *values: Any) -> list[tuple[Any, ...]]:
    """Return the rows that *query* finds by *values*, none of which has a label that is *off*."""
    marks = ", ".join(f"?{number}" for number in range(len(values) + 1, len(values) + len(off) + 1))
    labels = [f"{endpoint}\n{name}" for endpoint, name in off]
    return table.db.execute(query.replace("OFF", marks), (*values, *labels)).fetchall()


def claim(
    table: EffectTable, room: Mapping[str, int], most: int, now: float, off: frozenset[Label] = frozenset(),
    newest: frozenset[str] = frozenset(),
) -> list[EffectRecord]:  # fmt: skip
    """Return up to *most* effects that are due and not *off*, leased from now on; up to *room* of each upstream.

    What is due first goes first, to the upstreams of *newest* what is new.
    """
    found: list[EffectRecord] = []
    for upstream, free in room.items():
        query = _NEWEST if upstream in newest else _DUE
        rows = _ask(table, query, off, upstream, now, min(free, most - len(found)))
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


def next_due(table: EffectTable, upstreams: Iterable[str], off: frozenset[Label] = frozenset()) -> float | None:
    """Return when the next effect to one of *upstreams* is due that is not *off*, None when none is."""
    found = [_ask(table, _NEXT, off, name)[0][0] for name in upstreams]
    return min((due for due in found if due is not None), default=None)
