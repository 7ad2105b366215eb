"""What was evaluated before, by a thread that may be at it still."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from aggregator.errors import ExpressionError
from aggregator.templates import Known, compile_expression, unshadowed


class _Busy(Mapping[str, Any]):
    """Names that are read while a thread adds to *known*: each look at them adds one more."""

    def __init__(self, known: dict[object, Known]) -> None:
        self._known = known

    def __getitem__(self, name: str) -> Any:
        raise KeyError(name)

    def __len__(self) -> int:
        return 1

    def __iter__(self) -> Iterator[str]:
        self._known[len(self._known)] = Known(None, None, frozenset())
        return iter(("item",))


def test_what_a_thread_adds_while_the_known_is_read_disturbs_nothing() -> None:
    """What was there at the start is read, less what the new names stand before."""
    known: dict[object, Known] = {
        "body.a": Known(1, None, frozenset({"body"})),
        "item.a": Known(2, None, frozenset({"item"})),
        "body.b": Known(3, None, frozenset({"body"})),
    }
    assert list(unshadowed(known, _Busy(known))) == ["body.a", "body.b"]


class _Names(dict[str, Any]):
    """Names beside what is *known* of expressions."""

    known: dict[object, Known]


@pytest.mark.parametrize("source", ["a == 1", "a + 1", "a ~ 'x'", "a > b"])
def test_what_was_evaluated_is_not_evaluated_again(source: str) -> None:
    """A comparison, too, has the value that is known of it; without one it is evaluated."""
    expression = compile_expression(source)
    names = _Names(a=1, b=2)
    names.known = {source: Known("known", None, frozenset({"a"}))}
    assert expression.evaluate(names) == "known"
    names.known = {"other": Known("known", None, frozenset({"a"}))}
    assert expression.evaluate(names) != "known"


@pytest.mark.parametrize("source", ["a == 1", "a | upper"])
def test_a_known_error_is_raised_again(source: str) -> None:
    """As if the expression had been evaluated."""
    names = _Names(a=1)
    names.known = {source: Known(None, ExpressionError("long ago"), frozenset({"a"}))}
    with pytest.raises(ExpressionError, match="long ago"):
        compile_expression(source).evaluate(names)
