"""Cuts a file into pieces that can be read one by one, so that a changed line costs one piece.

A piece is a top-level key with what belongs to it, or one endpoint. ``document`` reads the pieces and goes
back to the whole file whenever one of them is not exactly one key.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from itertools import islice, pairwise
from typing import Literal, NamedTuple

from aggregator.config.text.reading import MOST_SECTIONS

_GAP = r"(?:[ ]*(?:#[^\n]*)?\n)*"
_OPENING = re.compile(rf"{_GAP}(?:---[ ]*(?:#[^\n]*)?(?:\n|\Z){_GAP})?")
_HEADER = re.compile(rf"endpoints:[ ]*(?:#[^\n]*)?\n{_GAP}( *)(?=[^ \n#])")
_NOT_A_PLAIN_KEY = re.compile(r"[{\[?:&*!|>%@`<,\t]|---|\.\.\.")


class Piece(NamedTuple):
    """*text* from line *line* (0-based) of its file on: a section, an endpoint, or the line above the endpoints."""

    text: str
    line: int
    kind: Literal["section", "header", "endpoint"] = "section"


def cut(text: str) -> list[Piece] | None:
    """The pieces of *text* in order, or None when it does not have the plain form that can be cut.

    The header line of ``endpoints`` is a piece of its own, followed by one piece for each endpoint.
    Comments between pieces may be lost, everything else is in exactly one of them.
    """
    opening = _OPENING.match(text)
    begin = opening.end() if opening else 0
    pieces: list[Piece] = []
    blocks = _blocks(text, begin, len(text), 0, text.count("\n", 0, begin))
    for block in islice(blocks, MOST_SECTIONS):
        pieces += _with_endpoints(block)
    if next(blocks, None) is not None or any(_NOT_A_PLAIN_KEY.match(piece.text.lstrip(" ")) for piece in pieces):
        return None
    return pieces or None


def _with_endpoints(block: Piece) -> list[Piece]:
    """The section *block*, cut further if it is a mapping of endpoints."""
    header = _HEADER.match(block.text)
    if header is None or not header[1]:
        return [block]
    first = header.start(1)
    line = block.line + block.text.count("\n", 0, first)
    inner = _blocks(block.text, first, len(block.text), len(header[1]), line)
    endpoints = [Piece(text, line, "endpoint") for text, line, _ in inner]
    return [Piece(block.text[:first], block.line, "header"), *endpoints] if endpoints else [block]


def _blocks(text: str, begin: int, end: int, indent: int, line: int) -> Iterator[Piece]:
    """Yield the blocks that begin with a key at *indent*, from *begin* in line *line* to *end*; none if not all do."""
    starts = [found.start() for found in _key_at(indent).finditer(text, begin, end)]
    if starts[:1] != [begin]:
        return
    previous = begin
    for start, stop in pairwise([*starts, end]):
        line += text.count("\n", previous, start)
        yield Piece(text[start : _without_comments(text, start, stop, indent)], line)
        previous = start


@cache
def _key_at(indent: int) -> re.Pattern[str]:
    """Lines at *indent*, but for comments, closing brackets and items of a list that belong to a key above."""
    return re.compile(rf"^[ ]{{{indent}}}(?=[^ \n#\]}}])(?!-(?:[ \n]|\Z))", re.MULTILINE)


def _without_comments(text: str, start: int, stop: int, indent: int) -> int:
    """Return the end of the block without the comments behind it, which are about the next one."""
    end = stop
    while (line_start := text.rfind("\n", start, end - 1) + 1) > start:
        line = text[line_start:end].lstrip(" ")
        if line.startswith("#") and end - line_start - len(line) <= indent:
            stop = line_start
        elif line.strip("\n"):
            break
        end = line_start
    return stop
