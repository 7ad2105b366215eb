"""The files that mocks of upstreams name: found, read, and put where their routes could have been written in place.

``merging`` asks for each section ``upstreams``, so that what a file says is judged by the same models and rules, at its
own places, and a file that changes on disk is a change of the configuration.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from aggregator.config.findings import value_at
from aggregator.config.text.document import read_document
from aggregator.config.text.section import Section
from aggregator.config.text.values import Steps
from aggregator.config.text.yaml_text import read_file, source_of
from aggregator.diagnostics import Diagnostic, Source
from aggregator.diagnostics.unreadable import hint_for

_A_FILE = 'write `routes: {"GET /balance/{id}": {json: {cents: 1250}}}`'
_NO_ROUTES = ("not-a-mapping", "empty-file")
"""Problems whose ways out are those of another kind of file."""


class MockFile(Struct):
    """One file: its *routes*, None where there are none to be read, and the *source* that problems are shown in."""

    path: Path
    routes: Section | None = None
    source: Source | None = None
    diagnostics: list[Diagnostic] = field(default_factory=list)


def mock_files(section: Section, value: Any, folder: Path) -> Iterator[tuple[str, MockFile]]:
    """Yield each upstream that names a file, and that file; *value* is *section* with variables filled in."""
    for name, upstream in value.items() if isinstance(value, dict) else ():
        mock = upstream.get("mock") if isinstance(upstream, dict) else None
        wanted = mock.get("file") if isinstance(mock, dict) else None
        if isinstance(wanted, str) and wanted and "\0" not in wanted:
            yield name, _read(section, (name, "mock", "file"), folder / wanted)


def _read(section: Section, at: Steps, place: Path) -> MockFile:
    found = MockFile(place)
    written = str(value_at(section.value, at))  # what a variable holds is shown to nobody
    try:
        content = read_file(place)
    except OSError as error:
        message = f"the file `{written}` cannot be read: {error.strerror}"
        where = (*section.path, *at)
        problem = Diagnostic("mock-file", "error", message, section.position(at), hint_for(error), (), where)
        found.diagnostics.append(problem)
        return found
    name = os.path.normpath(os.path.join(os.path.dirname(section.file), written))
    found.source = source_of(content, name)
    document, problems = read_document(content, name)
    found.diagnostics += [one for one in problems if one.code not in _NO_ROUTES]
    if document is not None:
        found.routes = document.sections.get("routes")
        found.diagnostics += _misplaced([*document.sections.values(), document.endpoints_key])
    if found.routes is None and not any(one.level == "error" for one in found.diagnostics):
        message, path = f"the file `{written}` has no `routes`", (*section.path, *at)
        found.diagnostics.append(Diagnostic("mock-file", "error", message, section.position(at), _A_FILE, (), path))
    return found


def _misplaced(sections: list[Section | None]) -> Iterator[Diagnostic]:
    """Yield what is wrong with keys of a file beside its routes."""
    for section in sections:
        if section is not None and section.key != "routes" and not section.key.startswith("x-"):
            message = f"`{section.key}` does not stand in the file of a mock"
            hint = "it holds `routes`; the rest of a mock is written beside `file`"
            yield Diagnostic("unknown-key", "error", message, section.key_position, hint, (), (section.key,))
