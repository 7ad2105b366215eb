"""Bounds on the number of values that formats read and write: each is an object of Python, however short its text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MAX_CELLS = 200_000
"""Cells of a CSV body; eight megabytes of short ones took eight seconds and 1.6 GB."""
MAX_VALUES = 200_000
"""Values of a MessagePack body, each of which may be a single byte; eight megabytes of them took 2.5 GB."""
MAX_LINES = 200_000
"""Values of a body of JSON lines."""
MAX_WRITTEN_FIELDS = 10_000
"""Fields of a form, or parts of a multipart body, that are written; servers commonly read a thousand."""
MAX_ELEMENTS = 50_000
"""Elements and attributes of an XML document, which cost ten times as much."""


def exceeds(value: Any, most: int) -> bool:
    """Return whether *value* is made of more than *most* members of lists and objects, at any depth."""
    pending, seen = [value], 0
    while pending:
        node = pending.pop()
        if isinstance(node, Mapping | list | tuple):
            seen += len(node)
            if seen > most:
                return True
            pending.extend(node.values() if isinstance(node, Mapping) else node)
    return False
