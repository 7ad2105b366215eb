"""Text as a terminal may show it: escapes visible, columns as wide as they look, long lines cut."""

from __future__ import annotations

import os
import unicodedata
from bisect import bisect_right
from itertools import accumulate
from typing import TextIO

_WIDEST = 100
_TAB = 4


def has_color(stream: TextIO) -> bool:
    """Return whether *stream* is a terminal that wants colours (no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def printable(text: str) -> str:
    """*text* in which what a terminal would act on, or not show at all, is written as its escape."""
    return text if text.isprintable() else "".join(map(_visible, text))


def cells(text: str) -> int:
    """Return the number of terminal cells of *text*, all of which is printable."""
    return len(text) if text.isascii() else sum(map(_cells, text))


def cut(text: str, most: int, mark: str = "…") -> str:
    """Return *text*, or as much of it as fits before *mark* into *most* cells."""
    if cells(text) <= most:
        return text
    edges = list(accumulate(map(_cells, text)))
    return text[: bisect_right(edges, most - len(mark))] + mark


def padded(text: str, width: int) -> str:
    """Return *text* with as many spaces as fill *width* cells."""
    return text + " " * (width - cells(text))


def fit(line: str, spans: list[tuple[int, int]], widest: int = _WIDEST) -> tuple[str, list[tuple[int, int]]]:
    r"""*line* as it is shown, and where each of *spans* lies in it, in cells from 0 (the end is exclusive).

    *spans* hold columns as in a position. A span covers at least one cell and stays within the line
    or right behind it. A line of more than *widest* cells is cut, with `…`, around the first span::

        fit("a\tb", [(3, 4)])  →  ("a    b", [(5, 6)])
    """
    shown = [_visible(character) for character in line]
    edges = [0]
    for text in shown:
        edges.append(edges[-1] + _cells(text))
    cells = [_span(edges, start, end) for start, end in spans]
    return _cut(shown, edges, cells, widest) if edges[-1] > widest else ("".join(shown), cells)


def _span(edges: list[int], column: int, end_column: int) -> tuple[int, int]:
    last = len(edges) - 1
    start = edges[min(column - 1, last)]
    return start, max(edges[min(max(end_column, column) - 1, last)], start + 1)


def _cut(
    shown: list[str], edges: list[int], cells: list[tuple[int, int]], widest: int
) -> tuple[str, list[tuple[int, int]]]:
    """The window of the line, *widest* cells with its marks, that begins a third of that before the first span."""
    length = len(shown)
    widest -= 2
    wanted = min(max(cells[0][0] - widest // 3, 0), edges[-1] - widest)
    first = next(index for index in range(length + 1) if edges[index] >= wanted)
    last = max(index for index in range(first, length + 1) if edges[index] <= edges[first] + widest)
    before, after = "…" if first else "", "…" if last < length else ""
    low, high = edges[first] - len(before), edges[last] - edges[first] + len(before)
    moved = [(min(max(start - low, 0), high), min(max(end - low, 1), high + 1)) for start, end in cells]
    return before + "".join(shown[first:last]) + after, moved


def _visible(character: str) -> str:
    if character.isprintable():
        return character
    return " " * _TAB if character == "\t" else character.encode("unicode_escape").decode("ascii")


def _cells(text: str) -> int:
    """Return the number of terminal cells of *text*: East Asian wide letters take two, combining marks none."""
    if text.isascii():
        return len(text)
    if unicodedata.combining(text[0]) or unicodedata.category(text[0]) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(text[0]) in "WF" else 1
