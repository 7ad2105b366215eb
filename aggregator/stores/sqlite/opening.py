"""How files are opened that several processes share."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Mapping
from typing import Final

_TRIES: Final = 100
_PAUSE: Final = 0.05
_LET_OTHERS: Final = 0.25
"""Seconds between two indexes: who waits for a transaction looks every tenth of a second whether there is none."""


def write_ahead(db: sqlite3.Connection) -> None:
    """Switch *db* to write-ahead logging. Raises ``sqlite3.Error``.

    While another process does this to a new file, SQLite fails at once, whatever its time to wait is: so it is tried
    for five seconds.
    """
    for left in reversed(range(_TRIES)):
        try:
            db.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or not left:
                raise
            time.sleep(_PAUSE)


def add_indexes(
    db: sqlite3.Connection, table: str, indexes: Mapping[str, str], tell: Callable[[str], object],
    pause: Callable[[float], object] = time.sleep,
) -> None:  # fmt: skip
    """Add those of *indexes*, which say by their names what they are on, that are not there. Raises ``sqlite3.Error``.

    Where *table* holds rows each of them is a transaction of its own, of which *tell* is told, with a *pause* for other
    processes between two: one over millions of rows takes seconds.
    """
    there = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'index'")}
    missing = [name for name in indexes if name not in there]
    if not missing:
        return
    has_rows = db.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone() is not None  # noqa: S608
    steps = [[name] for name in missing] if has_rows else [missing]
    for place, step in enumerate(steps):
        if place:
            pause(_LET_OTHERS)
        db.execute("BEGIN IMMEDIATE")
        for name in step:
            if has_rows:
                tell(name)
            db.execute(f"CREATE INDEX IF NOT EXISTS {name} ON {indexes[name]}")
        db.execute("COMMIT")
