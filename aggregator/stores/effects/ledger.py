"""What operators read and change in the file of durable effects, in steps: between two of them others may write.

A step looks at ``LOOKED_AT`` effects at most, unless an index says which are meant.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from aggregator.stores.effects.contract import FROM, MOST, Filter
from aggregator.stores.effects.records import STATES, WAITING, FixedRequest
from aggregator.stores.effects.schema import BEFORE, COLUMNS, NEXT_OF_ORDER, PUT_BEHIND, SUBJECT
from aggregator.stores.effects.showing import sends, shown
from aggregator.stores.effects.table import EffectTable

LOOKED_AT: Final = 10_000
"""Effects that one step looks at to find which are meant."""
AT_ONCE: Final = 500
"""Effects that one step changes."""
_ENDLESS: Final = 2**63 - 1
_NAMES = [name.strip() for name in COLUMNS.split(",")]
_request = msgspec.msgpack.Decoder(FixedRequest).decode


def newest(table: EffectTable) -> int:
    """Return the place of the newest effect."""
    (place,) = table.db.execute("SELECT coalesce(max(seq), 0) FROM effects").fetchone()
    return int(place)


def _condition(wanted: Filter, states: tuple[str, ...], *, by_state: bool) -> tuple[str, list[Any]]:
    """Return the condition in SQL for those *wanted* that are in *states*, and what its marks stand for.

    The index of states is used only if they are looked for *by_state*: a sign keeps SQLite from it.
    """
    marks = ", ".join("?" * len(states))
    parts, values = [f"{'' if by_state else '+'}state IN ({marks})"], list[Any](states)
    for text, value in (
        ("id = ?", wanted.id), ("name = ?", wanted.name), (f"{SUBJECT} = ?", wanted.key),
        ("request_id = ?", wanted.request),
        ("coalesce(ended, created) >= ?", wanted.since),
    ):  # fmt: skip
        if value is not None:
            parts.append(text)
            values.append(value)
    return " AND ".join(parts), values


def _step(
    table: EffectTable, columns: str, wanted: Filter, states: tuple[str, ...], after: int, until: int, most: int
) -> tuple[list[tuple[Any, ...]], int | None]:
    """Return the *columns*, the place first, of up to *most* that are *wanted* and in *states*, the oldest first.

    These are behind *after*, up to *until*. And the place behind which to go on, None when there is no more.
    """
    if wanted.state is not None:
        states = tuple(state for state in states if state == wanted.state)
    is_narrow = (wanted.id, wanted.key, wanted.request) != (None, None, None)
    by_state = not is_narrow and sum(table.kept.counts[state] for state in states) <= LOOKED_AT
    last = until if is_narrow or by_state else _last(table, after, until)
    condition, values = _condition(wanted, states, by_state=by_state)
    rows = table.db.execute(
        f"SELECT {columns} FROM effects WHERE {condition} AND seq > ? AND seq <= ? ORDER BY seq LIMIT ?",  # noqa: S608
        (*values, after, last, most),
    ).fetchall()
    if len(rows) == most:
        return rows, rows[-1][0]
    return rows, last if last < until else None


def _last(table: EffectTable, after: int, until: int) -> int:
    """Return the place up to which a step looks that begins behind *after*."""
    found = table.db.execute(
        "SELECT seq FROM effects WHERE seq > ? ORDER BY seq LIMIT 1 OFFSET ?", (after, LOOKED_AT - 1)
    ).fetchone()
    return until if found is None else min(found[0], until)


def find(
    table: EffectTable, wanted: Filter, after: int = 0, most: int = MOST
) -> tuple[list[dict[str, Any]], int | None]:
    """Return up to *most* effects that are *wanted*, the oldest first, behind the place *after*: those of one step.

    And the place behind which to go on, None when there is no more.
    """
    rows, place = _step(table, f"seq, {COLUMNS}", wanted, STATES, after, _ENDLESS, most)
    return [_shown(row) for row in rows], place


def show(table: EffectTable, id_: str) -> dict[str, Any] | None:
    """Return the effect *id_* with what it sends; None for an unknown one."""
    row = table.db.execute(f"SELECT seq, {COLUMNS}, request FROM effects WHERE id = ?", (id_,)).fetchone()  # noqa: S608
    return None if row is None else _shown(row[:-1]) | sends(_request(row[-1]))


def _shown(row: tuple[Any, ...]) -> dict[str, Any]:
    return shown(dict(zip(("place", *_NAMES), row, strict=True)))


def order(
    table: EffectTable, what: str, wanted: Filter, now: float, after: int, until: int
) -> tuple[int, int | None]:  # fmt: skip
    """Carry out one step of *what*, one of ``ORDERS``, on the effects *wanted* after the place *after*, up to *until*.

    *retry* sends those again that wait or are dead, with all their attempts; *replay* those that were sent, under the
    keys that they had; *discard* and *forget* remove them. Returns to how many, and the place behind which to go on,
    None when there is no more.
    """
    rows, place = _step(table, "seq, state, size, order_key", wanted, FROM[what], after, until, AT_ONCE)
    for seq, state, size, key in rows:
        if what in ("discard", "forget"):
            table.db.execute("DELETE FROM effects WHERE seq = ?", (seq,))
            table.kept.move(state, None, -size)
        else:
            _again(table, seq, state, key, now)
        if key is not None:
            table.db.execute(NEXT_OF_ORDER, (now, key))
    return len(rows), place


def forget_keys(table: EffectTable, subject: str) -> int:
    """Remove dedupe keys of *subject*, a step of them; returns how many."""
    return table.db.execute(
        "DELETE FROM dedupe WHERE key IN"
        " (SELECT key FROM dedupe WHERE substr(key, instr(key, char(10)) + 1) = ? LIMIT ?)",
        (subject, AT_ONCE),
    ).rowcount


def _again(table: EffectTable, seq: int, state: str, key: str | None, now: float) -> None:
    """Make an effect wait again, in its place among those of its *key*."""
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
