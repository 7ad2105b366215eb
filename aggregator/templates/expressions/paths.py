"""Dotted paths: ``order.items[0].sku`` parsed without Jinja, and read from a context by one closure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from aggregator.templates.expressions.data import MISSING, step

Path: TypeAlias = tuple[str | int, ...]
"""A root name and the keys and indexes that follow it; the first part is always text."""

Read: TypeAlias = Callable[[Mapping[str, Any]], Any]

_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_INDEX = r"0|[1-9][0-9]{0,8}"
_PART = (
    rf"\.(?P<name>{_NAME})|\.(?P<dotted>{_INDEX})"
    rf"|\[\s*(?:(?P<index>-?(?:{_INDEX}))|(?P<key>'[^'\\]*'|\"[^\"\\]*\"))\s*\]"
)
_PARTS: Final = re.compile(_PART)
_EXPRESSION: Final = re.compile(rf"(?P<root>{_NAME})(?P<rest>(?:{re.sub(r'[?]P<[a-z]+>', '?:', _PART)})*)")
_WORD: Final = re.compile(r"[\w-]+")
_DIGITS: Final = re.compile(_INDEX)

KEYWORDS: Final = frozenset(
    {"and", "else", "if", "in", "is", "not", "or", "self", "super"}
    | {"true", "false", "none", "null", "True", "False", "None"}
)
"""Words that are no names in an expression."""


def is_name(word: str) -> bool:
    """Whether *word* can be a name in an expression: a parameter, a call, an upstream's result."""
    return (
        word.isidentifier()
        and word not in KEYWORDS
        and not word.startswith("__")
        and unicodedata.is_normalized("NFKC", word)  # Python would fold two such names into one
    )


def parse_path(source: str) -> Path | None:
    """The path that the expression *source* consists of (``a.b``, ``a['b']``, ``a[0]``), or None."""
    match = _EXPRESSION.fullmatch(source)
    if match is None or not is_name(match["root"]):
        return None
    path: list[str | int] = [match["root"]]
    for part in _PARTS.finditer(match["rest"]):
        index = part["dotted"] or part["index"]
        path.append(int(index) if index else part["name"] or part["key"][1:-1])
    return None if any(_is_dunder(key) for key in path) else tuple(path)


def parse_dotted(source: str) -> Path | None:
    """The path in a URL placeholder: parts joined by dots, digits are an index, hyphens belong to a name."""
    root, *keys = source.split(".")
    if not is_name(root) or not all(_WORD.fullmatch(key) for key in keys):
        return None
    return (root, *map(_key, keys))


def parse_keys(source: str) -> tuple[str | int, ...]:
    """The keys that ``attribute='buyer.name'`` names within an element; digits are an index."""
    return tuple(map(_key, source.split(".")))


def _key(word: str) -> str | int:
    return int(word) if _DIGITS.fullmatch(word) else word


def read_path(path: Path) -> Read:
    """A closure that reads *path* from a context: `MISSING` where a part is null, absent or no container."""
    root, keys = str(path[0]), path[1:]
    if not keys:
        return lambda context: context.get(root, MISSING)
    within = read_keys(keys)
    return lambda context: within(context.get(root, MISSING))


def read_keys(keys: tuple[str | int, ...]) -> Callable[[Any], Any]:
    """A closure that takes the steps *keys* into a value, in the same way."""

    def read(value: Any) -> Any:
        for key in keys:
            fast = type(value) is dict and type(key) is str
            value = value.get(key, MISSING) if fast else step(value, key)
        return value

    return read


def dotted(path: Path) -> str:
    """How messages write *path*: ``order.items.0.sku``."""
    return ".".join(map(str, path))


def _is_dunder(key: str | int) -> bool:
    return isinstance(key, str) and key.startswith("__") and key.endswith("__")
