"""What an expression gives of a value that is not there."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

from aggregator.errors import ExpressionError
from aggregator.templates import MISSING, compile_expression

NAMES: dict[str, Any] = {"a": {"b": 1, "7": "seven"}, "list": [1, 2], "text": "xy", "none": None, "true": True}


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("gone == 1", False),
        ("gone == gone", False),
        ("gone == null", False),
        ("1 == gone", False),
        ("gone != 1", True),
        ("gone != gone", True),
        ("1 in gone", False),
        ("gone in list", False),
        ("1 not in gone", True),
        ("not gone", True),
        ("gone and 1", MISSING),
        ("gone or 1", 1),
        ("a.gone.b.c", MISSING),
        ("none.a", MISSING),
        ("a.b.c", MISSING),
        ("a[7]", "seven"),
        ("a[true]", MISSING),
        ("a[none]", MISSING),
        ("list[1]", 2),
        ("list[2]", MISSING),
        ("list[-2]", 1),
        ("list[-3]", MISSING),
        ("list['0']", MISSING),
        ("text[1]", "y"),
        ("text[2]", MISSING),
        ("text.upper", MISSING),
        ("true[0]", MISSING),
    ],
)
def test_what_is_not_there(source: str, value: Any) -> None:
    """It is equal to nothing, not to itself either, holds nothing, counts as false, and a step into it is one, too."""
    found = compile_expression(source).evaluate(NAMES)
    assert found is value if isinstance(value, bool) or value is MISSING else found == value


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("gone < 1", "`<` cannot compare a missing value and a number"),
        ("1 >= gone", "`>=` cannot compare a number and a missing value"),
        ("gone > gone", "`>` cannot compare a missing value and a missing value"),
    ],
)
def test_what_is_not_there_has_no_order(source: str, message: str) -> None:
    """Whatever it is compared with."""
    with pytest.raises(ExpressionError) as refused:
        compile_expression(source).evaluate(NAMES)
    assert str(refused.value) == message


def test_there_is_one_missing_value() -> None:
    """A copy is it, and so is what another process has read."""
    assert copy.deepcopy(MISSING) is MISSING
    assert pickle.loads(pickle.dumps(MISSING)) is MISSING
    assert (repr(MISSING), len({MISSING, MISSING})) == ("MISSING", 1)


def test_expressions_are_told_apart_by_what_is_written() -> None:
    """Two of one source are equal, whatever was compiled; one is not its source."""
    one, other = compile_expression("a.b + 1"), compile_expression("a.b")
    assert (one == compile_expression(" a.b + 1 "), one == other, one == "a.b + 1") == (True, False, False)
    assert (hash(one), repr(one)) == (hash(compile_expression("a.b + 1")), "Expression('a.b + 1')")
    assert [compile_expression(source).truth(NAMES) for source in ("a", "list", "none", "gone", "0", "''")] == [
        True, True, False, False, False, False,
    ]  # fmt: skip
