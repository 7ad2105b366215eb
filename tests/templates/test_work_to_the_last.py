"""How much work an expression may do, to the last element of it, and what it is done to."""

from __future__ import annotations

from typing import Any

import pytest

from aggregator.errors import ExpressionError
from aggregator.templates import compile_expression
from aggregator.templates.expressions import environment

LOOK = 64 * 1024
"""Work, in characters, after which an expression looks at what is left of it."""


@pytest.mark.parametrize(("length", "is_done"), [(LOOK, True), (LOOK + 1, False)])
def test_all_the_work_that_there_is_may_be_done(monkeypatch: pytest.MonkeyPatch, length: int, is_done: bool) -> None:
    """An expression is refused for one character more, and not for the last that it has."""
    monkeypatch.setattr(environment, "MAX_WORK", LOOK)
    text = "a" * length
    if is_done:
        assert compile_expression("a ~ ''").evaluate({"a": text}) == text
    else:
        with pytest.raises(ExpressionError, match="takes too much work"):
            compile_expression("a ~ ''").evaluate({"a": text})


@pytest.mark.parametrize("source", ["0 < (a ~ '') | length < 99999999", "1 > 0 < (a ~ '') | length < 99999999"])
def test_what_stands_in_the_middle_of_a_chain_is_worked_out_once(monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    """It is compared on both sides, and would be twice the work."""
    monkeypatch.setattr(environment, "MAX_WORK", 3 * LOOK)
    assert compile_expression(source).evaluate({"a": "a" * (2 * LOOK)}) is True


KINDS: dict[str, Any] = {
    "a number": 1, "a string": "a", "an array": [1], "an object": {"a": 1}, "a boolean": True, "null": None,
}  # fmt: skip


@pytest.mark.parametrize("left", KINDS)
@pytest.mark.parametrize("right", KINDS)
@pytest.mark.parametrize("sign", ["+", "-", "*", "/", "//", "%", "**"])
def test_an_operator_takes_what_it_is_for(sign: str, left: str, right: str) -> None:
    """Two numbers, and `+` two texts or two arrays as well; of any others it says which it has got."""
    names = {"a": KINDS[left], "b": KINDS[right]}
    expression = compile_expression(f"a {sign} b")
    if left == right == "a number":
        assert expression.evaluate(names) == {"+": 2, "-": 0, "%": 0}.get(sign, 1)
    elif sign == "+" and left == right and left in ("a string", "an array"):
        assert expression.evaluate(names) == KINDS[left] * 2
    else:
        with pytest.raises(ExpressionError) as refused:
            expression.evaluate(names)
        assert str(refused.value).startswith(f"`{sign}` cannot take {left} and {right}")


@pytest.mark.parametrize(
    ("left", "right", "is_exact"),
    [(2, 4095, True), (2, 4096, False), (2**2048, 2, False), (2**2047, 2, True), (-2, 4095, True), (2, -1, True)],
)
def test_a_power_has_so_many_bits(left: int, right: int, is_exact: bool) -> None:
    """4096 of them, and no number that has more is worked out."""
    expression = compile_expression("a ** b")
    if is_exact:
        assert expression.evaluate({"a": left, "b": right}) == left**right
    else:
        with pytest.raises(ExpressionError, match="a number is too large"):
            expression.evaluate({"a": left, "b": right})
