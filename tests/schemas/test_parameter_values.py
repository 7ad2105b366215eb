"""Values of parameters that come from the file: defaults, examples, and the rules of items."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from aggregator.schemas import ABSENT, InvalidInput, InvalidSchema, Violation, compile_parameter
from aggregator.schemas.keywords import stated_at, without
from aggregator.templates import Template


def problems(declaration: Any, location: Any = "query") -> list[tuple[str, tuple[Any, ...], str | None]]:
    """Return message, path and hint of every problem of *declaration*."""
    with pytest.raises(InvalidSchema) as caught:
        compile_parameter("p", declaration, location)
    return [(problem.message, problem.path, problem.hint) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("declaration", "message", "path"),
    [
        ({"type": "array", "default": "ab"}, "This value is not an array.", ("default",)),
        ({"type": "array", "default": ["a", 1]}, "This value is not an array.", ("default",)),
        ({"type": "string", "default": ["a"]}, "This value is not a string.", ("default",)),
        ({"type": "integer", "example": 1.5}, "This value is not an integer.", ("example",)),
        ({"type": "integer", "examples": [1, "a"]}, "This value is not an integer.", ("examples", 1)),
        ({"type": "integer", "minimum": 2, "examples": [2, 1]}, "This value must be at least 2.", ("examples", 1)),
        ({"type": "integer", "minimum": 2, "default": 1}, "This value must be at least 2.", ("default",)),
    ],
)
def test_values_of_the_file_fit_what_it_declares(declaration: Any, message: str, path: tuple[Any, ...]) -> None:
    """A default or an example is refused for what a client would be refused for."""
    assert problems(declaration) == [(message, path, None)]


@pytest.mark.parametrize(
    "declaration",
    [
        {"type": "array", "default": ["a", "b"], "examples": [[], ["c"]]},
        {"type": "array", "items": {"type": "integer"}, "default": [1, 2]},
        {"type": "number", "default": 1, "example": 1.5},
    ],
)
def test_values_that_fit_are_taken(declaration: Any) -> None:
    """The default is what is read where nothing comes."""
    parameter = compile_parameter("p", declaration, "query")
    assert parameter.read([]) == parameter.default == declaration["default"]


@pytest.mark.parametrize(
    ("items", "texts", "violations"),
    [
        ({"type": "integer"}, ["1", "9"], []),
        ({"type": "integer", "maximum": 5}, ["1", "9"], [("/p/1", "must be at most 5")]),
        ({"maxLength": 1}, ["a", "bb"], [("/p/1", "must have at most 1 character")]),
        ({"type": "integer", "description": "Of each."}, ["1", "x"], [("/p/1", "must be an integer")]),
    ],
)
def test_items_have_rules_of_their_own(items: Any, texts: list[str], violations: list[tuple[str, str]]) -> None:
    """They count where the array itself has none."""
    parameter = compile_parameter("p", {"type": "array", "items": items}, "query")
    if not violations:
        assert parameter.read(texts) == [1, 9]
        return
    with pytest.raises(InvalidInput) as refused:
        parameter.read(texts)
    assert [(one.pointer, one.message) for one in refused.value.violations] == violations


@pytest.mark.parametrize(
    ("declaration", "names", "value"),
    [
        ({"type": "integer", "default": "{{ n }}"}, {"n": 7}, 7),
        ({"type": "integer", "default": "{{ n }}"}, {"n": "7"}, 7),
        ({"type": "boolean", "default": "{{ n }}"}, {"n": True}, True),
        ({"type": "string", "default": "<{{ n }}>"}, {"n": 7}, "<7>"),
        ({"type": "string", "default": "{{ n }}"}, {"n": None}, ABSENT),
        ({"type": "string", "default": "{{ n }}"}, {}, ABSENT),
        ({"type": "array", "default": "{{ n }}"}, {"n": ["a", "b,c"]}, ["a", "b,c"]),
        ({"type": "array", "default": "{{ n }}"}, {"n": "a,b"}, ["a,b"]),
        ({"type": "array", "explode": False, "default": "{{ n }}"}, {"n": ["a", "b"]}, ["a", "b"]),
        ({"type": "array", "explode": False, "default": "{{ n }}"}, {"n": "a,b"}, ["a", "b"]),
    ],
)
def test_a_default_may_depend_on_the_request(declaration: Any, names: dict[str, Any], value: Any) -> None:
    """It is taken like what a client sends; null is nothing, as if it were not there."""
    parameter = compile_parameter("p", declaration, "query")
    assert isinstance(parameter.default, Template)
    assert "default" not in parameter.declaration.schema
    found = parameter.stand_in(names)
    assert found is ABSENT if value is ABSENT else (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("declaration", "n", "message", "keyword"),
    [
        ({"type": "integer", "default": "{{ n }}"}, "x", "must be an integer", "type"),
        ({"type": "string", "default": "{{ n }}"}, ["a", "b"], "must be given only once", "type"),
        ({"type": "string", "default": "{{ n + 1 }}"}, "x",
         "has no default here: `+` cannot take a string and a number", "default"),
    ],
)  # fmt: skip
def test_a_default_that_does_not_fit_is_refused(declaration: Any, n: Any, message: str, keyword: str) -> None:
    """As if it had come from the client, at the name of the parameter."""
    with pytest.raises(InvalidInput) as refused:
        compile_parameter("p", declaration, "query").stand_in({"n": n})
    assert refused.value.violations == (Violation("/p", "query", message, keyword),)


SCHEMA = {
    "type": "object", "enum": ["s1", "s2"], "title": "t",
    "properties": {"a": {"const": "s3", "minLength": 2}, "title": {"type": "string"}},
    "items": {"pattern": "s4"}, "anyOf": [{"type": "string"}, {"const": "s5"}],
}  # fmt: skip


@pytest.mark.parametrize(
    ("place", "value", "gone"),
    [
        (("enum", 1), "s2", ("enum",)),
        (("title",), "t", ("title",)),
        (("properties", "a", "const"), "s3", ("properties", "a", "const")),
        (("items", "pattern"), "s4", ("items", "pattern")),
        (("anyOf", 1, "const"), "s5", ("anyOf", 1, "const")),
    ],
)
def test_what_variables_hold_is_not_shown(place: tuple[Any, ...], value: Any, gone: tuple[Any, ...]) -> None:
    """The whole keyword goes in which such a value is, whichever of its values that is, and nothing else."""
    before = deepcopy(SCHEMA)
    shown = without(SCHEMA, [place])
    assert stated_at(SCHEMA, [place]) == (value,)
    assert before == SCHEMA
    expected: Any = deepcopy(before)
    holder = expected
    for step in gone[:-1]:
        holder = holder[step]
    del holder[gone[-1]]
    assert shown == expected
    assert shown == without(SCHEMA, [place, place])


@pytest.mark.parametrize(
    "place",
    [(), ("type",), ("properties", "a", "minLength"), ("properties", "title", "type"), ("items",), ("x-own", 0)],
)
def test_kinds_and_counts_are_shown(place: tuple[Any, ...]) -> None:
    """Whoever asks has to know of what kind and how large a value is; a property may be called as a keyword is."""
    assert without(SCHEMA, [place]) is SCHEMA
    assert stated_at(SCHEMA, [place]) == ()
