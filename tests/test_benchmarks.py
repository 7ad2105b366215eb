"""Programs of benchmarks import what is there: nobody runs them at each change, and types are not checked there."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROGRAMS = sorted(path for path in (ROOT / "benchmarks").rglob("*.py") if ".cache" not in path.parts)


def _taken(path: Path) -> Iterator[tuple[str, str]]:
    """Yield each module of ours that *path* imports from, with the name."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("aggregator."):
            yield from ((str(node.module), each.name) for each in node.names)


def _is_there(module: str, name: str) -> bool:
    """Return whether *module* is a file that has *name* in it, or a folder that has a module of that name."""
    place = ROOT / module.replace(".", "/")
    file = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
    if (place / f"{name}.py").is_file() or (place / name).is_dir():
        return True
    return file.is_file() and any(
        name in (getattr(node, "name", None), getattr(node, "id", None), getattr(node, "asname", None))
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
    )


@pytest.mark.parametrize("path", PROGRAMS, ids=[path.stem for path in PROGRAMS])
def test_what_a_benchmark_imports_is_there(path: Path) -> None:
    """A name that moves, or changes, takes its benchmarks along."""
    assert [each for each in _taken(path) if not _is_there(*each)] == []
