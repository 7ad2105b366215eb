"""Problems as rules report them: by path in the configuration, so that they survive when lines move.

``loading`` turns each :class:`Finding` into a diagnostic with a place once it knows where things stand.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aggregator.config.section import Section
from aggregator.config.values import Steps
from aggregator.diagnostics import Diagnostic, Level, Position


@dataclass(frozen=True, slots=True)
class Finding:
    """One problem at *path* from the top of the configuration, such as ``("endpoints", "GET /x", "call")``.

    It is pointed at in the value, in the key (*at_key*), or at the *text* that stands in the value for the
    *occurrence*-th time. *related* are paths of other places, each with what to say there.
    """

    code: str
    message: str
    path: Steps
    hint: str | None = None
    level: Level = "error"
    at_key: bool = False
    text: str = ""
    occurrence: int = 0
    related: tuple[tuple[Steps, str], ...] = ()


class Origins:
    """Where the values of a configuration were written: the section, and the path in it, for every path."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._sections: dict[Steps, tuple[Section, Steps]] = {}

    def add(self, path: Steps, section: Section, within: Steps = ()) -> None:
        """Note that what has *path* is written at *within* in *section*; the first of two counts."""
        self._sections.setdefault(path, (section, within))

    def place(self, finding: Finding) -> Diagnostic:
        """*finding* with positions."""
        related = tuple((self.position(path, at_key=True), label) for path, label in finding.related)
        return Diagnostic(
            finding.code,
            finding.level,
            finding.message,
            self.position(finding.path, finding.text, finding.occurrence, at_key=finding.at_key),
            finding.hint,
            related,
            finding.path,
        )

    def position(self, path: Steps, text: str = "", occurrence: int = 0, *, at_key: bool = False) -> Position:
        """Where *path* is written, or *text* in it; the key of the nearest parent when it is not."""
        for length in range(min(len(path), 2), 0, -1):
            found = self._sections.get(path[:length])
            if found is not None:
                section, within = found
                steps, is_written = written_path(section.value, (*within, *path[length:]))
                if text and is_written:
                    return section.locate(steps, text, occurrence)
                return section.position(steps, key=at_key or not is_written)
        return Position(self._file)


def written_path(value: Any, path: Steps) -> tuple[Steps, bool]:
    """*path* as it stands in *value*, the text of the file, and whether what it leads to is written there.

    What the short forms of the language leave out is skipped: ``("call", "url")`` is ``("call",)`` where the
    call is its URL alone, and row 2 of a status map written as a mapping is its third key.
    """
    steps: list[str | int] = []
    is_written = True
    for step in path:
        if isinstance(value, list):
            key = step if isinstance(step, int) and 0 <= step < len(value) else None
        elif isinstance(value, dict):
            if step == 0 and steps[-1:] == ["background"]:
                continue
            key = _key_of(value, step)
        else:
            is_written = step != "on"
            continue
        is_written = key is not None
        if key is not None:
            steps.append(key)
            value = value[key]
    return tuple(steps), is_written


def _key_of(value: Mapping[str | int, Any], step: str | int) -> str | int | None:
    if step in value:
        return step
    if isinstance(step, int):
        return list(value)[step] if 0 <= step < len(value) else None
    return int(step) if step.isdecimal() and int(step) in value else None
