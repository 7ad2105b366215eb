"""What every test stands on: its tier, logs as they were, whichever test ran before, and examples that come again."""

from __future__ import annotations

import gc
import logging
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from importlib.util import find_spec

import pytest
from hypothesis import settings
from tiers import pytest_collection_modifyitems, pytest_runtest_call, pytest_runtest_setup  # noqa: F401 - for pytest


class _Absent:
    """Finds no sniffio at once: httpx and httpcore try to import it at each request, and each time all of sys.path is searched."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> None:
        if name == "sniffio":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


if find_spec("sniffio") is None:
    sys.meta_path.insert(0, _Absent)  # type: ignore[arg-type]

settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect no garbage while tests are collected, nor look through them whenever one of them does; later as seldom as a server."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()
        gc.set_threshold(200_000, 20, 20)


def _loggers() -> list[logging.Logger]:
    """Return every logger that exists, the root first."""
    named = [item for item in logging.root.manager.loggerDict.values() if isinstance(item, logging.Logger)]
    return [logging.root, *named]


@contextmanager
def _restored() -> Iterator[None]:
    before = {item: (item.level, item.propagate, item.filters[:], item.handlers[:]) for item in _loggers()}
    yield
    for item in _loggers():
        level, propagate, filters, handlers = before.get(item, (logging.NOTSET, True, [], []))
        if item.level != level:  # to set it empties the caches of all loggers
            item.setLevel(level)
        item.propagate, item.filters[:], item.handlers[:] = propagate, filters, handlers


@pytest.fixture(autouse=True)
def _logs_after_a_test() -> Iterator[None]:
    """Undo what a test does to the process's loggers; one that it made is left at its defaults."""
    with _restored():
        yield


@pytest.fixture(autouse=True, scope="module")
def _logs_after_a_file() -> Iterator[None]:
    """Undo what the servers do that a file's tests share."""
    with _restored():
        yield


@pytest.fixture(autouse=True, scope="module")
def _reports_of_a_file(request: pytest.FixtureRequest) -> Iterator[None]:
    """Forget, in a worker of xdist, three reports of each test: nobody reads them there, and each look for garbage does."""
    yield
    reporter = request.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and hasattr(request.config, "workerinput"):
        reporter.stats.clear()
