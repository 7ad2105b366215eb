"""What reading a text gives, and how far reading goes before it refuses; for ``values`` and ``document``."""

from __future__ import annotations

from typing import Any

from msgspec import Struct, field

from aggregator.diagnostics import Diagnostic

DEEPEST = 64
"""Most levels of nesting."""
MOST_ALIASED = 250_000
"""Most values that all aliases of one file may stand for together."""
MOST_SECTIONS = 500
"""Most keys at the top level."""
MOST_PROBLEMS = 1000
"""Most problems that are noted in one text."""


class RefusedError(Exception):
    """The text cannot be read any further; *diagnostic* says why."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        self.diagnostic = diagnostic
        super().__init__(diagnostic.message)


class Anchored(Struct):
    """The value that ``&name`` names, and the number of its nodes with all aliases expanded."""

    value: Any = None
    nodes: int = 0
    complete: bool = False


class Reading(Struct):
    """The result of reading a text: its value and problems, the anchors it sets, and those of others it uses."""

    value: Any = None
    documents: int = 0
    problems: list[Diagnostic] = field(default_factory=list)
    anchors: dict[str, Anchored] = field(default_factory=dict)
    used: dict[str, Anchored] = field(default_factory=dict)
    aliased: int = 0
