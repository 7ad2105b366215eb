"""Diagnostics for people: what is wrong, the line it is in with a caret under it, the other place, the hint.

::

    routes.yaml:21:3 error[duplicate-key] the endpoint `GET /x` is written twice
       |
     9 |   GET /x:
       |   ------ first here
       :
    21 |   GET /x:
       |   ^^^^^^
       = hint: keep one of the two

Only text of the sources is quoted, so the value of a variable cannot appear.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby

from msgspec import Struct

from aggregator.diagnostics.display import fit, printable
from aggregator.diagnostics.values import Diagnostic, Position, Source, in_reading_order

_MOST = 100
_WIDEST_LINE = 100
_COLOURS = {"error": "1;31", "warning": "1;33", "other": "1;36", "quiet": "2", "gutter": "34", "strong": "1"}
_KEY_LINE = re.compile(r"( +)[^ \n#\-].*:(?: |$)")


class _Mark(Struct, frozen=True):
    """A span to underline: the problem itself, or another place with its label."""

    position: Position
    label: str = ""
    style: str = "other"

    @property
    def sign(self) -> str:
        return "-" if self.style == "other" else "^"


def render_text(
    diagnostics: Iterable[Diagnostic], sources: Mapping[str, Source], *, color: bool = False, width: int = 120
) -> str:
    """Every diagnostic in reading order with its frame, at most a hundred; no line break at the end.

    A file that *sources* does not hold gets no frame; *color* adds ANSI escapes. Source lines are cut to *width* cells,
    gutter and all, and to a hundred of their own, so that no terminal folds them away from their carets.
    """
    ordered = in_reading_order(diagnostics, sources)
    painter = _Painter(sources, color, width)
    said = ["\n".join(painter.entry(diagnostic)) for diagnostic in ordered[:_MOST]]
    if len(ordered) > _MOST:
        said.append(f"… and {len(ordered) - _MOST} more")
    return "\n\n".join(said)


class _Painter:
    """Draws one diagnostic after another from the same sources."""

    def __init__(self, sources: Mapping[str, Source], color: bool, width: int) -> None:
        self._width = width
        self._sources = sources
        self._color = color

    def entry(self, diagnostic: Diagnostic) -> Iterator[str]:
        """The lines of one diagnostic: headline, a frame for each file that takes part, hint."""
        at, level = diagnostic.position, diagnostic.level
        place = self._paint("strong", printable(str(at)))
        yield f"{place} {self._paint(level, f'{level}[{diagnostic.code}]')} {printable(diagnostic.message)}"
        related = [_Mark(position, label) for position, label in diagnostic.related]
        marks = [_Mark(at, style=level), *related]
        shown = [mark.position.line for mark in marks if self._line(mark.position) is not None]
        width = max((len(str(number)) for number in shown), default=1)
        yield from self._frame([mark for mark in marks if mark.position.file == at.file], width)
        elsewhere = sorted((mark for mark in related if mark.position.file != at.file), key=_by_place)
        for _, there in groupby(elsewhere, key=lambda mark: mark.position.file):
            yield from self._other_file(list(there), width)
        if diagnostic.hint:
            yield self._hint(diagnostic.hint, width)

    def _frame(self, marks: list[_Mark], width: int, *, owner: bool = True) -> Iterator[str]:
        """The source lines that hold *marks*, with the line of the endpoint they stand in."""
        framed = [mark for mark in sorted(marks, key=_by_place) if self._line(mark.position) is not None]
        if not framed:
            return
        yield self._gutter(width, "|")
        numbers = {mark.position.line for mark in framed}
        if owner:
            numbers |= {above} if (above := self._owner(marks[0].position)) else set()
        last = 0
        for number in sorted(numbers):
            if last and number > last + 1:
                yield self._gutter(width, ":")
            here = [mark for mark in framed if mark.position.line == number]
            yield from self._source_line(number, here, marks[0].position.file, width)
            last = number

    def _source_line(self, number: int, marks: list[_Mark], file: str, width: int) -> Iterator[str]:
        """Yield one line of the file, and under it one line of signs for each mark."""
        line = self._sources[file].lines[number - 1]
        spans = [(mark.position.column, mark.position.end_column) for mark in marks]
        text, columns = fit(line, spans or [(1, 1)], max(20, min(_WIDEST_LINE, self._width - width - 3)))
        shown = text if marks else self._paint("quiet", text)
        yield f"{self._gutter(width, '|', str(number))} {shown}".rstrip()
        for mark, (start, end) in zip(marks, columns, strict=False):
            label = f" {printable(mark.label)}" if mark.label else ""
            signs = self._paint(mark.style, mark.sign * (end - start) + label)
            yield f"{self._gutter(width, '|')} {' ' * start}{signs}"

    def _other_file(self, marks: list[_Mark], width: int) -> Iterator[str]:
        yield f"{self._gutter(width, ':::')} {printable(str(marks[0].position))}"
        if all(self._line(mark.position) is None for mark in marks):
            yield from (f"{self._gutter(width, '|')} {printable(mark.label)}" for mark in marks)
        yield from self._frame(marks, width, owner=False)

    def _hint(self, hint: str, width: int) -> str:
        """The hint; further lines of it (an example to copy) stand under the first."""
        first, *rest = (printable(line) for line in hint.split("\n"))
        lead = f"{self._gutter(width, '=')} {self._paint('strong', 'hint:')} {first}"
        return "\n".join([lead, *(f"{' ' * (width + 9)}{line}".rstrip() for line in rest)])

    def _owner(self, position: Position) -> int | None:
        """The line of the entry (endpoint, upstream …) that *position* is inside of, unless it is there."""
        lines = self._sources[position.file].lines
        found, indent = None, _indent(lines[position.line - 1])
        for number in range(position.line - 1, 0, -1):
            line = lines[number - 1]
            if not line.strip() or line.lstrip().startswith("#") or _indent(line) >= indent:
                continue
            indent = _indent(line)
            if indent == 0:
                return found
            found = number if _KEY_LINE.match(line) else None
        return None

    def _line(self, position: Position) -> str | None:
        source = self._sources.get(position.file)
        return source.line(position.line) if source is not None and source.text else None

    def _gutter(self, width: int, sign: str, number: str = "") -> str:
        return self._paint("gutter", f"{number:>{width}} {sign}")

    def _paint(self, style: str, text: str) -> str:
        return f"\x1b[{_COLOURS[style]}m{text}\x1b[0m" if self._color and text else text


def _by_place(mark: _Mark) -> Position:
    return mark.position


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))
