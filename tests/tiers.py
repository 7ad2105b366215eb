"""Which tests run at each change, and which ones later: before a change is handed in, and in CI.

A test comes later when it starts processes, when it repeats in another cell of a matrix (event loop, transport, way through
the server) what the default cell shows, when it needs more than Python, and when it is marked as long. Nobody has to remember
the first three: a test that starts a process without having said so fails, and its message says what to write. Which tests are
long is told at the end of `scripts/test`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import PurePath
from typing import Any, TypeVar

import pytest

F = TypeVar("F", bound=Callable[..., Any])

LATER = "later"
"""The marker of the second tier; it is derived here, and no test carries it of its own."""
_STARTS = frozenset({"subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn", "os.system"})
"""The audit events of what starts a process."""
_starters: set[object] = set()
"""The functions of fixtures that start processes."""


def starts_processes(fixture: F) -> F:
    """Return *fixture*, written below its `pytest.fixture`; every test that uses it comes later."""
    _starters.add(fixture)
    return fixture


def other_cell(value: object) -> Any:
    """Return *value* as a parameter: a cell of a matrix that is not the default."""
    return pytest.param(value, marks=pytest.mark.other_cell)


def comes_later(item: pytest.Item) -> bool:
    """Return whether *item* is of the second tier."""
    is_repeated = _has(item, "other_cell") and not _has(item, "each_cell")
    return is_repeated or _has(item, "long") or (_may_start_processes(item) and not _has(item, "promise"))


def _has(item: pytest.Item, marker: str) -> bool:
    return item.get_closest_marker(marker) is not None


def _may_start_processes(item: pytest.Item) -> bool:
    return _has(item, "processes") or _is_outside(item) or not _starters.isdisjoint(_fixtures_of(item))


def _fixtures_of(item: pytest.Item) -> Iterator[object]:
    """Yield the functions of the fixtures that *item* uses, bar those that it asks for while it runs."""
    info = getattr(item, "_fixtureinfo", None)  # pytest has no other way to tell fixtures of one name apart
    for name in getattr(item, "fixturenames", []) if info else []:
        yield from (definition.func for definition in info.name2fixturedefs.get(name, ())[-1:])


def _is_outside(item: pytest.Item) -> bool:
    """Return whether *item* lies in tests/outside: it needs more than Python."""
    return _lies_outside(item.nodeid.partition("::")[0])


@cache
def _lies_outside(path: str) -> bool:  # asked three times for each test, of some 700 files
    return "outside" in PurePath(path).parts


class _Guard:
    """Refuses processes while a test runs that has not said that it starts any."""

    def __init__(self) -> None:
        self._item: pytest.Item | None = None
        self._refused = ""

    def hear(self, event: str, _: tuple[object, ...]) -> None:
        """Fail the test that runs if *event* starts a process."""
        if event in _STARTS and self._item is not None:
            self._refused = (
                f"{self._item.nodeid} starts a process ({event}): mark it, or its case, with pytest.mark.processes, or its"
                " fixture with @starts_processes"
            )
            pytest.fail(self._refused)

    @contextmanager
    def over(self, item: pytest.Item) -> Iterator[None]:
        """Refuse processes unless *item* may start them; what was refused fails it, also if nobody else heard of it."""
        before = self._item, self._refused
        self._item, self._refused = None if _may_start_processes(item) else item, ""
        try:
            yield
            refused = self._refused
        finally:
            self._item, self._refused = before
        if refused:
            pytest.fail(refused)


_guard = _Guard()
sys.addaudithook(_guard.hear)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of the second tier, before `-m` looks at them."""
    for item in items:
        if comes_later(item):
            item.add_marker(LATER)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Iterator[None]:
    """Refuse processes to the fixtures of a test that says nothing of any."""
    with _guard.over(item):
        yield


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Refuse processes to a test that says nothing of any."""
    with _guard.over(item):
        yield
