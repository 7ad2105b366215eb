"""What filters take exactly at the bounds that the reference names, and what they say one step beyond."""

from __future__ import annotations

from typing import Any

import pytest

from aggregator.errors import ExpressionError
from aggregator.http import Repeated
from aggregator.templates import FILTERS, MISSING, TESTS, compile_expression
from aggregator.templates.expressions.bounds import MAX_BITS, MAX_ITEMS, MAX_TEXT
from aggregator.templates.filters.patterns import LONGEST, is_pattern

HEADER = Repeated.of("a", "b")
TOO_LARGE = "a number is too large"
NO_TEXT = f"an expression cannot build a text of more than {MAX_TEXT} characters"
NO_ARRAY = f"an expression cannot build an array of more than {MAX_ITEMS} elements"


def outcome(source: str, **data: Any) -> Any:
    """Return what *source* gives for *data*, or the text of the error that it ends in."""
    try:
        return compile_expression(source).evaluate(data)
    except ExpressionError as error:
        return str(error)


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("x | batch(n)", "`batch` takes an integer from 1 to 2147483648, not a number"),
        ("'ab' | truncate(n, 'c')", "`truncate` takes an integer from 1 to 2147483648, not a number"),
        ("'ab' | truncate(n, '')", "`truncate` takes an integer from 0 to 2147483648, not a number"),
        ("1 | round(n)", "`round` takes an integer from -30 to 30, not a number"),
    ],
)
def test_an_integer_out_of_its_range_is_refused(source: str, wanted: str) -> None:
    """At both ends, and the range is told whole."""
    low, high = map(int, wanted.partition(" from ")[2].partition(",")[0].split(" to "))
    assert [outcome(source, x=[1], n=number) for number in (low - 1, high + 1)] == [wanted] * 2
    assert wanted not in [outcome(source, x=(1,), n=number) for number in (low, high)]


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("'abc' | truncate(1)", "…"),
        ("'abc' | truncate(2, '..')", ".."),
        ("'abc' | truncate(0, '')", ""),
        ("1.5 | round(30)", 1.5),
        ("1.5 | round(-30)", 0.0),
        ("15 | round(-1, 'ceil')", 20.0),
        ("15 | round(-1, 'floor')", 10.0),
        ("-1.5 | round(method='floor')", -2),
        ("[1, 2, 3, 4] | batch(2)", [[1, 2], [3, 4]]),
        ("[1, 2] | batch(1)", [[1], [2]]),
        ("[] | batch(1)", []),
        ("h | all | dictsort", "`dictsort` takes an object, not an array"),
        ("{'b': 1, 'a': 2} | dictsort(by='key', reverse=true)", [["b", 1], ["a", 2]]),
        ("{'b': 1, 'A': 2} | dictsort(case_sensitive=true)", [["A", 2], ["b", 1]]),
        ("'ab' | b64encode | b64decode", "ab"),
        ("('a b' ~ y) | b64decode", "`b64decode` takes a string with UTF-8 text in Base64"),
        ("('YQ=!' ~ y) | b64decode", "`b64decode` takes a string with UTF-8 text in Base64"),
        ("n | required", "a value that is `required` is null"),
        ("x | required", "a value that is `required` is missing"),
        ("0 | required", 0),
        ("null | all", []),
        ("x | all", []),
        ("[1] | all", [1]),
        ("'a' | all", ["a"]),
        ("h | all", ["a", "b"]),
        ("null | aslist", []),
        ("h | aslist", ["a, b"]),
    ],
)
def test_what_is_found_at_the_bounds(source: str, found: Any) -> None:
    """Of a length, a precision, a size, and of what is there at all."""
    result = outcome(source, h=HEADER, n=None, y="")
    assert (result, type(result)) == (found, type(found))


@pytest.mark.parametrize("kind", ["int", "float"])
def test_the_longest_text_that_is_read_as_a_number(kind: str) -> None:
    """It has 400 characters, and none of them is an underscore."""
    longest = "0" * 399 + "7"
    assert outcome(f"x | {kind}", x=longest) == 7
    assert [outcome(f"x | {kind}(null)", x=text) for text in ("0" + longest, "1_0", "nan", "1e999")] == [None] * 4


def test_the_longest_pattern() -> None:
    """It has a thousand characters."""
    assert (is_pattern("a" * LONGEST), is_pattern("a" * (LONGEST + 1))) == (True, False)
    assert LONGEST == 1000


@pytest.mark.parametrize("length", [199, 200, 201])
def test_the_longest_format_of_a_time(length: int) -> None:
    """It has two hundred characters; an unknown directive is refused with all that are known."""
    refused = "`datetime` takes a format of text and %Y, %m, %d, %H, %M, %S, %f, %j, %a, %A, %b, %B, %y, %I, %p, %Z, %G, %V, %u, %%"
    written = outcome("0 | datetime(x)", x="%Y" + "a" * (length - 2))
    assert written == (refused if length > 200 else "1970" + "a" * (length - 2))
    assert outcome("0 | datetime(x)", x="%s") == refused


@pytest.mark.parametrize(
    ("source", "added"),
    [
        ("x | replace('b', 'cc')", 1), ("x ~ 'a'", 1), ("x + 'a'", 1), ("[x, 'a'] | join", 1), ("x | tojson", 2),
        ("x | urlencode", 0), ("x | xml_escape", 0),
    ],
)  # fmt: skip
def test_the_longest_text_that_is_built(source: str, added: int) -> None:
    """Four million characters, however they are put together; not one more."""
    most = MAX_TEXT - added
    assert len(outcome(source, x="b" + "a" * (most - 1))) == MAX_TEXT
    assert outcome(source, x="b" + "a" * most) == NO_TEXT


@pytest.mark.parametrize("source", ["x + [1]", "[x, [1]] | flatten", "y | split(',')"])
def test_the_most_elements_that_are_built(source: str) -> None:
    """A hundred thousand; not one more."""
    for count, found in ((MAX_ITEMS - 1, MAX_ITEMS), (MAX_ITEMS, NO_ARRAY)):
        result = outcome(source, x=[1] * count, y="," * count)
        assert (len(result) if isinstance(result, list) else result) == found


@pytest.mark.parametrize(
    ("source", "data", "found"),
    [
        ("x + y", (2 ** (MAX_BITS - 1), 2 ** (MAX_BITS - 1) - 1), 2**MAX_BITS - 1),
        ("x + y", (2 ** (MAX_BITS - 1), 2 ** (MAX_BITS - 1)), TOO_LARGE),
        ("2 ** x + y", (MAX_BITS - 1, 0), 2 ** (MAX_BITS - 1)),
        ("2 ** x + y", (MAX_BITS, 0), TOO_LARGE),
        ("x ** 2 + y", (2 ** (MAX_BITS // 2) - 1, 0), (2 ** (MAX_BITS // 2) - 1) ** 2),
        ("x ** 2 + y", (2 ** (MAX_BITS // 2), 0), TOO_LARGE),
        ("x * y", (1e308, 10), "a calculation has no finite result"),
    ],
)
def test_the_largest_number_that_is_computed(source: str, data: tuple[Any, Any], found: Any) -> None:
    """It has 4096 bits, or is a finite fraction."""
    assert outcome(source, x=data[0], y=data[1]) == found


def test_which_arguments_a_filter_accepts() -> None:
    """As many as it has, by their names, and those that it cannot do without."""
    asked = [(0, []), (1, []), (2, []), (3, []), (1, ["new"]), (0, ["new"]), (1, ["old"])]
    assert [FILTERS["replace"].accepts(count, names) for count, names in asked] == [
        False, False, True, False, True, False, False,
    ]  # fmt: skip
    assert (FILTERS["d"], FILTERS["count"]) == (FILTERS["default"], FILTERS["length"])
    assert {name for name, doc in TESTS.items() if doc.name == "gt"} == {"gt", "greaterthan", ">"}


@pytest.mark.parametrize(
    ("test", "holds"),
    [
        ("lt(2)", [True, False, False]), ("le(2)", [True, True, False]), ("gt(2)", [False, False, True]),
        ("ge(2)", [False, True, True]), ("eq(2)", [False, True, False]), ("ne(2)", [True, False, True]),
        ("odd", [True, False, True]), ("even", [False, True, False]), ("divisibleby(2)", [False, True, False]),
        ("integer", [True] * 3), ("float", [False] * 3), ("string", [False] * 3), ("empty", [False] * 3),
    ],
)  # fmt: skip
def test_tests_of_numbers_below_at_and_above(test: str, holds: list[bool]) -> None:
    """Of 1, 2 and 3."""
    assert [outcome(f"x is {test}", x=number) for number in (1, 2, 3)] == holds


@pytest.mark.parametrize(
    ("test", "message"),
    [
        ("gt('a')", "`>` cannot compare a number and a string"), ("le(null)", "`<=` cannot compare a number and null"),
        ("lt(y)", "`<` cannot compare a number and a missing value"), ("ge([1])", "`>=` cannot compare a number and an array"),
        ("in(1)", "`in` cannot look into a number"), ("in(null)", "`in` cannot look into null"), ("in('1')", False),
        ("in(y)", False), ("in({'1': 1})", False), ("empty", False),
    ],
)  # fmt: skip
def test_what_cannot_be_compared(test: str, message: Any) -> None:
    """A number is in no text and in nothing that is missing; an order needs two of one kind."""
    assert outcome(f"x is {test}", x=1) == message


def test_nothing_is_missing_and_empty() -> None:
    """And all the rest of it."""
    assert outcome("x") is MISSING
    assert [outcome(f"{value} is empty") for value in ("x", "null", "''", "[]", "{}", "0", "false")] == [True] * 5 + [
        False
    ] * 2
