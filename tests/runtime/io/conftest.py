"""Coroutines run on a loop of their own; what that loop complains of fails the test."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest
from complaints import kept_in


@pytest.fixture
def run() -> Iterator[Callable[[Coroutine[Any, Any, Any]], Any]]:
    """Runs a coroutine to its end."""
    reports: list[dict[str, Any]] = []

    def run(main: Coroutine[Any, Any, Any]) -> Any:
        with asyncio.Runner() as runner:
            runner.get_loop().set_exception_handler(kept_in(reports))
            return runner.run(main)

    yield run
    assert reports == []
