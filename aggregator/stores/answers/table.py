"""The table of answers by key, each within the transaction of whoever calls.

    none ── claim ──▶ claimed, until its lifetime is over ── keep ──▶ kept, until its lifetime is over ──▶ none
                        └── release, or its lifetime is over ──▶ none

Several processes may use one file; numbers and bytes are counted in it.
"""

from __future__ import annotations

import secrets
import sqlite3
from pathlib import Path
from typing import Final

from msgspec import Struct

from aggregator.stores.sqlite.opening import write_ahead

VERSION: Final = 1
"""Grows with every form that earlier programs cannot read; kept as ``user_version``."""
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS answers (
    key BLOB PRIMARY KEY, request BLOB NOT NULL, token INTEGER NOT NULL, until REAL NOT NULL, size INTEGER NOT NULL,
    value BLOB
);
CREATE INDEX IF NOT EXISTS answers_until ON answers (until);
CREATE INDEX IF NOT EXISTS answers_first ON answers (until) WHERE value IS NOT NULL;
CREATE TABLE IF NOT EXISTS total (one INTEGER PRIMARY KEY, count INTEGER NOT NULL, size INTEGER NOT NULL);
INSERT OR IGNORE INTO total VALUES (1, 0, 0);
CREATE TRIGGER IF NOT EXISTS more AFTER INSERT ON answers BEGIN
    UPDATE total SET count = count + 1, size = size + new.size; END;
CREATE TRIGGER IF NOT EXISTS less AFTER DELETE ON answers BEGIN
    UPDATE total SET count = count - 1, size = size - old.size; END;
CREATE TABLE IF NOT EXISTS subjects (subject BLOB, key BLOB, PRIMARY KEY (subject, key)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS subjects_key ON subjects (key);
CREATE TRIGGER IF NOT EXISTS gone AFTER DELETE ON answers BEGIN DELETE FROM subjects WHERE key = old.key; END;
CREATE TRIGGER IF NOT EXISTS other AFTER UPDATE OF size ON answers BEGIN
    UPDATE total SET size = size + new.size - old.size; END;
"""
_OVERHEAD: Final = 200
"""Bytes that a row costs beside its value, about."""
_AT_ONCE: Final = 100
"""Rows whose time is over that are removed with each answer that is kept."""
_PATIENCE: Final = 5.0
"""Seconds to wait for the transaction of another process."""


class Bounds(Struct, frozen=True):
    """The number of answers, and of their bytes, that may be kept."""

    count: int
    size: int


class Held(Struct, frozen=True):
    """What is kept of a key: the digest of its *request*, and its answer, None while that is being made.

    *left* are the seconds after which that is over.
    """

    request: bytes
    value: bytes | None
    left: float


class AnswerTable:
    """The open file at *path*, or a table in memory (``:memory:``). Used by one thread; raises ``sqlite3.Error``."""

    def __init__(self, path: Path | str) -> None:
        self.db = sqlite3.connect(path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False)
        try:
            self._open()
        except BaseException:
            self.db.close()
            raise

    def _open(self) -> None:
        write_ahead(self.db)
        self.db.execute("PRAGMA synchronous=FULL")
        (version,) = self.db.execute("PRAGMA user_version").fetchone()
        if version > VERSION:
            raise sqlite3.DatabaseError(f"it is of version {version}, and this program reads {VERSION}")
        self.db.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version={VERSION}; COMMIT;")

    def count(self) -> None:
        """Do nothing: what is kept is counted in the file."""

    @property
    def total(self) -> Bounds:
        """The number of answers, claims included, and their bytes."""
        return Bounds(*self.db.execute("SELECT count, size FROM total").fetchone())

    def claim(
        self, key: bytes, request: bytes, now: float, lifetime: float, subject: bytes | None = None
    ) -> Held | int:  # fmt: skip
        """Return the token of the one who may make the answer of *key* until *lifetime* is over, or what is there.

        *request* is a digest of what is asked for, *subject* one of whose answer it is, *now* is Unix time.
        """
        row = self.db.execute("SELECT request, value, until FROM answers WHERE key = ?", (key,)).fetchone()
        if row is not None and row[2] > now:
            return Held(row[0], row[1], row[2] - now)
        token = secrets.randbits(62)
        self.db.execute("DELETE FROM answers WHERE key = ?", (key,))
        self.db.execute("INSERT INTO answers VALUES (?, ?, ?, ?, ?, NULL)", (key, request, token, now + lifetime,
                                                                             _OVERHEAD))  # fmt: skip
        if subject is not None:
            self.db.execute("INSERT OR IGNORE INTO subjects VALUES (?, ?)", (subject, key))
        return token

    def forget(self, subject: bytes) -> int:
        """Forget all answers of *subject*, and claims, so that what is being made is not kept; return how many."""
        keys = self.db.execute("SELECT key FROM subjects WHERE subject = ?", (subject,)).fetchall()
        self.db.executemany("DELETE FROM answers WHERE key = ?", keys)
        return len(keys)

    def keep(self, key: bytes, token: int, value: bytes, now: float, lifetime: float, bounds: Bounds) -> int:
        """Keep *value* for *lifetime*, unless the claim of *token* is over; return how many others had to go for it.

        Beyond *bounds* those go first whose time is over first; a value that is larger than all may be is not kept.
        """
        size = len(value) + _OVERHEAD
        if size > bounds.size:
            self.release(key, token)
            return 0
        self.db.execute(
            "DELETE FROM answers WHERE key IN (SELECT key FROM answers WHERE until <= ? ORDER BY until LIMIT ?)"
            " AND key != ?", (now, _AT_ONCE, key),
        )  # fmt: skip
        self.db.execute(
            "UPDATE answers SET value = ?, until = ?, size = ? WHERE key = ? AND token = ? AND value IS NULL",
            (value, now + lifetime, size, key, token),
        )
        return self._shrink(key, bounds)

    def _shrink(self, key: bytes, bounds: Bounds) -> int:
        gone = 0
        while (total := self.total).count > bounds.count or total.size > bounds.size:
            found = self.db.execute(
                "DELETE FROM answers WHERE key = (SELECT key FROM answers WHERE value IS NOT NULL AND key != ?"
                " ORDER BY until LIMIT 1)", (key,),
            )  # fmt: skip
            if not found.rowcount:
                break
            gone += 1
        return gone

    def release(self, key: bytes, token: int) -> None:
        """Release the claim of *token*: the next request makes the answer."""
        self.db.execute("DELETE FROM answers WHERE key = ? AND token = ? AND value IS NULL", (key, token))

    def close(self) -> None:
        """Close the file."""
        self.db.close()
