"""An error of the YAML parser as facts that the rules of ``syntax`` can ask about."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import yaml
from yaml.events import CollectionEndEvent, CollectionStartEvent, ScalarEvent

from aggregator.config.text import values
from aggregator.diagnostics import Diagnostic, Position

Spot = tuple[int, int]

KEY = re.compile(r"""\s*(?:- +)*(?:"[^"]*"|'[^']*'|[^\s"'#{\[-][^#]*?):(?= |$)""")
"""The key of a line, with the items of lists that it stands in."""


@dataclass(frozen=True)
class Fault:
    """Where the parser gave up, and where *began* what it could not finish; lines and columns count from 0."""

    text: str
    file: str
    first_line: int
    problem: str
    context: str
    line: int
    column: int
    began: Spot | None

    @classmethod
    def of(cls, error: yaml.YAMLError, text: str, file: str, first_line: int) -> Fault:
        """The facts of *error*, raised for *text*, which begins at *first_line* of *file*."""
        mark, start = getattr(error, "problem_mark", None), getattr(error, "context_mark", None)
        return cls(
            text=text,
            file=file,
            first_line=first_line,
            problem=getattr(error, "problem", None) or str(error),
            context=getattr(error, "context", None) or "",
            line=mark.line if mark else 0,
            column=mark.column if mark else 0,
            began=(start.line, start.column) if start else None,
        )

    @cached_property
    def lines(self) -> list[str]:
        """The text, line by line."""
        return self.text.split("\n")

    @cached_property
    def here(self) -> str:
        """The line the parser gave up in; empty behind the last one."""
        return self.lines[self.line] if self.line < len(self.lines) else ""

    @property
    def sign(self) -> str:
        """The character the parser gave up at; empty at the end of a line."""
        return self.here[self.column : self.column + 1]

    @cached_property
    def above(self) -> int | None:
        """The number of the last line before that says something."""
        numbers = range(min(self.line, len(self.lines)) - 1, -1, -1)
        return next((n for n in numbers if self.lines[n].strip() and self.lines[n].lstrip()[0] != "#"), None)

    @cached_property
    def quoted_before(self) -> Any:
        """The last thing that was read before, when it is a text in quotes, or None."""
        if '"' not in self.here and "'" not in self.here:
            return None
        last = self._events[-1]
        return last if isinstance(last, ScalarEvent) and last.style in ("'", '"') else None

    @cached_property
    def open_bracket(self) -> Spot | None:
        """The innermost bracket that was still open."""
        opened: list[Spot | None] = []
        for event in self._events:
            if isinstance(event, CollectionStartEvent):
                mark: Any = event.end_mark
                opened.append((mark.line, mark.column - 1) if event.flow_style else None)
            elif isinstance(event, CollectionEndEvent):
                opened.pop()
        return opened[-1] if opened else None

    @cached_property
    def _events(self) -> list[Any]:
        """Return the events read before the error."""
        events: list[Any] = []
        next_event = values.Parser(self.text).get_event
        try:
            while True:
                events.append(next_event())
        except yaml.YAMLError:
            return events

    def at(self, line: int, column: int, end: int | None = None) -> Position:
        """The span from *column* to before *end* in *line*; one character when *end* is left out."""
        stop = column + 1 if end is None else end
        return Position(self.file, self.first_line + line + 1, column + 1, stop + 1)

    def from_here(self) -> Position:
        """The span from where the parser gave up to the end of that line."""
        return self.at(self.line, self.column, max(len(self.here.rstrip()), self.column + 1))

    def says(self, message: str, at: Position, hint: str | None = None, *related: tuple[Position, str]) -> Diagnostic:
        """The diagnostic in which a rule puts the mistake."""
        return Diagnostic("yaml-syntax", "error", message, at, hint, related)


def in_quotes(value: str) -> str:
    """*value* as an operator would quote it, for a hint."""
    return f"`'{value}'`" if '"' in value and "'" not in value else '`"' + value.replace('"', '\\"') + '"`'
