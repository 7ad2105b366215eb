"""What operators read and change in the file of durable effects."""

from __future__ import annotations

from typing import Any

import msgspec

from aggregator.stores.effects.aside import ASIDE
from aggregator.stores.effects.contract import FROM, MOST, Filter
from aggregator.stores.effects.records import LEASED, STATES, WAITING, FixedRequest
from aggregator.stores.effects.schema import BEFORE, COLUMNS, NEXT_OF_ORDER, PUT_BEHIND
from aggregator.stores.effects.showing import sends, shown
from aggregator.stores.effects.table import EffectTable

_NAMES = [name.strip() for name in COLUMNS.split(",")]
_request = msgspec.msgpack.Decoder(FixedRequest).decode


def _condition(wanted: Filter, states: tuple[str, ...] = STATES) -> tuple[str, list[Any]]:
    """Return the condition in SQL for those *wanted* that are in *states*, and what its marks stand for."""
    marks = ", ".join("?" * len(states))
    parts, values = [f"state IN ({marks})"], list[Any](states)
    for text, value in (
        ("id = ?", wanted.id), ("name = ?", wanted.name), ("state = ?", wanted.state),
        ("order_key = name || char(10) || ?", wanted.key), ("request_id = ?", wanted.request),
        ("coalesce(ended, created) >= ?", wanted.since),
    ):  # fmt: skip
        if value is not None:
            parts.append(text)
            values.append(value)
    return " AND ".join(parts), values


def find(table: EffectTable, wanted: Filter, after: int = 0, most: int = MOST) -> list[dict[str, Any]]:
    """Return up to *most* effects that are *wanted*, the oldest first, behind the place *after*."""
    condition, values = _condition(wanted)
    rows = table.db.execute(
        f"SELECT seq, {COLUMNS} FROM effects WHERE {condition} AND seq > ? ORDER BY seq LIMIT ?",  # noqa: S608
        (*values, after, most),
    )
    return [_shown(row) for row in rows.fetchall()]


def show(table: EffectTable, id_: str) -> dict[str, Any] | None:
    """Return the effect *id_* with what it sends; None for an unknown one."""
    row = table.db.execute(f"SELECT seq, {COLUMNS}, request FROM effects WHERE id = ?", (id_,)).fetchone()  # noqa: S608
    return None if row is None else _shown(row[:-1]) | sends(_request(row[-1]))


def _shown(row: tuple[Any, ...]) -> dict[str, Any]:
    found = dict(zip(("place", *_NAMES), row, strict=True))
    is_aside = found["due"] is not None and found["due"] >= ASIDE
    return shown(found | {"due": None} if is_aside else found)


def order(table: EffectTable, what: str, wanted: Filter, now: float) -> int:
    """Do *what*, one of ``ORDERS``, to those that are *wanted*; returns to how many.

    *retry* sends those again that wait or are dead, with all their attempts; *replay* those that were sent, under the
    keys that they had; *discard* and *forget* remove them.
    """
    condition, values = _condition(wanted, FROM[what])
    rows = table.db.execute(f"SELECT seq, state, size, order_key FROM effects WHERE {condition}", values)  # noqa: S608
    found = [row for row in rows.fetchall() if row[1] != LEASED or what == "forget"]
    for seq, state, size, key in found:
        if what in ("discard", "forget"):
            table.db.execute("DELETE FROM effects WHERE seq = ?", (seq,))
            table.kept.move(state, None, -size)
        else:
            _again(table, seq, state, key, now)
        if key is not None:
            table.db.execute(NEXT_OF_ORDER, (now, key))
    if what == "forget" and wanted.key is not None:
        table.db.execute("DELETE FROM dedupe WHERE substr(key, instr(key, char(10)) + 1) = ?", (wanted.key,))
    return len(found)


def _again(table: EffectTable, seq: int, state: str, key: str | None, now: float) -> None:
    """Let an effect wait again, in its place among those of its *key*."""
    is_behind = key is not None and table.db.execute(BEFORE, (key, seq)).fetchone()
    if key is not None and not is_behind:
        table.db.execute(PUT_BEHIND, (key, seq))
    table.db.execute(
        "UPDATE effects SET state = ?, due = ?, not_before = ?, ended = NULL, attempts = 0 WHERE seq = ?",
        (WAITING, None if is_behind else now, now, seq),
    )
    table.kept.move(state, WAITING)
    (upstream,) = table.db.execute("SELECT upstream FROM effects WHERE seq = ?", (seq,)).fetchone()
    table.upstreams.add(upstream)
