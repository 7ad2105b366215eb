from __future__ import annotations

import time
from typing import Any

import pytest

from aggregator.errors import AggregatorError, CallError, Cause, ExpressionError
from aggregator.templates import TemplateProblem, compile_expression
from aggregator.templates.expressions import environment
from aggregator.templates.expressions.bounds import LARGE, MAX_ITEMS, MAX_TEXT

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
    assert time.perf_counter() - started < 10


def test_within_the_limits_all_is_exact() -> None:
    """Integers of any reasonable size stay exact."""
    assert compile_expression("a + 1").evaluate({"a": 2**64}) == 2**64 + 1
    assert compile_expression("a * a").evaluate({"a": 10**30}) == 10**60
    assert compile_expression("a ~ ''").evaluate({"a": 10**30}) == str(10**30)


@pytest.mark.parametrize(
    ("source", "data"),
    [
        ("a | reject('in', b)", {"a": [{"n": 1}] * 20_000, "b": [{"n": 2}] * 20_000}),
        ("a | selectattr('n', 'in', b)", {"a": [{"n": []}] * 20_000, "b": [[1]] * 20_000}),
        ("a | select('in', b)", {"a": ["x"] * 20_000, "b": "y" * 1_000_000}),
        ("a | map('replace', 'x', b)", {"a": ["xxxx"] * 20_000, "b": "y" * 100_000}),
        ("a | map('default', b) | map('list')", {"a": [None] * 20_000, "b": "y" * 100_000}),
    ],
)
def test_work_is_bounded(source: str, data: dict[str, object]) -> None:
    """What would go through one array or text for each element of another is refused, and before it is done."""
    with pytest.raises(ExpressionError, match="too much work"):
        compile_expression(source).evaluate(data)


@pytest.mark.parametrize("data", [{"a": 0, "b": [1] * 1_000_000}, {"a": "x", "b": "y" * 16_000_000}])
@pytest.mark.parametrize("sign", ["in", "not in"])
def test_looking_into_what_is_long_is_work(sign: str, data: dict[str, object]) -> None:
    """One look is fine, and five in one expression are too many."""
    assert compile_expression(f"a {sign} b").evaluate(data) is (sign == "not in")
    five = " and ".join(["a not in b"] * 5)
    with pytest.raises(ExpressionError, match="too much work"):
        compile_expression(five).evaluate(data)


def test_each_evaluation_has_the_whole_budget() -> None:
    """An expression pays for what it does itself, and one that was refused costs the next nothing."""
    expression = compile_expression("a | select('in', b)")
    large = {"a": ["x"] * 20_000, "b": "y" * 3_000}
    for _ in range(3):
        assert expression.evaluate(large) == []
        with pytest.raises(ExpressionError):
            expression.evaluate({"a": ["x"] * 20_000, "b": "y" * 4_000})


def test_two_long_arrays_are_told_apart_at_once() -> None:
    """Looking for scalars of one array in another takes no longer than reading both; equal is what `in` calls equal."""
    numbers = list(range(100_000))
    context = {"a": [*numbers, "7", True, None, {"n": 1}, [1]], "b": [*numbers[1:], None]}
    assert compile_expression("a | reject('in', b)").evaluate(context) == [0, "7", {"n": 1}, [1]]
    assert compile_expression("a | select('in', b) | length").evaluate(context) == 100_001


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


@pytest.mark.parametrize(
    "source",
    [
        "a | sort",
        "a | min",
        "a | max",
        "a | sum",
        "a | unique",
        "a | join",
        "a | index_by('n')",
        "a | group_by('n')",
        "a | map('string')",
        "a | select('odd')",
        "a | reverse | reverse | reverse | reverse",
    ],
)
def test_one_step_over_too_many_elements_is_refused(monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    """Before it is done: no deadline ends a sort that has begun."""
    monkeypatch.setattr(environment, "MAX_WORK", 64 * LARGE)
    with pytest.raises(ExpressionError, match="too much work"):
        compile_expression(source).evaluate({"a": [1] * (LARGE + 1)})


@pytest.mark.parametrize(
    "source",
    [
        "a | unique",
        "a | join",
        "a | group_by(0)",
        "a | map(attribute=0)",
        "0 in a or 1 in a or 2 in a or 3 in a or 4 in a",
    ],
)
def test_the_deadline_is_looked_at_between_elements(source: str) -> None:
    """An array of a hundred thousand is left in the middle when the time is over."""

    class Names(dict[str, object]):
        looks = 0

        def check_time(self) -> None:
            self.looks += 1
            if self.looks > 3:
                raise CallError(Cause.DEADLINE, "late")

    with pytest.raises(CallError):
        compile_expression(source).evaluate(Names(a=[[1]] * 50_000 if "0" in source else ["a"] * 50_000))


@pytest.mark.parametrize("source", ["a | urlencode", "a | xml_escape"])
def test_a_text_that_would_grow_too_long_is_refused_before_it_is_written(source: str) -> None:
    """What is made of it is no shorter."""
    with pytest.raises(ExpressionError, match="cannot build a text"):
        compile_expression(source).evaluate({"a": "a" * (MAX_TEXT + 1)})
