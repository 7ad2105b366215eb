"""The types of JSON Schema: which Python values are of one, and strict reading of a text as one.

Texts come from paths, queries and headers. An integer must read back as it was written, so ``012``, ``+5``,
``1e3`` and blanks are refused; a boolean is ``true`` or ``false``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_BOOLEANS = {"true": True, "false": False}

TEXT_TYPES = ("string", "integer", "number", "boolean")
"""The types that one text can be read as."""

ARTICLES = {
    "string": "a string",
    "integer": "an integer",
    "number": "a number",
    "boolean": "true or false",
    "array": "an array",
    "object": "an object",
    "null": "null",
}
"""How a message calls a value of each type."""


def has_type(value: Any, name: str) -> bool:
    """Return whether JSON Schema gives *value* the type *name*: true is no number, ``1.0`` is an integer."""
    if name == "number":
        return isinstance(value, int | float) and not isinstance(value, bool)
    if name == "integer":
        return has_type(value, "number") and (isinstance(value, int) or value.is_integer())
    return isinstance(value, _CLASSES[name])


_CLASSES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "boolean": bool,
    "array": (list, tuple),
    "object": dict,
    "null": type(None),
}


def read_string(text: str) -> str:
    """Return *text* as it is."""
    return text


def read_integer(text: str) -> int:
    """Return the integer that *text* writes as JSON does; raise ``ValueError`` otherwise."""
    value = int(text)
    if str(value) != text:
        raise ValueError
    return value


def read_number(text: str) -> int | float:
    """Return the number that *text* writes as JSON does, exact if whole; raise ``ValueError`` otherwise."""
    found = _NUMBER.fullmatch(text)
    if found is None:
        raise ValueError
    if found.lastindex is None:
        return int(text)
    number = float(text)
    if not math.isfinite(number):
        raise ValueError
    return number


def read_boolean(text: str) -> bool:
    """Return the boolean for ``true`` and ``false``; raise ``ValueError`` otherwise."""
    try:
        return _BOOLEANS[text]
    except KeyError:
        raise ValueError from None


READERS: dict[str, Callable[[str], Any]] = {
    "string": read_string,
    "integer": read_integer,
    "number": read_number,
    "boolean": read_boolean,
}
"""For every type that a text can have, the function that reads it or raises ``ValueError``."""
