"""How files are opened that several processes share."""

from __future__ import annotations

import sqlite3
import time
from typing import Final

_TRIES: Final = 100
_PAUSE: Final = 0.05


def write_ahead(db: sqlite3.Connection) -> None:
    """Have *db* write ahead. Raises ``sqlite3.Error``.

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
