"""What expressions read that may take long: the body, results, and what a list is gone through for."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from aggregator.runtime.coding import LARGE
from aggregator.runtime.foresight.reading import LongReads, is_larger, long_reads


class Known:
    """The names of a request: its body, results by name, and values."""

    def __init__(self, body: int = 0, values: dict[str, Any] | None = None, **sizes: int) -> None:
        self.exchange = SimpleNamespace(content=bytes(body))
        self._results = {name: SimpleNamespace(size=size) for name, size in sizes.items()}
        self.results = [*self._results.values(), None]
        self._values = values or {}

    def result(self, name: str) -> Any:
        """Return a result, None where there is none."""
        return self._results.get(name)

    def get(self, name: str) -> Any:
        """Return a value."""
        return self._values.get(name)


@pytest.mark.parametrize(
    ("reads", "names", "size", "is_long"),
    [
        ({"body"}, Known(body=LARGE), 0, False), ({"body"}, Known(body=LARGE + 1), 0, True), ({"a"}, Known(body=LARGE + 1), 0, False),
        ({"body"}, Known(body=LARGE), 1, True), ({"a"}, Known(a=LARGE), 0, False), ({"a"}, Known(a=LARGE + 1), 0, True),
        ({"a"}, Known(b=LARGE + 1), 0, False), ({"a", "b"}, Known(a=LARGE, b=1), 0, True), ({"calls"}, Known(a=LARGE, b=1), 0, True),
        ({"calls"}, Known(a=LARGE, b=0), 0, False), ({"a"}, Known(a=1, b=LARGE), 0, False), ({"calls"}, Known(body=LARGE + 1), 0, False),
        ({"body", "a"}, Known(body=LARGE, a=1), 0, True), ({"x"}, Known(), LARGE, False), ({"x"}, Known(), LARGE + 1, True),
        ({"item"}, Known(values={"item": "x" * LARGE}), 0, False), ({"item"}, Known(values={"item": "x" * (LARGE + 1)}), 0, True),
        ({"keys"}, Known(values={"item": "x" * (LARGE + 1)}), 0, False), ({"keys"}, Known(values={"keys": ["x" * LARGE]}), 0, True),
        ({"item", "a"}, Known(values={"item": "x" * 100}, a=LARGE - 99), 0, True),
        ({"item", "a"}, Known(values={"item": "x" * 100}, a=LARGE - 100), 0, False),
    ],
)  # fmt: skip
def test_what_is_read_is_counted_together(reads: set[str], names: Any, size: int, is_long: bool) -> None:
    """More than 64 KiB are long; what nobody reads is not."""
    assert LongReads(frozenset(reads)).are_long(names, size) is is_long


@pytest.mark.parametrize(
    ("value", "size"),
    [
        (1, 8), ("", 8), ("x" * 9, 9), (None, 8), ([], 8), ([1], 24), ({}, 8), ({"a": 1}, 32), ({"a" * 20: "b" * 30}, 66),
        ([[1, 2], "x" * 10], 74),
    ],
)  # fmt: skip
def test_how_large_a_value_is(value: Any, size: int) -> None:
    """About as many bytes as it is written with; a small one has eight."""
    assert [is_larger(value, most) for most in (size - 1, size)] == [True, False]


def test_what_reads_nothing_is_never_long() -> None:
    """Nor is what comes in a path."""
    assert long_reads("no expression") is None
