"""Comparisons that need no Jinja give what Jinja gives."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from aggregator.errors import ExpressionError
from aggregator.templates.expressions.expression import _comparison, _compile_with_jinja

CONTEXT: dict[str, Any] = {
    "a": {"n": 1, "f": 1.0, "big": 2**60, "t": "x", "e": "", "yes": True, "no": None, "list": [1, 2], "o": {"k": 1}},
    "b": "x",
}
SIDES = [
    "a.n", "a.f", "a.big", "a.t", "a.e", "a.yes", "a.no", "a.list", "a.list[0]", "a['o']", "a.gone", "nobody", "b",
    "1", "-1", "'x'", '"x"', "''", "true", "null",
]  # fmt: skip


def outcome(expression: Any) -> Any:
    """The result, or the words of the failure."""
    try:
        return expression.evaluate(CONTEXT)
    except ExpressionError as error:
        return str(error)


@pytest.mark.long
@pytest.mark.parametrize("operator", ["==", "!=", "<", "<=", ">", ">="])
def test_both_ways_agree(operator: str) -> None:
    """Whatever is compared: the result, the failure's words and what is read are the same."""
    compared = 0
    for left, right in itertools.product(SIDES, SIDES):
        source = f"{left} {operator} {right}"
        quick = _comparison(source)
        if quick is None:
            continue
        whole = _compile_with_jinja(source)
        assert (source, outcome(quick), quick.references) == (source, outcome(whole), whole.references)
        compared += 1
    assert compared > 300


@pytest.mark.parametrize(
    "source",
    [
        "1 < 2",
        "a.n < b < 3",
        "a.n + 1 > 2",
        "a.t == 'x' and b == 'x'",
        "a.t in 'x'",
        "a.n = 1",
        "a.n <",
        "'a<b'",
        "a|b<c",
    ],
)
def test_the_rest_is_left_to_jinja(source: str) -> None:
    """Constants alone, chains, arithmetic, logic and mistakes are not for the short way."""
    assert _comparison(source) is None
