"""Findings of rules become diagnostics with places, once it is known where things stand in the files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from msgspec.structs import replace

from aggregator.config.text.section import Section
from aggregator.config.text.values import Steps
from aggregator.diagnostics import Diagnostic, Position
from aggregator.diagnostics.finding import Finding, Shown

_SHORTEST = 6
"""Shorter values are masked only where a message quotes something: they would be found in words of ours."""
_DEEPEST = 5
"""Steps of the longest path that begins in a file of its own: one route of a mock."""
_QUOTED = re.compile(r"`[^`]*`")
_REFERENCE = re.compile(r"\$\{[^{}]*\}")


class Origins:
    """The places where the values of a configuration were written: section and path in it, for every path."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._sections: dict[Steps, tuple[Section, Steps]] = {}

    def add(self, path: Steps, section: Section, within: Steps = ()) -> None:
        """Note that what has *path* is written at *within* in *section*; the first of two counts."""
        self._sections.setdefault(path, (section, within))

    def place(self, finding: Finding, secrets: Iterable[str] = ()) -> Diagnostic:
        """*finding* with positions; what of *secrets* came into its words through a variable is masked."""
        hide = _hidden(self._written(finding.path), secrets)
        related = tuple(
            (self.position(other.path, other.text, at_key=other.at_key), other.label) for other in finding.related
        )
        message, hint = finding.message, finding.hint
        for shown in finding.shows:
            if (instead := self._instead(shown)) is not None:
                message, hint = _without(shown.text, message, instead), hint and _without(shown.text, hint, instead)
        return Diagnostic(
            finding.code,
            finding.level,
            _masked(message, hide),
            self.position(finding.path, finding.text, finding.occurrence, at_key=finding.at_key),
            None if hint is None else _masked(hint, hide),
            related,
            finding.path,
        )

    def _find(self, path: Steps) -> tuple[Section, Steps] | None:
        """The section that *path* is in, and the path within it."""
        for length in range(min(len(path), _DEEPEST), 0, -1):
            if (found := self._sections.get(path[:length])) is not None:
                return found[0], (*found[1], *path[length:])
        return None

    def _instead(self, shown: Shown) -> str | None:
        """Return what is said in the place of *shown*, which tells what a variable holds; None where it does not."""
        references: dict[str, None] = {}
        for path in shown.places:
            found = self._find(path)
            if found is not None and written_path(found[0].value, found[1])[1]:
                references |= dict.fromkeys(_REFERENCE.findall(repr(value_at(found[0].value, found[1]))))
        if not references:
            return None
        return shown.instead if shown.instead is not None else f"`{next(iter(references))}`"

    def _written(self, path: Steps) -> Any:
        found = self._find(path)
        return None if found is None else value_at(found[0].value, found[1])

    def position(self, path: Steps, text: str = "", occurrence: int = 0, *, at_key: bool = False) -> Position:
        """Return the position of *path*, or of *text* in it; that of the nearest parent's key if it is not written."""
        found = self._find(path)
        if found is None:
            return Position(self._file)
        section, within = found
        steps, is_written = written_path(section.value, within)
        if text and is_written and not at_key:
            return section.locate(steps, text, occurrence)
        position = section.position(steps, key=at_key or not is_written)
        return _within_key(position, str(path[-1]), text, occurrence) if text and is_written else position


def occurrences(source: str, text: str, offset: int) -> int:
    """Return how often *text* begins in *source* before *offset*."""
    return sum(source.startswith(text, start) for start in range(offset)) if text else 0


def _within_key(position: Position, key: str, text: str, occurrence: int) -> Position:
    """Return the position of *text* in *key*, which is written at *position*, if it is written literally."""
    starts = [start for start in range(len(key)) if key.startswith(text, start)]
    start = starts[occurrence] if occurrence < len(starts) else -1
    width = position.end_column - position.column
    quotes = (width - len(key)) // 2
    if start < 0 or width != len(key) + 2 * quotes or quotes not in (0, 1):
        return position
    column = position.column + quotes + start
    return replace(position, column=column, end_column=column + len(text))


def _without(text: str, said: str, instead: str) -> str:
    """Return *said* with *instead* in the place of *text*, where that stands as a word of its own."""
    return re.sub(rf"(?<![\w.]){re.escape(text)}(?![\w.])", lambda _: instead, said)


def _hidden(written: Any, secrets: Iterable[str]) -> dict[str, str]:
    """Return the texts of *written* to be masked, longest first, each with its replacement."""
    references = set(_REFERENCE.findall(repr(written)))
    shown = next(iter(references)) if len(references) == 1 else "${…}"
    return dict.fromkeys(sorted(filter(None, secrets), key=len, reverse=True), shown) if references else {}


def _masked(text: str, hidden: Mapping[str, str]) -> str:
    for secret, shown in hidden.items():
        text = text.replace(secret, shown) if len(secret) >= _SHORTEST else _masked_in_quotes(text, secret, shown)
    return text


def _masked_in_quotes(text: str, secret: str, shown: str) -> str:
    """Return *text* with *shown* for *secret* where it stands as a word of its own in what is quoted."""
    word = re.compile(rf"(?<!\w){re.escape(secret)}(?!\w)")
    return _QUOTED.sub(lambda quoted: word.sub(lambda _: shown, quoted[0]), text)


_ONE_OR_MANY = frozenset({"background", "rate_limit", "require"})
"""Lists that may be written as the only one of their mappings."""


def written_path(value: Any, path: Steps) -> tuple[Steps, bool]:
    """*path* as it stands in *value*, the text of the file, and whether what it leads to is written there.

    What the short forms of the language leave out is skipped: ``("call", "url")`` is ``("call",)`` where the
    call is its URL alone, and row 2 of a status map written as a mapping is its third key.
    """
    steps: list[str | int] = []
    is_written = True
    for step in path:
        if isinstance(value, list):
            key: str | int | None = step if isinstance(step, int) and 0 <= step < len(value) else None
        elif isinstance(value, dict):
            if step == 0 and steps and steps[-1] in _ONE_OR_MANY:
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


def value_at(value: Any, path: Steps) -> Any:
    """Return the value at *path* in *value*, as the file says it; short forms stand for themselves."""
    for step in written_path(value, path)[0]:
        value = value[step]
    return value


def _key_of(value: Mapping[str | int, Any], step: str | int) -> str | int | None:
    if step in value:
        return step
    if isinstance(step, int):
        return list(value)[step] if 0 <= step < len(value) else None
    return int(step) if step.isdecimal() and int(step) in value else None
