"""What a check says of a small file, one line for each problem."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from aggregator.config.loading import load_config
from aggregator.diagnostics import Diagnostic, Position, Source
from aggregator.errors import ConfigError

Say = Callable[..., list[str]]

AROUND = """\
version: 1
upstreams:
  users: {url: https://users.example.com}
  shop: {url: https://shop.example.com}
"""


@pytest.fixture
def say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Say:
    """Return a function (endpoints, sections) → ``code ‹what is marked› message`` for each problem.

    *around* takes the place of the two upstreams ``users`` and ``shop``, *more* comes beside them. Warnings begin
    with ``~``. What nobody uses is only told when asked for (*unused*).
    """
    monkeypatch.chdir(tmp_path)

    def check(endpoints: str, around: str = AROUND, *, more: str = "", unused: bool = False) -> list[str]:
        body = "".join(f"  {line}\n" if line else "\n" for line in endpoints.splitlines())
        Path("routes.yaml").write_text(f"{around}{more}endpoints:\n{body}", encoding="utf-8")
        try:
            config = load_config("routes.yaml", {})
        except ConfigError as error:
            return _lines(error.diagnostics, error.sources, unused=unused)
        return _lines(config.warnings, config.sources, unused=unused)

    return check


@pytest.fixture
def explain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Say:
    """Return a function (file) → all that is said of it, what nobody uses left out.

    Each problem is ``code ‹what is marked› message → hint``, and `` ‹what is marked› label`` for each other place.
    """
    monkeypatch.chdir(tmp_path)

    def check(file: str) -> list[str]:
        Path("routes.yaml").write_text(f"version: 1\n{file}", encoding="utf-8")
        try:
            config = load_config("routes.yaml", {})
        except ConfigError as error:
            return _whole(error.diagnostics, error.sources)
        return _whole(config.warnings, config.sources)

    return check


def _whole(problems: tuple[Diagnostic, ...], sources: Mapping[str, Source]) -> list[str]:
    return [
        f"{_line(one, sources[one.position.file])} → {one.hint}"
        + "".join(f" ‹{_marked(there, sources)}› {label}" for there, label in one.related)
        for one in problems
        if one.code != "unused"
    ]


def _lines(problems: tuple[Diagnostic, ...], sources: Mapping[str, Source], *, unused: bool) -> list[str]:
    told = [one for one in problems if unused or one.code != "unused"]
    assert [one.message for one in told if not one.hint] == [], "every problem names a way out"
    return [_line(one, sources[one.position.file]) for one in told]


def _line(problem: Diagnostic, source: Source) -> str:
    marked = _marked(problem.position, {problem.position.file: source})
    return f"{'~' if problem.level == 'warning' else ''}{problem.code} ‹{marked}› {problem.message}"


def _marked(at: Position, sources: Mapping[str, Source]) -> str:
    return (sources[at.file].line(at.line) or "")[at.column - 1 : at.end_column - 1].strip("'\"")
