"""Diagnostics for machines: GitHub workflow commands and JSON records, for ``check --format github|json``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from aggregator.diagnostics.display import printable
from aggregator.diagnostics.values import Diagnostic, Position, in_reading_order


def render_github(diagnostics: Iterable[Diagnostic], files: Mapping[str, object] = {}) -> str:
    """Return one line ``::error file=…,line=…,col=…::message`` each, escaped as the actions toolkit does it."""
    return "\n".join(_command(diagnostic) for diagnostic in in_reading_order(diagnostics, files))


def as_json(diagnostics: Iterable[Diagnostic], files: Mapping[str, object] = {}) -> list[dict[str, Any]]:
    """Return one record each in reading order: code, level, message, hint, path, place (1-based), related places."""
    return [
        {
            "code": one.code,
            "level": one.level,
            "message": one.message,
            "hint": one.hint,
            "path": list(one.path),
            **_place(one.position),
            "related": [{"message": message, **_place(position)} for position, message in one.related],
        }
        for one in in_reading_order(diagnostics, files)
    ]


def _place(position: Position) -> dict[str, Any]:
    return {
        "file": position.file,
        "line": position.line,
        "column": position.column,
        "end_column": position.end_column,
    }


def _command(diagnostic: Diagnostic) -> str:
    at = diagnostic.position
    properties = {
        "file": at.file,
        "line": at.line,
        "endLine": at.line,
        "col": at.column,
        "endColumn": at.end_column,
        "title": f"aggregator {diagnostic.code}",
    }
    said = [diagnostic.message]
    said += [f"{message}: {position}" for position, message in diagnostic.related]
    said += [f"hint: {diagnostic.hint}"] if diagnostic.hint else []
    named = ",".join(f"{name}={_escape_property(str(value))}" for name, value in properties.items())
    return f"::{diagnostic.level} {named}::" + _escape("\n".join(map(printable, "\n".join(said).split("\n"))))


def _escape(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escape_property(text: str) -> str:
    return _escape(text).replace(":", "%3A").replace(",", "%2C")
