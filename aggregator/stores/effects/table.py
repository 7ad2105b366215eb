"""The file of durable effects: what is done in it, each within the transaction of whoever calls."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Literal

import msgspec

from aggregator.stores.effects.contract import EXPIRED, Kept
from aggregator.stores.effects.holders import Holder
from aggregator.stores.effects.records import (
    DEAD,
    LEASED,
    LIVE,
    PARKED,
    SENT,
    WAITING,
    Outcome,
)
from aggregator.stores.effects.schema import (
    FROM_ASIDE,
    FROM_VERSION_1,
    HAS_ASIDE,
    INDEXES,
    NEXT_OF_ORDER,
    OLD_INDEXES,
    OLD_TRIGGER,
    SCHEMA,
    TRIGGERS,
    VERSION,
)
from aggregator.stores.sqlite.opening import add_indexes, write_ahead
from aggregator.telemetry.logging import log

_PATIENCE, _PATIENCE_AT_FIRST = 5.0, 60.0
"""Seconds to wait for the transaction of another process; and while the file is opened, which others may do, too."""

_AT_ONCE = 500
"""Rows that are removed, or parked, in one transaction."""
_encode = msgspec.msgpack.Encoder().encode
_log = logging.getLogger("aggregator.effects")


def _tell_index(path: Path, name: str) -> None:
    log(
        _log,
        logging.INFO,
        "The file of durable effects gets an index: others wait meanwhile.",
        file=str(path),
        index=name,
    )


class EffectTable:
    """The open file at *path*, which several processes may use. Used by one thread; raises ``sqlite3.Error``.

    What a process had leased when it ended waits again.
    """

    def __init__(self, path: Path, sync: Literal["full", "normal"]) -> None:
        self._path = path
        self.holder = Holder(path)
        self.db = sqlite3.connect(path, timeout=_PATIENCE_AT_FIRST, isolation_level=None, check_same_thread=False)
        try:
            self._open(sync)
        except BaseException:
            self.close()
            raise

    def _open(self, sync: str) -> None:
        run = self.db.execute
        write_ahead(self.db)
        run(f"PRAGMA synchronous={sync}")
        run("BEGIN IMMEDIATE")
        (version,) = run("PRAGMA user_version").fetchone()
        if version > VERSION:
            raise sqlite3.DatabaseError(f"it is of version {version}, and this program reads {VERSION}")
        for statement in (*SCHEMA.split(";"), *(FROM_VERSION_1 if version == 1 else ())):
            run(statement)
        if run(OLD_TRIGGER).fetchone() is not None:
            run("DROP TRIGGER total_more")
        for statement in TRIGGERS:
            run(statement)
        run(f"PRAGMA user_version={VERSION}")
        run("COMMIT")
        add_indexes(self.db, "effects", INDEXES, partial(_tell_index, self._path))
        run("BEGIN IMMEDIATE")
        if run(HAS_ASIDE).fetchone() is not None:
            run(FROM_ASIDE)
        for name in OLD_INDEXES:
            run(f"DROP INDEX IF EXISTS {name}")
        self.count()
        self.take_back()
        run("COMMIT")
        run(f"PRAGMA busy_timeout={_PATIENCE * 1000:.0f}")
        run("PRAGMA temp_store=MEMORY")  # a claim sorts a few rows, and a file for them costs more than the claim

    def count(self) -> None:
        """Count what all processes keep."""
        kept, upstreams = Kept(), set[str]()
        rows = self.db.execute("SELECT state, upstream, count, size FROM totals WHERE count > 0")
        for state, upstream, count, size in rows:
            kept.counts[state] += count
            kept.size += size
            if state in LIVE:
                upstreams.add(upstream)
        self.kept, self.upstreams = kept, upstreams

    def remove(self, state: str, rows: list[tuple[int, int]]) -> None:
        """Remove those of *rows*, each a place and its bytes, which are all in *state*."""
        self.db.executemany("DELETE FROM effects WHERE seq = ?", [(seq,) for seq, _ in rows])
        for _, size in rows:
            self.kept.move(state, None, -size)

    def take_back(self) -> int:
        """Make effects leased to processes that have died wait again; return their number."""
        taken = 0
        self.holder.sweep()
        for (name,) in self.db.execute("SELECT DISTINCT holder FROM effects WHERE state = 'leased'").fetchall():
            if name is not None and self.holder.is_alive(name):
                continue
            freed = self.db.execute(
                "UPDATE effects SET state = 'waiting', due = not_before, holder = NULL"
                " WHERE state = 'leased' AND holder IS ?", (name,),
            ).rowcount  # fmt: skip
            self._moved(LEASED, WAITING, freed)
            taken += freed
        return taken

    def settle(self, outcomes: Iterable[Outcome], now: float) -> None:
        """Keep what became of deliveries; the next of their order may be claimed once one has ended."""
        for outcome in outcomes:
            row = self.db.execute("SELECT order_key, state, holder FROM effects WHERE id = ?", (outcome.id,)).fetchone()
            if row is None or row[1:] != (LEASED, self.holder.name):  # an operator has discarded it meanwhile
                continue
            has_ended = outcome.state in (SENT, DEAD)
            self.db.execute(
                "UPDATE effects SET state = ?, due = ?, ended = ?, last = coalesce(?, last), attempts = attempts - ?,"
                " holder = NULL"
                " WHERE id = ?",
                (outcome.state, outcome.due, now if has_ended else None,
                 None if outcome.last is None else _encode(outcome.last), not outcome.counts, outcome.id),
            )  # fmt: skip
            self.kept.move(LEASED, outcome.state)
            if has_ended and row[0] is not None:
                self.db.execute(NEXT_OF_ORDER, (now, row[0]))

    def park(self, known: frozenset[str], now: float) -> tuple[int, bool]:
        """Park what waits for upstreams that are not *known*, let go on what is parked for those that are: one step.

        Returns how many are parked anew, and whether that was all.
        """
        parked, left = 0, _AT_ONCE
        for name in self.upstreams - known:
            changed = self._park(name, left - parked)
            parked += changed
            if parked == left:
                return parked, False
            self.upstreams.discard(name)
        left -= parked
        totals = self.db.execute("SELECT upstream FROM totals WHERE state = 'parked' AND count > 0").fetchall()
        for name in {name for (name,) in totals} & known:
            left -= self._unpark(name, now, left)
            if left == 0:
                return parked, False
        return parked, True

    def _park(self, upstream: str, most: int) -> int:
        """Park up to *most* of what waits for *upstream*; returns how many."""
        changed = self.db.execute(
            "UPDATE effects SET state = 'parked', due = NULL"
            " WHERE seq IN (SELECT seq FROM effects WHERE state = 'waiting' AND upstream = ? LIMIT ?)",
            (upstream, most),
        ).rowcount
        self._moved(WAITING, PARKED, changed)
        return changed

    def _unpark(self, upstream: str, now: float, most: int) -> int:
        """Make up to *most* parked effects to *upstream* wait again, those with an order behind the first of it."""
        self.upstreams.add(upstream)
        rows = self.db.execute(
            "SELECT seq, order_key FROM effects WHERE state = 'parked' AND upstream = ? LIMIT ?", (upstream, most)
        ).fetchall()
        self.db.executemany(
            "UPDATE effects SET state = 'waiting', due = CASE WHEN order_key IS NULL THEN not_before END WHERE seq = ?",
            [(seq,) for seq, _ in rows],
        )
        self._moved(PARKED, WAITING, len(rows))
        orders = {order for _, order in rows if order is not None}
        self.db.executemany(NEXT_OF_ORDER, [(now, order) for order in orders])
        return len(rows)

    def _moved(self, old: str, new: str, number: int) -> None:
        for _ in range(number):
            self.kept.move(old, new)

    def expire(self, waiting_since: float, now: float) -> int:
        """Expire effects that wait since before *waiting_since*; return their number in this step."""
        rows = [
            row
            for state in (WAITING, PARKED)
            for row in self.db.execute(
                "SELECT seq, order_key, state FROM effects WHERE state = ? AND created < ? AND ended IS NULL"
                " ORDER BY created LIMIT ?",
                (state, waiting_since, _AT_ONCE),
            ).fetchall()
        ]
        last = _encode(EXPIRED)
        for seq, order, state in rows:
            self.db.execute(
                "UPDATE effects SET state = 'dead', due = NULL, ended = ?, last = ? WHERE seq = ?", (now, last, seq)
            )
            self.kept.move(state, DEAD)
            if order is not None:
                self.db.execute(NEXT_OF_ORDER, (now, order))
        return len(rows)

    def forget(self, state: str, ended_before: float, now: float) -> int:
        """Remove those in *state* that ended before then, and keys that are known no longer; returns how many."""
        rows = self.db.execute(
            "SELECT seq, size FROM effects WHERE state = ? AND ended < ? ORDER BY ended LIMIT ?",
            (state, ended_before, _AT_ONCE),
        ).fetchall()
        self.remove(state, rows)
        keys = self.db.execute(
            "DELETE FROM dedupe WHERE key IN (SELECT key FROM dedupe WHERE until <= ? LIMIT ?)", (now, _AT_ONCE)
        )
        return len(rows) + keys.rowcount

    def probe(self) -> None:
        """Write, to see whether that works."""
        self.db.execute(f"PRAGMA user_version={VERSION}")

    def close(self) -> None:
        """Close the file."""
        self.db.close()
        self.holder.close()
