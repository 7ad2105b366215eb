"""Paths into JSON data: their grammar, and what is taken at one."""

from __future__ import annotations

from typing import Any

import pytest

from aggregator.errors import ExpressionError
from aggregator.shaping.path import EACH, MAX_SEGMENTS, compile_extract, parse_path
from aggregator.shaping.problems import ShapeProblem
from aggregator.templates.expressions.data import MISSING


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("a", ("a",)),
        ("a.b-c.d e", ("a", "b-c", "d e")),
        ("items.0.sku", ("items", "0", "sku")),
        ("items.*.sku", ("items", EACH, "sku")),
        ("items[].sku", ("items", EACH, "sku")),
        ("m[][]", ("m", EACH, EACH)),
        ('"a.b".c', ("a.b", "c")),
        ('"\\u00e9\\"*"', ('é"*',)),
    ],
)
def test_paths_are_parsed(text: str, path: tuple[Any, ...]) -> None:
    """Names, indexes, * and its short form, quoted names."""
    assert parse_path(text) == path


@pytest.mark.parametrize(
    ("text", "offset", "message"),
    [
        ("", 0, "needs a name"),
        ("a..b", 2, "needs a name"),
        ("a.", 2, "needs a name"),
        (".a", 0, "needs a name"),
        ("[]", 0, "needs a name"),
        ("a[0]", 1, "separates names with dots"),
        ("a*", 1, "separates names with dots"),
        ('a"b"', 1, "separates names with dots"),
        ('a."b', 2, "needs a name"),
        ('"\\x"', 0, "not a JSON string"),
        ("a. b", 2, "no blanks"),
        ("$", 0, "not with the `\\$` of JSONPath"),
        ("$.a", 0, "not with the `\\$` of JSONPath"),
        (".".join("a" * (MAX_SEGMENTS + 1)), 2 * MAX_SEGMENTS + 1, "at most 50"),
    ],
)
def test_wrong_paths_name_the_offset(text: str, offset: int, message: str) -> None:
    """Found when compiled, at the character that is wrong."""
    with pytest.raises(ShapeProblem, match=message) as caught:
        parse_path(text)
    assert caught.value.offset == offset


DATA = {
    "id": 0,
    "none": None,
    "user": {"name": "Ada", "0": "zero"},
    "items": [{"sku": 1}, {"q": 2}, {"sku": 3}],
    "deep": [{"in": [{"x": 1}, {"x": 2}]}, {"in": [{"x": 3}]}],
    "a.b": 4,
}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("id", 0),
        ("none", None),
        ("user.name", "Ada"),
        ("user.0", "zero"),
        ("items.0", {"sku": 1}),
        ("items.2.sku", 3),
        ("items.sku", [1, 3]),
        ("items.*.sku", [1, 3]),
        ("deep.in.x", [[1, 2], [3]]),
        ("deep.*.in.0.x", [1, 3]),
        ("items.*.0", []),
        ("items.01.sku", []),
        ("items.0000000000", []),
        ("deep.in", [[{"x": 1}, {"x": 2}], [{"x": 3}]]),
        ("deep.1.in.0.x", 3),
        ("deep.*.*.*.x", [[[1, 2]], [[3]]]),
        ("user.*", ["Ada", "zero"]),
        ('"a.b"', 4),
    ],
)
def test_values_are_taken(text: str, value: Any) -> None:
    """Falsy values are values; paths through arrays give arrays of what was found."""
    assert compile_extract(text)(DATA) == value


@pytest.mark.parametrize("text", ["nope", "id.x", "none.x", "user.name.0", "items.3", "items.3.sku", "a.b"])
def test_what_is_not_there_is_missing(text: str) -> None:
    """Missing is not null."""
    assert compile_extract(text)(DATA) is MISSING


def test_endless_arrays_are_an_error() -> None:
    """Names go through arrays, but not without end."""
    value: Any = []
    for _ in range(2000):
        value = [value]
    with pytest.raises(ExpressionError, match="too deeply"):
        compile_extract("a")(value)


def test_each_shows_itself_as_written() -> None:
    """In messages and comparisons of plans * is *."""
    assert repr(parse_path("a.*")) == "('a', *)"


def test_the_longest_path() -> None:
    """It has as many names as the message says, the `[]` among them."""
    assert parse_path(".".join("a" * MAX_SEGMENTS)) == ("a",) * 50
    assert parse_path("a" + "[]" * 49) == ("a", *[EACH] * 49)
    with pytest.raises(ShapeProblem) as caught:
        parse_path("a" + "[]" * 50)
    assert (caught.value.message, caught.value.offset) == ("A path has at most 50 names.", 101)


def test_a_dollar_further_on_is_a_name() -> None:
    """Only at the beginning it is meant as that of JSONPath."""
    assert parse_path("a.$") == ("a", "$")
