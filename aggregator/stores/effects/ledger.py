"""What operators ask of the file of durable effects, and do in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct

from aggregator.stores.effects.records import DEAD, LEASED, PARKED, SENT, STATES, WAITING, FixedRequest
from aggregator.stores.effects.schema import COLUMNS, NEXT_OF_ORDER
from aggregator.stores.effects.table import EffectTable

MOST: Final = 1000
"""Effects in one answer."""
ORDERS: Final = ("retry", "discard", "replay", "forget")
_FROM: Final[Mapping[str, tuple[str, ...]]] = {
    "retry": (DEAD, WAITING, PARKED), "discard": (DEAD, WAITING, PARKED), "replay": (SENT,), "forget": STATES,
}  # fmt: skip
"""In which states an effect is that an order is for."""
_NAMES = [name.strip() for name in COLUMNS.split(",")]
_decode = msgspec.msgpack.decode


class Filter(Struct, frozen=True):
    """Which effects are meant: those that all that is said fits.

    *key* is that of their order, *request* the id of the request that caused them; *since* is Unix time, of their end.
    """

    id: str | None = None
    name: str | None = None
    state: str | None = None
    key: str | None = None
    request: str | None = None
    since: float | None = None

    @property
    def is_empty(self) -> bool:
        """Whether every effect fits."""
        return self == Filter()

    def sql(self, states: tuple[str, ...] = STATES) -> tuple[str, list[Any]]:
        """Return the condition in SQL for those in *states*, and what its marks stand for."""
        marks = ", ".join("?" * len(states))
        parts, values = [f"state IN ({marks})"], list[Any](states)
        for text, value in (
            ("id = ?", self.id), ("name = ?", self.name), ("state = ?", self.state),
            ("order_key = name || char(10) || ?", self.key), ("request_id = ?", self.request),
            ("coalesce(ended, created) >= ?", self.since),
        ):  # fmt: skip
            if value is not None:
                parts.append(text)
                values.append(value)
        return " AND ".join(parts), values


def find(table: EffectTable, wanted: Filter, after: int = 0, most: int = MOST) -> list[dict[str, Any]]:
    """Return up to *most* effects that are *wanted*, the oldest first, behind the place *after*."""
    condition, values = wanted.sql()
    rows = table.db.execute(
        f"SELECT seq, {COLUMNS} FROM effects WHERE {condition} AND seq > ? ORDER BY seq LIMIT ?",  # noqa: S608
        (*values, after, most),
    )
    return [_shown(row) for row in rows.fetchall()]


def show(table: EffectTable, id_: str) -> dict[str, Any] | None:
    """Return the effect *id_* with what it sends; None for an unknown one."""
    row = table.db.execute(f"SELECT seq, {COLUMNS}, request FROM effects WHERE id = ?", (id_,)).fetchone()  # noqa: S608
    if row is None:
        return None
    request = _decode(row[-1], type=FixedRequest)
    others = [{"upstream": other.upstream} | _sent(other.request) for other in request.others]
    return _shown(row[:-1]) | {"request": _sent(request)} | ({"fallback": others} if others else {})


def _sent(request: FixedRequest) -> dict[str, Any]:
    """Return what *request* sends, as data."""
    return {
        "method": request.method.decode(),
        "target": request.target.decode("latin-1"),
        "headers": [line.split(": ", 1) for line in request.headers.decode("latin-1").split("\r\n") if line],
        "body": None if request.body is None else request.body.decode("utf-8", "replace"),
    }


def _shown(row: tuple[Any, ...]) -> dict[str, Any]:
    found = dict(zip(("place", *_NAMES), row, strict=True))
    key, last = found.pop("order_key"), found.pop("last")
    found["key"] = None if key is None else key.partition("\n")[2]
    found["last"] = None if last is None else _decode(last)
    return found


def order(table: EffectTable, what: str, wanted: Filter, now: float) -> int:
    """Do *what*, one of ``ORDERS``, to those that are *wanted*; returns to how many.

    *retry* sends those again that wait or are dead, with all their attempts; *replay* those that were sent, under the
    keys that they had; *discard* and *forget* remove them.
    """
    condition, values = wanted.sql(_FROM[what])
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
    is_behind = (
        key is not None
        and table.db.execute(
            "SELECT 1 FROM effects WHERE order_key = ? AND seq < ? AND ended IS NULL", (key, seq)
        ).fetchone()
    )
    table.db.execute(
        "UPDATE effects SET state = ?, due = ?, not_before = ?, ended = NULL, attempts = 0 WHERE seq = ?",
        (WAITING, None if is_behind else now, now, seq),
    )
    table.kept.move(state, WAITING)
    (upstream,) = table.db.execute("SELECT upstream FROM effects WHERE seq = ?", (seq,)).fetchone()
    table.upstreams.add(upstream)
