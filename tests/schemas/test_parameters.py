"""Parameters: text in, checked value out."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.schemas import ABSENT, InvalidInput, Violation, compile_parameter


def refused(declaration: Any, *texts: str, location: Any = "query") -> list[tuple[str, str]]:
    """Return pointer and message of every violation of *texts*."""
    parameter = compile_parameter("p", declaration, location)
    with pytest.raises(InvalidInput) as caught:
        parameter.read(list(texts))
    assert {violation.location for violation in caught.value.violations} == {location}
    return [(violation.pointer, violation.message) for violation in caught.value.violations]


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("string", "", ""),
        ("string", " 12 ", " 12 "),
        ("integer", "0", 0),
        ("integer", "-12", -12),
        ("integer", "123456789012345678901234567890", 123456789012345678901234567890),
        ("number", "12", 12),
        ("number", "-1.50", -1.5),
        ("number", "1e3", 1000.0),
        ("number", "12345678901234567890", 12345678901234567890),
        ("boolean", "true", True),
        ("boolean", "false", False),
    ],
)
def test_texts_become_typed_values(kind: str, text: str, value: Any) -> None:
    """Each type reads its own notation, integers exactly."""
    found = compile_parameter("p", kind, "path").parse(text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("kind", "message", "texts"),
    [
        (
            "integer",
            "must be an integer",
            ["", "012", "+5", " 5", "5 ", "1e3", "1.0", "1_0", "٣", "-0", "0x1", "9" * 5000, "null"],
        ),
        (
            "number",
            "must be a number",
            ["", "01", "+1", " 1", ".5", "1.", "1e", "NaN", "inf", "1e400", "1_0", "٣", "9" * 5000],
        ),
        ("boolean", "must be true or false", ["", "True", "TRUE", "1", "0", "yes", "on", " true"]),
    ],
)
def test_sloppy_texts_are_refused(kind: str, message: str, texts: list[str]) -> None:
    """What could be read in two ways is not read at all."""
    for text in texts:
        assert refused(kind, text) == [("/p", message)]


@given(st.integers() | st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_read_back(number: float) -> None:
    """Every number that JSON writes is read as itself."""
    assert compile_parameter("p", "number", "query").parse(repr(number)) == number


@pytest.mark.parametrize(
    ("declaration", "text", "messages"),
    [
        ({"type": "integer", "minimum": 1}, "0", ["must be at least 1"]),
        ({"type": "integer", "maximum": 5, "enum": [1, 2]}, "9", ["must be at most 5", "must be one of 1, 2"]),
        ({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}, "0", ["must be more than 0"]),
        ({"type": "number", "exclusiveMaximum": 1}, "1", ["must be less than 1"]),
        ({"type": "string", "minLength": 2}, "😀", ["must have at least 2 characters"]),
        ({"type": "string", "maxLength": 1}, "ab", ["must have at most 1 character"]),
        ({"enum": ["a", "b"]}, "c", ['must be one of "a", "b"']),
        ({"const": True}, "false", ["must be true"]),
        ({"type": "integer", "multipleOf": 5}, "7", ["must be a multiple of 5"]),
        ({"pattern": "^[a-z]+$"}, "A", ["must match the pattern ^[a-z]+$"]),
        ({"format": "uuid"}, "x", ["must be a UUID, like 123e4567-e89b-12d3-a456-426614174000"]),
        ({"format": "json-pointer"}, "x", ["must be a valid json-pointer"]),
        ({"type": "integer", "format": "int32"}, "2147483648", ["must be at most 2147483647"]),
        ({"type": "integer", "anyOf": [{"minimum": 5}, {"maximum": 1}]}, "3", ["fits none of the 2 allowed forms"]),
    ],
)
def test_rules_are_enforced(declaration: Any, text: str, messages: list[str]) -> None:
    """Every rule that is broken is told, in words that go on from the name."""
    assert refused(declaration, text) == [("/p", message) for message in messages]


@pytest.mark.parametrize(
    ("declaration", "text"),
    [
        ({"type": "integer", "minimum": 1, "maximum": 3, "enum": [3], "const": 3}, "3"),
        ({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}, "0.5"),
        ({"minLength": 1, "maxLength": 1}, "😀"),
        ({"type": "integer", "format": "int64"}, "9223372036854775807"),
        ({"type": "number", "format": "double"}, "1.5"),
        ({"format": "password"}, "x"),
        ({"format": "date-time"}, "2030-01-31T12:00:00Z"),
        ({"pattern": "b"}, "abc"),
        ({"type": "string", "x-internal": True, "title": "T"}, "x"),
    ],
)
def test_values_within_the_rules_pass(declaration: Any, text: str) -> None:
    """Bounds include themselves, formats that only document do not refuse."""
    compile_parameter("p", declaration, "query").parse(text)


def test_a_pattern_cannot_hang() -> None:
    """A pattern that makes backtracking engines explode runs in linear time."""
    parameter = compile_parameter("p", {"pattern": "^(a+)+$"}, "query")
    with pytest.raises(InvalidInput):
        parameter.parse("a" * 100_000 + "!")


def test_absent_parameters() -> None:
    """Required is a violation, a default stands in, optional is absent; what is sent once counts once."""
    assert refused({"type": "integer", "required": True}) == [("/p", "is required")]
    assert compile_parameter("p", {"type": "integer", "default": 5}, "query").read([]) == 5
    assert compile_parameter("p", "integer", "query").read([]) is ABSENT
    assert compile_parameter("p", "integer", "query").read(["7"]) == 7
    assert refused("integer", "1", "2") == [("/p", "must be given only once")]


def test_arrays_in_a_query_repeat_their_key() -> None:
    """Every wrong item is told by its index; rules of the whole array and of its items apply."""
    tags = {"type": "array", "items": {"type": "integer", "minimum": 2}, "maxItems": 2}
    assert compile_parameter("p", tags, "query").read(["5", "6"]) == [5, 6]
    assert refused(tags, "x", "2", "y") == [("/p/0", "must be an integer"), ("/p/2", "must be an integer")]
    assert refused(tags, "1", "2", "3") == [("/p", "must have at most 2 items"), ("/p/0", "must be at least 2")]
    assert compile_parameter("p", "array", "query").read(["a,b"]) == ["a,b"]


def test_arrays_may_be_separated_by_commas() -> None:
    """With ``explode: false`` in a query; always in paths and headers, where blanks around items do not count."""
    declaration = {"type": "array", "items": {"type": "integer"}, "explode": False}
    parameter = compile_parameter("p", declaration, "query")
    assert parameter.read(["1,2"]) == [1, 2]
    assert parameter.read([""]) == []
    assert refused(declaration, "1", "2") == [("/p", "must be given only once")]
    assert compile_parameter("p", "array", "header").read(["a, b"]) == ["a", "b"]
    assert compile_parameter("p", "array", "path").parse("a,b") == ["a", "b"]


def test_types_are_inferred_from_listed_values() -> None:
    """``enum: [1, 2]`` is an integer, ``enum: [a]`` a string, ``items`` an array."""
    assert compile_parameter("p", {"enum": [1, 2]}, "query").parse("2") == 2
    assert compile_parameter("p", {"enum": [1.5, 2]}, "query").parse("1.5") == 1.5
    assert compile_parameter("p", {"enum": ["1"]}, "query").parse("1") == "1"
    assert compile_parameter("p", {"items": {"type": "boolean"}}, "query").read(["true"]) == [True]


def test_parameters_are_equal_by_their_words() -> None:
    """A reload compares them: the same declaration is the same parameter."""
    declaration = {"type": "integer", "minimum": 1, "description": "Page."}
    one, same = compile_parameter("p", declaration, "query"), compile_parameter("p", dict(declaration), "query")
    assert one == same
    assert one != compile_parameter("p", declaration | {"minimum": 2}, "query")
    assert one != compile_parameter("p", declaration, "header")
    assert (one.required, one.default) == (False, ABSENT)
    assert compile_parameter("p", "string", "path").required


def test_violations_are_data() -> None:
    """What is raised names pointer, location, message and keyword; names are escaped as JSON pointers are."""
    with pytest.raises(InvalidInput, match="/a~1b must be an integer") as caught:
        compile_parameter("a/b", "integer", "header").parse("x")
    assert caught.value.violations == (Violation("/a~1b", "header", "must be an integer", "type"),)


@pytest.mark.processes
def test_common_parameters_import_no_validator() -> None:
    """Types, bounds, lengths and enums cost nothing at start."""
    program = (
        "import sys; from aggregator.schemas import compile_parameter as c;"
        "c('a', {'type': 'integer', 'minimum': 1, 'enum': [1]}, 'path'); c('b', 'array', 'query');"
        "assert 'jsonschema_rs' not in sys.modules; c('d', {'format': 'date'}, 'query');"
        "assert 'jsonschema_rs' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
