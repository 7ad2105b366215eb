"""The form of a schema that violations are looked for by grows with the schema, however deep alternatives are nested."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from aggregator.schemas.body import compile_body
from aggregator.schemas.check import check_schema
from aggregator.schemas.judging.engine import teller_schema


def nested(keyword: str, levels: int) -> dict[str, Any]:
    """Return *levels* of alternatives, each a string or an array of the next."""
    schema: dict[str, Any] = {"type": "integer"}
    for _ in range(levels):
        schema = {keyword: [{"type": "string"}, {"type": "array", "items": schema}]}
    return schema


def nodes(value: Any) -> int:
    """Return how many values *value* is made of, those that stand in several places each time."""
    if not isinstance(value, dict | list):
        return 1
    return 1 + sum(map(nodes, value.values() if isinstance(value, dict) else value))


@pytest.mark.parametrize("keyword", ["oneOf", "anyOf"])
def test_a_level_of_alternatives_adds_as_much_as_the_one_before(keyword: str) -> None:
    """Alternatives stand once in it: three copies of each made a thousand times as much of seven levels."""
    sizes = [nodes(teller_schema(nested(keyword, levels))) for levels in range(1, 8)]
    assert len({after - before for before, after in pairwise(sizes)}) == 1


def told(levels: int, value: Any) -> list[tuple[str, str]]:
    """Return pointer and message of each violation of *value*, nested into as many arrays as there are levels."""
    for _ in range(levels):
        value = [value]
    found = compile_body(nested("oneOf", levels)).violations(value)
    return [(violation.pointer, violation.message) for violation in found]


def test_the_innermost_of_many_alternatives_is_told() -> None:
    """Level by level, with the form that is nearest to each."""
    none = "fits none of the 2 allowed forms; form 2 is nearest"
    assert told(16, 7) == []
    assert told(16, 7.5) == [*[("/0" * level, none) for level in range(16)], ("/0" * 16, "must be an integer")]


@pytest.mark.parametrize("count", [1, 3000])
def test_of_too_many_alternatives_that_fit_only_this_is_told(count: int) -> None:
    """Also of a large value; the same list of forms says of one that fits none what it may be."""
    whole = {"type": "array", "items": {"type": "integer"}}
    judge = compile_body({"oneOf": [whole, whole]})
    assert [(one.message, one.keyword) for one in judge.violations([1] * count)] == [
        ("fits more than one of the forms of which it may fit one", "oneOf")
    ]
    assert [(one.message, one.keyword) for one in judge.violations({str(at): 1 for at in range(count)})] == [
        ("must be an array", "anyOf")
    ]


def chain(levels: int, **rules: Any) -> dict[str, Any]:
    """Return *levels* schemas, each with *rules* and two references to the next."""
    links = {f"a{at}": {"allOf": [{"$ref": f"#/$defs/a{at + 1}"}] * 2, **rules} for at in range(levels)}
    return {"$defs": {**links, f"a{levels}": {"required": ["b"]}}, "$ref": "#/$defs/a0"}


@pytest.mark.parametrize(
    ("schema", "path"),
    [
        (chain(30), None),
        (chain(30) | {"unevaluatedProperties": False}, ("unevaluatedProperties",)),
        (chain(6, unevaluatedItems=False), None),
        (chain(30, unevaluatedItems=False), ("$defs", "a0", "unevaluatedItems")),
        ({"anyOf": [{"$ref": "#"}, {"$ref": "#"}], "unevaluatedProperties": False}, None),
    ],
)
def test_a_schema_that_grows_too_large_is_refused(schema: dict[str, Any], path: tuple[str, ...] | None) -> None:
    """Before it is compiled, at the keyword that makes it grow; references alone make nothing grow."""
    problems = check_schema(schema)
    assert [problem.path for problem in problems] == ([] if path is None else [path])
