"""Paths into JSON data, and taking what is at one.

::

    a.b.c          the field c of the field b of the field a
    items.sku      a name goes through arrays: the field sku of every item
    items.0.sku    digits are an index where the data is an array, a name where it is an object
    items.*.sku    * is every field of an object and every item of an array; items[].sku is the same
    "a.b".c        in double quotes (a JSON string) a name may hold anything

Anything beyond that is a query (JMESPath).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, Final

from aggregator.errors import ExpressionError
from aggregator.shaping.problems import ShapeProblem
from aggregator.templates.expressions.data import MISSING

MAX_SEGMENTS = 50
_SEGMENT = re.compile(r'"(?:[^"\\]|\\.)*"|\*|[^.\[\]"*]+')
_INDEX = re.compile(r"0|[1-9][0-9]{0,8}")


class Each:
    """The type of `EACH`, the segment ``*``."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "*"


EACH: Final = Each()
"""Every field of an object, every item of an array."""

Segment = str | Each
Path = tuple[Segment, ...]


def parse_path(text: str) -> Path:
    """Return the segments of *text*; raise ``ShapeProblem`` with the offset of what is wrong."""
    segments: list[Segment] = []
    position = 0
    while True:
        found = _SEGMENT.match(text, position)
        if found is None:
            raise ShapeProblem("A path needs a name here.", position)
        segments.append(EACH if found[0] == "*" else _name(found[0], position))
        position = found.end()
        while text.startswith("[]", position):
            segments.append(EACH)
            position += 2
        if len(segments) > MAX_SEGMENTS:
            raise ShapeProblem(f"A path has at most {MAX_SEGMENTS} names.", position)
        if position == len(text):
            return tuple(segments)
        if text[position] != ".":
            raise ShapeProblem("A path separates names with dots; quote names that hold . [ ] * or quotes.", position)
        position += 1


def _name(text: str, position: int) -> str:
    if text.startswith('"'):
        try:
            return str(json.loads(text))
        except ValueError:
            raise ShapeProblem("This quoted name is not a JSON string.", position) from None
    if text == "$" and position == 0:
        raise ShapeProblem("A path begins with a name, not with the `$` of JSONPath.", position)
    if text != text.strip():
        raise ShapeProblem("A name has no blanks around it; quote it if they belong to it.", position)
    return text


def index_of(segment: Segment) -> int | None:
    """Return the array index that *segment* stands for, or None when it is a name or ``*``."""
    return int(segment) if isinstance(segment, str) and _INDEX.fullmatch(segment) else None


def compile_extract(text: str) -> Callable[[Any], Any]:
    """Return the function that takes what is at the path *text*, or ``MISSING``.

    A path through arrays or ``*`` gives an array of what was found; items without it are left out. Raises
    ``ShapeProblem``.
    """
    path = parse_path(text)
    indexes = [index_of(segment) for segment in path]

    def extract(value: Any) -> Any:
        try:
            return _take(value, path, indexes, 0)
        except RecursionError:
            raise ExpressionError("The data is nested too deeply.") from None

    return extract


def _take(value: Any, path: Path, indexes: list[int | None], depth: int) -> Any:
    for position in range(depth, len(path)):
        segment = path[position]
        if isinstance(value, dict):
            if segment is EACH:
                return _found(_take(field, path, indexes, position + 1) for field in value.values())
            value = value.get(segment, MISSING)
        elif isinstance(value, list | tuple):
            index = indexes[position]
            if index is None:
                below = position + 1 if segment is EACH else position
                return _found(_take(item, path, indexes, below) for item in value)
            value = value[index] if index < len(value) else MISSING
        else:
            return MISSING
    return value


def _found(values: Any) -> list[Any]:
    return [value for value in values if value is not MISSING]
