"""Joins of two lists by key."""

from __future__ import annotations

import copy
from decimal import Decimal
from typing import Any

import pytest

from aggregator.errors import ExpressionError
from aggregator.shaping.join import compile_join, compile_list_join, part_looked_up
from aggregator.shaping.problems import ShapeProblem

LINES = [{"sku": 1, "n": 2}, {"sku": 9}, {"n": 0}]
PRODUCTS = [{"id": 1, "name": "pen"}, {"id": 1, "name": "later"}, {"id": 2}, {"name": "no key"}]


@pytest.mark.parametrize(
    ("missing", "many", "joined"),
    [
        ("null", False, [PRODUCTS[0], None, None]),
        ("drop", False, [PRODUCTS[0]]),
        ("null", True, [PRODUCTS[:2], [], []]),
        ("drop", True, [PRODUCTS[:2]]),
    ],
)
def test_items_receive_their_matches(missing: Any, many: bool, joined: list[Any]) -> None:
    """The first match counts, or all; what has none becomes null, an empty list, or goes. Nothing is changed."""
    before = copy.deepcopy((LINES, PRODUCTS))
    result = compile_join("sku", "id", "product", missing, many=many)(LINES, PRODUCTS)
    assert [item["product"] for item in result] == joined
    assert before == (LINES, PRODUCTS)


def test_a_missing_match_may_be_an_error() -> None:
    """The message names the key path, not its value."""
    with pytest.raises(ExpressionError, match="no match for its key `sku`"):
        compile_join("sku", "id", "product", "error")(LINES, PRODUCTS)
    assert compile_join("sku", "id", "p", "error")(LINES[:1], PRODUCTS) == [{**LINES[0], "p": PRODUCTS[0]}]


@pytest.mark.parametrize(
    ("left", "right", "matches"),
    [
        (1, 1.0, True),
        (1, "1", True),
        ("1", Decimal("1.00"), True),
        (1.5, Decimal("1.50"), True),
        (0.0, Decimal("-0E+5"), True),
        (1e22, 10**22, True),
        (120, Decimal("1.2E2"), True),
        (Decimal("1E+999999"), Decimal("10E+999998"), True),
        (Decimal("1E+400"), "1" + "0" * 400, True),
        (Decimal("1E+401"), "1" + "0" * 401, False),
        (Decimal("1E+401"), "1E+401", True),
        (Decimal("1E-400"), "0." + "0" * 399 + "1", True),
        (Decimal(-20), "-20", True),
        (1.0, True, False),
        (False, "false", True),
        (0, "0", True),
        (1, "1.0", False),
        (1, True, False),
        (True, True, True),
        (True, "true", True),
        (None, "null", False),
        (None, None, False),
        ([1], [1], False),
        ("", "", True),
    ],
)
def test_keys_are_equal_as_text(left: Any, right: Any, matches: bool) -> None:
    """Numbers by value, and as the text that a URL has for them; true is not 1, null and containers match nothing."""
    [item] = compile_join("k", "k", "found")([{"k": left}], [{"k": right}])
    assert (item["found"] is not None) is matches


def test_keys_may_be_nested() -> None:
    """A key is a path in the item."""
    [item] = compile_join("ref.id", "meta.id", "found")([{"ref": {"id": 1}}], [{"meta": {"id": 1}}])
    assert item["found"] == {"meta": {"id": 1}}


@pytest.mark.parametrize(
    ("left", "right", "message"),
    [
        ({}, [], "A join takes lists, not an object."),
        ([], "x", "A join takes lists, not a string."),
        ([1], [], "A join takes lists of objects, not of a number."),
        (5, [], "A join takes lists, not a number."),
    ],
)
def test_only_lists_of_objects_join(left: Any, right: Any, message: str) -> None:
    """Anything else is an error."""
    with pytest.raises(ExpressionError) as caught:
        compile_join("a", "b", "c")(left, right)
    assert str(caught.value) == message


def test_null_is_an_empty_list() -> None:
    """An optional part that failed joins as nothing."""
    assert compile_join("a", "b", "c")(None, []) == []  # type: ignore[arg-type]
    assert compile_join("a", "b", "c")([{"a": 1}], None) == [{"a": 1, "c": None}]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("answer", "joined"),
    [
        (
            {"o": {"lines": [{"id": 1}]}, "p": [{"id": 1}], "z": 0},
            {"o": {"lines": [{"id": 1, "x": {"id": 1}}]}, "p": [{"id": 1}], "z": 0},
        ),
        ({"o": {"lines": [{"id": 1}]}}, {"o": {"lines": [{"id": 1, "x": None}]}}),
        ({"o": {"lines": None}, "p": []}, {"o": {"lines": None}, "p": []}),
        ({"o": None, "p": []}, {"o": None, "p": []}),
        ({"p": []}, {"p": []}),
    ],
)
def test_lists_inside_an_answer_join(answer: Any, joined: Any) -> None:
    """The list at the left path is replaced; everything else stays, also when the list is not there."""
    before = copy.deepcopy(answer)
    assert compile_list_join("o.lines[].id", "p[].id", "x")(answer, answer) == joined
    assert answer == before


def test_a_value_may_be_the_list_itself() -> None:
    """`[]` alone leads to it; the other list is taken from it, or from elsewhere."""
    people = [{"id": 1, "boss": 2}, {"id": 2}]
    joined = [{"id": 1, "boss": 2, "x": {"id": 2}}, {"id": 2, "x": None}]
    assert compile_list_join("[].boss", "[].id", "x")(people, people) == joined
    assert compile_list_join("[].boss", "p[].id", "x")(people, {"p": people}) == joined
    assert compile_list_join("[].boss", "p[].id", "x")(None, {}) is None
    with pytest.raises(ExpressionError, match="A join takes lists, not an object"):
        compile_list_join("[].boss", "p[].id", "x")({}, {"p": people})


@pytest.mark.parametrize(
    ("left", "right", "body", "part"),
    [
        ("a[].id", "p[].id", None, None),
        ("a[].id", "p[].id", {"a": "x", "p": "y"}, None),
        ("a[].id", "p.q[].id", {"a": "x"}, "p"),
        ("[].id", "p[].id", "{{ a }}", "p"),
        ("[].id", "[].up", None, None),
    ],
)
def test_a_list_that_the_answer_cannot_have_is_of_a_part(left: str, right: str, body: Any, part: str | None) -> None:
    """A list has no keys, and a body has those that the file says."""
    assert part_looked_up(left, right, body) == part


ONE_LIST = "This leads to a key in the items of one list."


@pytest.mark.parametrize(
    ("text", "message", "offset"),
    [
        ("a.b", ONE_LIST, 0),
        ("a[]", ONE_LIST, 0),
        ("a[].b[].c", ONE_LIST, 0),
        ("*.a[].b", ONE_LIST, 0),
        ("a.*[].b", ONE_LIST, 2),
        ("a[].b..c", "A path needs a name here.", 2),
    ],
)
def test_a_list_join_needs_one_list(text: str, message: str, offset: int) -> None:
    """Its paths lead to a key in the items of one list."""
    for left, right in ((text, "p[].id"), ("p[].id", text)):
        with pytest.raises(ShapeProblem) as caught:
            compile_list_join(left, right, "x")
        assert (caught.value.message, caught.value.offset) == (message, offset)
