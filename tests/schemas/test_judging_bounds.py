"""How much of a value is judged, and how large a schema may grow, to the last that counts."""

from __future__ import annotations

from typing import Any

import pytest

from aggregator.schemas.body import compile_body
from aggregator.schemas.check import check_schema
from aggregator.schemas.judging.engine import MAX_PATTERN, pattern_problem
from aggregator.schemas.judging.forms import is_small

NESTED: dict[str, Any] = {"a": [{"b": 1}, {"c": [2, 3]}]}


@pytest.mark.parametrize(("value", "members"), [([], 0), ("text", 0), ([1, 2], 2), (NESTED, 7), ([[], {}], 2)])
def test_members_count_at_every_depth(value: Any, members: int) -> None:
    """A value with as many as may be is small, and one with more is not."""
    assert is_small(value, members)
    assert members == 0 or not is_small(value, members - 1)


@pytest.mark.parametrize(("count", "told"), [(1, 1), (20, 20), (21, 20), (2000, 20), (2001, 1)])
def test_of_a_large_value_one_violation_is_told(count: int, told: int) -> None:
    """Of one with up to two thousand members the first twenty."""
    found = compile_body({"items": {"type": "string"}}).violations([1] * count)
    assert [(one.pointer, one.message) for one in found] == [(f"/{at}", "must be a string") for at in range(told)]


@pytest.mark.parametrize(("count", "grows"), [(9_999, False), (10_000, True)])
def test_ten_thousand_schemas_may_stand_beside_what_knows_of_them(count: int, grows: bool) -> None:
    """Together with the one that asks; one more makes it too large."""
    problems = check_schema({"allOf": [{}] * count, "unevaluatedItems": False})
    assert [(one.path, one.message) for one in problems] == (
        [(("unevaluatedItems",), "With references followed, more than 10000 schemas stand beside `unevaluatedItems`.")]
        if grows
        else []
    )


@pytest.mark.parametrize(
    ("pattern", "problem"),
    [
        ("a" * MAX_PATTERN, None),
        ("a" * (MAX_PATTERN + 1), "A pattern has at most 1000 characters."),
        ("(?=a)", "This pattern cannot be used; look-around and back-references are not supported."),
        (r"(a)\1", "This pattern cannot be used; look-around and back-references are not supported."),
        ("(a", "This is not a regular expression, or one that grows too large."),
        ("((a{1000}){1000}){1000}", "This is not a regular expression, or one that grows too large."),
    ],
)
def test_a_pattern_is_one_that_can_be_used(pattern: str, problem: str | None) -> None:
    """It has a length, nothing that takes more than linear time, and a size when it is compiled."""
    assert pattern_problem(pattern) == problem
