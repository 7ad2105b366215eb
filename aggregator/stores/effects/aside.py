"""Effects that are switched off, in their file: set aside, so that no turn looks at them until they are switched on.

They wait, and are due at ``ASIDE``, which never comes: whatever waits there, a turn looks at what is due, and at the
few labels that are aside, by an index. They are found there once a process opens the file that others have left.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any, Final

from aggregator.stores.effects.contract import Label

ASIDE: Final = 1e12
"""Seconds of Unix time, far beyond any that a file or a clock says."""
AT_ONCE: Final = 500
"""Effects that one turn sets aside, and brings back."""
_NEXT_NAME: Final = """
SELECT endpoint, name FROM effects WHERE due >= 1e12 AND endpoint = ? AND name > ? ORDER BY name LIMIT 1
"""
_NEXT_ENDPOINT: Final = """
SELECT endpoint, name FROM effects WHERE due >= 1e12 AND endpoint > ? ORDER BY endpoint, name LIMIT 1
"""
_BACK: Final = """
UPDATE effects SET due = not_before WHERE seq IN (
    SELECT seq FROM effects WHERE due >= 1e12 AND endpoint = ? AND name = ? LIMIT ?
)
"""


def labels(db: sqlite3.Connection) -> Iterator[Label]:
    """Yield the labels of what is aside, by two looks at the index for each, however many effects they are.

    A comparison of both columns at once would step over all effects of the label before.
    """
    found: Label | None = db.execute(_NEXT_ENDPOINT, ("",)).fetchone()
    while found is not None:
        yield found
        found = db.execute(_NEXT_NAME, found).fetchone() or db.execute(_NEXT_ENDPOINT, found[:1]).fetchone()


def set_aside(db: sqlite3.Connection, rows: list[tuple[Any, ...]]) -> None:
    """Set those of *rows* aside, each of which begins with its place."""
    db.executemany("UPDATE effects SET due = 1e12 WHERE seq = ?", [(row[0],) for row in rows])


def bring_back(db: sqlite3.Connection, aside: set[Label], off: frozenset[Label]) -> None:
    """Make up to ``AT_ONCE`` effects due whose label is *aside* and not *off*; labels with none left leave *aside*."""
    left = AT_ONCE
    for label in aside - off:
        number = db.execute(_BACK, (*label, left)).rowcount
        if number < left:
            aside.discard(label)
        left -= number
        if left <= 0:
            return
