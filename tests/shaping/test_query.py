"""JMESPath on data."""

from __future__ import annotations

from typing import Any

import pytest

from aggregator.errors import ExpressionError
from aggregator.shaping.problems import ShapeProblem
from aggregator.shaping.query import compile_jmespath


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("data[].{id: id, n: name}", [{"id": 1, "n": "Ada"}, {"id": 2, "n": None}]),
        ("data[?id > `1`].id | [0]", 2),
        ("sum(data[].id)", 3),
        ("not_null(nope, data[0].name)", "Ada"),
        ("nope", None),
    ],
)
def test_queries_run(text: str, result: Any) -> None:
    """Projections, filters and functions; a field that is not there is null."""
    assert compile_jmespath(text)({"data": [{"id": 1, "name": "Ada"}, {"id": 2}]}) == result


@pytest.mark.parametrize(
    ("text", "offset", "message"),
    [
        ("", 0, "not a JMESPath query"),
        ("a[", 2, "not a JMESPath query"),
        ("a..b", 2, "not a JMESPath query"),
        ("a ~ b", 2, "not a JMESPath query"),
        ('a."b', 2, "not a JMESPath query"),
        ("(" * 5000, 0, "not a JMESPath query"),
        ("a | lenght(@)", 4, "no function `lenght`; did you mean `length`"),
        ("xyzzy(@)", 0, "no function `xyzzy`; see"),
        ("length()", 0, r"`length` takes 1 argument\(s\), not 0"),
        ("length(a, b)", 0, r"`length` takes 1 argument\(s\), not 2"),
    ],
)
def test_wrong_queries_are_found_at_load(text: str, offset: int, message: str) -> None:
    """Syntax, names of functions and numbers of arguments, each with its offset."""
    with pytest.raises(ShapeProblem, match=message) as caught:
        compile_jmespath(text)
    assert caught.value.offset == offset


@pytest.mark.parametrize(
    ("text", "result"),
    [("[0:2]", [1, 2]), ("[::2]", [1, 3]), ("[-1:]", [3]), ("[:2] | length(@)", 2), ("sort(@)[::-1]", [3, 2, 1])],
)
def test_slices(text: str, result: object) -> None:
    """A slice takes a part of an array; its bounds are numbers or nothing."""
    assert compile_jmespath(text)([1, 2, 3]) == result


def test_a_slice_without_a_step_fails_its_call_alone() -> None:
    """A step of zero, which JMESPath refuses when it runs, is an expression error."""
    with pytest.raises(ExpressionError):
        compile_jmespath("[::0]")([1, 2, 3])


def test_data_that_does_not_fit_is_an_expression_error() -> None:
    """A function that gets the wrong type fails this call alone; the data is not repeated."""
    with pytest.raises(ExpressionError) as caught:
        compile_jmespath("sum(a)")({"a": ["secret"]})
    assert "secret" not in str(caught.value)
