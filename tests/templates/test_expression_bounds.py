from __future__ import annotations

import time
from typing import Any

import pytest

from aggregator.errors import AggregatorError, ExpressionError
from aggregator.templates import TemplateProblem, compile_expression
from aggregator.templates.expressions.bounds import MAX_ITEMS, MAX_TEXT

BIG: dict[str, Any] = {"text": "a" * MAX_TEXT, "items": [1] * MAX_ITEMS, "huge": 2**4000, "many": ["a" * 1000] * 5000}


@pytest.mark.parametrize(
    "source",
    [
        "text ~ text",
        "text + 'a'",
        "items + [1]",
        "[items, items] | flatten",
        "text | replace('a', 'bb')",
        "many | join('')",
        "many | join(text)",
        "text | tojson | tojson",
        "(text ~ '') | list",
        "huge * huge",
        "huge ** 2",
        "huge + huge * 2 ** 96",
        "[huge, 2 ** 4095] | sum * 2",
    ],
)
def test_what_an_expression_builds_is_bounded(source: str) -> None:
    """Growth beyond the limits is refused before memory is taken."""
    with pytest.raises(ExpressionError, match=r"cannot build|too large"):
        compile_expression(source).evaluate(BIG)


@pytest.mark.parametrize(
    "source",
    [
        "'a' * 10 ** 9",
        "10 ** (10 ** 10)",
        "10 ** 10 ** 10 ** 10 ** 10",
        "9 ** 9999999",
        "[0] * 10 ** 9",
        "'%1000000000d' % 1",
        "2.0 ** 100000",
        "10 ** 400 / 3 * 1.5",
        "'a'.center(10 ** 9)",
        "range(10 ** 9)",
        "'a' | center(10 ** 9)",
        "1 | round(10 ** 9)",
        "('9' ~ '9' * 5000) | int",
    ],
)
def test_bombs_are_refused_at_load_at_once(source: str) -> None:
    """Constant bombs cost nothing: the check of a file finds them in no time."""
    started = time.perf_counter()
    with pytest.raises(TemplateProblem):
        compile_expression(source)
    assert time.perf_counter() - started < 1


def test_within_the_limits_all_is_exact() -> None:
    """Integers of any reasonable size stay exact."""
    assert compile_expression("a + 1").evaluate({"a": 2**64}) == 2**64 + 1
    assert compile_expression("a * a").evaluate({"a": 10**30}) == 10**60
    assert compile_expression("a ~ ''").evaluate({"a": 10**30}) == str(10**30)


def test_long_data_is_no_growth() -> None:
    """What an upstream sent may be long: passing it on is not building it."""
    assert compile_expression("text | default('')").evaluate(BIG) == BIG["text"]
    assert len(compile_expression("items | list").evaluate({"items": [1] * (MAX_ITEMS + 1)})) == MAX_ITEMS + 1


def test_a_number_that_json_cannot_say_is_refused() -> None:
    """Infinity never gets out."""
    with pytest.raises(AggregatorError):
        compile_expression("a * 10").evaluate({"a": 1e308})
    with pytest.raises(AggregatorError):
        compile_expression("a | string").evaluate({"a": float("inf")})
    with pytest.raises(AggregatorError):
        compile_expression("a ~ ''").evaluate({"a": 10**5000})
