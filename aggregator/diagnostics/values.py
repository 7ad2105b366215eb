"""The values: a place in a file, the text of a file, one problem; and the order of problems."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from msgspec import Struct

Level = Literal["error", "warning"]

_LINE_BREAK = re.compile(r"\r\n|\n|\r")


class Position(Struct, frozen=True, order=True):
    """A span within one line of *file*: lines and columns count from 1, *end_column* is the first after it.

    Columns count code points. What goes over several lines is pointed at in its first line.
    A problem with a file as a whole stands at line 1, column 1.
    """

    file: str
    line: int = 1
    column: int = 1
    end_column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True)
class Source:
    """The text of one file under the *name* that the operator knows it by."""

    name: str
    text: str = field(repr=False)

    @cached_property
    def lines(self) -> list[str]:
        """The lines without their breaks, split only when somebody asks."""
        return _LINE_BREAK.split(self.text)

    def line(self, number: int) -> str | None:
        """Line *number*, counted from 1, or None when the file has no such line."""
        return self.lines[number - 1] if 0 < number <= len(self.lines) else None


class Diagnostic(Struct, frozen=True):
    """One problem: a stable *code* such as ``unknown-key``, a sentence, its place, and a way to mend it.

    *related* names other places that take part (the first of two equal keys); *path* is where the value
    sits in the document, such as ``("endpoints", "GET /x", "call", "url")``. Backticks quote source text.
    """

    code: str
    level: Level
    message: str
    position: Position
    hint: str | None = None
    related: tuple[tuple[Position, str], ...] = ()
    path: tuple[str | int, ...] = ()


def in_reading_order(diagnostics: Iterable[Diagnostic], files: Iterable[str] = ()) -> list[Diagnostic]:
    """*diagnostics* by file (in the order of *files*), line and column; what reads the same stands once."""
    rank = {name: index for index, name in enumerate(files)}

    def place(diagnostic: Diagnostic) -> tuple[int, Position, str, str]:
        position = diagnostic.position
        return rank.get(position.file, len(rank)), position, diagnostic.level, diagnostic.code

    seen: dict[tuple[str, Position, str], Diagnostic] = {}
    for one in diagnostics:
        seen.setdefault((one.code, one.position, one.message), one)
    return sorted(seen.values(), key=place)


def summary(diagnostics: Iterable[Diagnostic]) -> str:
    """Return how many problems there are of each level: ``2 errors, 1 warning``, or ``no problems``."""
    levels = [diagnostic.level for diagnostic in diagnostics]
    counts = [(levels.count(level), level) for level in ("error", "warning")]
    said = [f"{count} {level}{'s' if count > 1 else ''}" for count, level in counts if count]
    return ", ".join(said) or "no problems"
