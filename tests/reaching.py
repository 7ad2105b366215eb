"""The plug-in of pytest that tests/mutants.py loads: notes which tests reach a mutant, and runs chosen tests only."""

from __future__ import annotations

import builtins
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

_reached: set[int] = set()
builtins.__reach__ = _reached.add  # type: ignore[attr-defined]  # what a marked statement calls
_failed: set[str] = set()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Note what imports have reached; keep the chosen tests, where some are chosen."""
    _note("")
    if (chosen := os.environ.get("REACHING_CHOSEN")) is not None:
        names = set(map(json.loads, Path(chosen).read_text(encoding="utf-8").splitlines()))
        config.hook.pytest_deselected(items=[item for item in items if item.nodeid not in names])
        items[:] = [item for item in items if item.nodeid in names]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Note what the test reaches, its fixtures included."""
    _reached.clear()
    result = yield
    _note(item.nodeid)
    return result


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Remember who fails with no mutant: it cannot notice one."""
    if report.failed:
        _failed.add(report.nodeid)


def _note(test: str) -> None:
    folder = os.environ.get("REACHING_NOTES")
    if folder is not None and (_reached or test in _failed):
        with Path(folder, str(os.getpid())).open("a", encoding="utf-8") as notes:
            notes.write(json.dumps([test, sorted(_reached), test in _failed]) + "\n")
