"""Where the expressions of a text are, and the strings in them; nothing is compiled here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

OPENING: Final = re.compile(r"\{\{|\{%|\{#")
_MARK: Final = re.compile(r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"|[\[({\])}]", re.DOTALL)


def closing(source: str, start: int) -> int:
    """Where the ``}}`` of the expression from *start* on is, or -1; strings and brackets within are skipped."""
    depth = 0
    for mark in _MARK.finditer(source, start):
        if mark[0] in "[({":
            depth += 1
        elif mark[0] in "])}":
            if not depth and source.startswith("}}", mark.start()):
                return mark.start()
            depth -= depth > 0
    return source.find("}}", start)  # unbalanced: the parser says where


def expressions_in(source: str) -> Iterator[tuple[int, int]]:
    """Start and end of what stands within each ``{{ … }}``; one that is never closed goes on to the end."""
    position = 0
    while opening := OPENING.search(source, position):
        start = position = opening.end()
        if opening[0] == "{{":
            end = closing(source, start)
            position = len(source) if end == -1 else end + 2
            yield start, len(source) if end == -1 else end


def is_one_expression(source: str) -> bool:
    """Whether *source* is a single ``{{ … }}``; line breaks behind it do not count."""
    first = next(expressions_in(source), None)
    return first is not None and first[0] == 2 and not source[first[1] + 2 :].strip("\n")


def quote_around(source: str, start: int, place: int) -> str:
    """The quote that begins the string around *place*, in the expression from *start* on; empty without one."""
    strings = (mark for mark in _MARK.finditer(source, start) if mark[0][0] in "'\"")
    return next((mark[0][0] for mark in strings if mark.start() < place < mark.end()), "")
