"""The tables of durable effects."""

from __future__ import annotations

from typing import Final

VERSION: Final = 2
"""Grows with every form that earlier programs cannot read; kept as ``user_version``."""

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS effects (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    upstream TEXT NOT NULL,
    request_id TEXT NOT NULL,
    order_key TEXT,
    state TEXT NOT NULL,
    created REAL NOT NULL,
    not_before REAL NOT NULL,
    due REAL,
    ended REAL,
    attempts INTEGER NOT NULL,
    size INTEGER NOT NULL,
    last BLOB,
    request BLOB NOT NULL,
    holder TEXT
);
CREATE TABLE IF NOT EXISTS dedupe (key TEXT PRIMARY KEY, until REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS totals (
    state TEXT, upstream TEXT, count INTEGER NOT NULL, size INTEGER NOT NULL, PRIMARY KEY (state, upstream)
) WITHOUT ROWID;
"""
"""*due* is when it may be claimed, NULL while it waits for another of its order, is leased or has ended. *holder* is
the process that has leased it. The key of an order, and that of ``dedupe``, stands behind a name and a line feed.
"""
LABEL: Final = "endpoint || char(10) || name"
"""What an effect is of, in the words of its index."""
INDEXES: Final = {
    "effects_due_of": f"effects (upstream, {LABEL}, due) WHERE due IS NOT NULL",
    "effects_state": "effects (state, upstream, size)",
    "effects_live_order": "effects (order_key, seq) WHERE order_key IS NOT NULL AND ended IS NULL",
    "effects_ended": "effects (state, ended) WHERE ended IS NOT NULL",
    "effects_created": "effects (state, created) WHERE ended IS NULL",
    "effects_request": "effects (request_id)",
    "effects_subject": "effects (substr(order_key, instr(order_key, char(10)) + 1)) WHERE order_key IS NOT NULL",
    "dedupe_until": "dedupe (until)",
    "dedupe_subject": "dedupe (substr(key, instr(key, char(10)) + 1))",
}
"""What each index is on, by its name."""
OLD_INDEXES: Final = ("effects_order", "effects_due", "effects_aside")
"""Indexes of earlier programs, in place of which others stand."""
HAS_ASIDE: Final = "SELECT 1 FROM sqlite_master WHERE name = 'effects_aside'"
FROM_ASIDE: Final = "UPDATE effects SET due = not_before WHERE due >= 1e12"
"""Makes due what an earlier program has set aside since it was switched off, in a file that has its index."""
SUBJECT: Final = "order_key IS NOT NULL AND substr(order_key, instr(order_key, char(10)) + 1)"
"""The key of an order as operators say it, in the words of its index."""

TRIGGERS: Final = (
    """CREATE TRIGGER IF NOT EXISTS total_more AFTER INSERT ON effects WHEN new.holder IS NULL BEGIN
    INSERT INTO totals VALUES (new.state, new.upstream, 1, new.size)
        ON CONFLICT DO UPDATE SET count = count + 1, size = size + new.size; END""",
    """CREATE TRIGGER IF NOT EXISTS total_less AFTER DELETE ON effects BEGIN
    UPDATE totals SET count = count - 1, size = size - old.size
        WHERE state = old.state AND upstream = old.upstream; END""",
    """CREATE TRIGGER IF NOT EXISTS total_moved AFTER UPDATE OF state ON effects WHEN old.state != new.state BEGIN
    UPDATE totals SET count = count - 1, size = size - old.size
        WHERE state = old.state AND upstream = old.upstream;
    INSERT INTO totals VALUES (new.state, new.upstream, 1, new.size)
        ON CONFLICT DO UPDATE SET count = count + 1, size = size + new.size; END""",
)
"""What keeps ``totals``, so that any number of processes, and one that opens a file of millions, know them at once.

The first is for earlier programs that use the file beside this one, which counts what it inserts once a transaction.
"""
OLD_TRIGGER: Final = "SELECT 1 FROM sqlite_master WHERE name = 'total_more' AND instr(sql, 'new.holder') = 0"
"""Finds the trigger of a file that an earlier program has made, which counts what is counted already."""
FROM_VERSION_1: Final = (
    "ALTER TABLE effects ADD COLUMN holder TEXT",
    "INSERT INTO totals SELECT state, upstream, count(*), sum(size) FROM effects GROUP BY state, upstream",
)

INSERT: Final = """
INSERT INTO effects (id, name, endpoint, upstream, request_id, order_key, created, not_before, due, size, request,
    state, attempts, holder) VALUES
"""
ROW: Final = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'waiting', 0, '')"
"""One of the rows that follow. A holder that is nobody says that ``MORE_WAIT`` counts it, by upstream."""
MORE_WAIT: Final = """
INSERT INTO totals VALUES ('waiting', ?, ?, ?)
    ON CONFLICT DO UPDATE SET count = count + excluded.count, size = size + excluded.size
"""
SENT_BYTES: Final = "SELECT coalesce(sum(size), 0) FROM totals WHERE state = 'sent'"
OLDEST_SENT: Final = """
SELECT seq, size FROM effects WHERE state = 'sent' AND ended IS NOT NULL ORDER BY ended LIMIT ?
"""
BEHIND: Final = """
SELECT 1 FROM effects WHERE order_key = ? AND ended IS NULL LIMIT 1
"""
NEXT_OF_ORDER: Final = """
UPDATE effects SET due = max(not_before, ?1) WHERE seq = (
    SELECT seq FROM effects WHERE order_key = ?2 AND ended IS NULL ORDER BY seq LIMIT 1
) AND state = 'waiting' AND due IS NULL AND NOT EXISTS (
    SELECT 1 FROM effects WHERE order_key = ?2 AND ended IS NULL AND state = 'leased'
)
"""
BEFORE: Final = """
SELECT 1 FROM effects WHERE order_key = ?1 AND ended IS NULL AND seq != ?2 AND (seq < ?2 OR state = 'leased') LIMIT 1
"""
PUT_BEHIND: Final = """
UPDATE effects SET due = NULL
WHERE order_key = ? AND ended IS NULL AND seq > ? AND state = 'waiting' AND due IS NOT NULL
"""
COLUMNS: Final = """
id, name, endpoint, upstream, request_id, order_key, state, created, not_before, due, ended, attempts, size, last
"""
