"""What a text means where a condition is wanted, and which pieces of a condition are wanted as one."""

from __future__ import annotations

import re

_TRUE = frozenset({"yes", "on", "true", "1"})
_FALSE = frozenset({"no", "off", "false", "0", "", "null", "~"})
_BEFORE = re.compile(r"(?:\{\{[-+]?|\b(?:and|or|not|if|else))[\s(]*\Z")
_BEHIND = re.compile(r"[\s)]*(?:[-+]?\}\}|\b(?:and|or|if|else)\b)")


def truth_of(value: str) -> bool | None:
    """Return what *value* says as a condition, in any case and with space around it, or None for another text."""
    word = value.strip().lower()
    return word in _TRUE if word in _TRUE | _FALSE else None


def is_wanted_as_truth(text: str, start: int, stop: int) -> bool:
    """Return whether what stands from *start* to *stop* in *text*, a condition, decides by itself.

    So it does alone, and beside ``and``, ``or``, ``not``, ``if`` and ``else``; in a comparison or a call it is a value.
    """
    return bool(_BEFORE.search(text, 0, start) and _BEHIND.match(text, stop))
