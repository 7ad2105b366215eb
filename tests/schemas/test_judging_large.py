"""Large values: items are told apart by one look at each, and other threads run between the members."""

from __future__ import annotations

from typing import Any

import pytest

from aggregator.schemas.body import compile_body
from aggregator.schemas.judging import own


@pytest.mark.parametrize(
    ("items", "are_unique"),
    [
        ([1, 2, "1", True, None, "null", "true", 1.5, [1], {"a": 1}, [], {}], True),
        ([1.5, 2.5, 0.1], True),
        ([1.5, 2, 1.5], False),
        ([1, 1.0], False),
        ([1e30, int(1e30)], False),
        ([10**30, 10**30 + 1, 2**53, -(2**53)], True),
        ([{"a": 1, "b": [2]}, {"b": [2.0], "a": 1}], False),
        ([{"a": 1.5}, {"a": 1}], True),
        ([[1, 2], [2, 1]], True),
        ([True, 1, False, 0], True),
        (["a", "b", "a"], False),
        ([None, None], False),
    ],
)
def test_items_are_equal_as_json_schema_says(items: list[Any], are_unique: bool) -> None:
    """Whatever their types, the order of their fields, and how a number is written."""
    found = compile_body({"uniqueItems": True}).violations(items)
    assert [violation.message for violation in found] == ([] if are_unique else ["must not hold the same item twice"])


def test_unique_items_takes_one_look_at_each_item(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also at integers beyond 64 bits, which were compared each with all others."""
    looks: list[Any] = []
    identity = own.identity
    monkeypatch.setattr(own, "identity", lambda item: looks.append(item) or identity(item))
    items = [10**30 + number for number in range(300)]
    assert compile_body({"uniqueItems": True}).violations(items) == []
    assert looks == items


def test_unique_items_that_is_false_lets_all_pass() -> None:
    """It asks for nothing."""
    assert compile_body({"uniqueItems": False}).violations([1, 1]) == []


@pytest.mark.parametrize(
    ("schema", "value", "pauses"),
    [
        ({"items": {"type": "integer"}}, [1] * 7, 7),
        ({"items": {"items": {"enum": [1.5, 1]}}}, [[1, 1]] * 3, 9),
        ({"additionalProperties": {"multipleOf": 0.5}}, {"a": 1, "b": 2}, 2),
        ({"patternProperties": {"^a": {"type": "integer"}}}, {"a1": 1, "a2": 2}, 2),
        ({"items": {"oneOf": [{"type": "integer"}, {"type": "string"}]}}, [1, "a"], 2),
        ({"items": {"$ref": "#/$defs/one"}, "$defs": {"one": {"type": "integer"}}}, [1, 2], 2),
    ],
)
def test_a_large_value_is_judged_with_a_pause_for_each_member(
    monkeypatch: pytest.MonkeyPatch, schema: dict[str, Any], value: Any, pauses: int
) -> None:
    """The validator holds the interpreter, but for a call of a function of Python; small values go without."""
    seen: list[Any] = []

    class Counted(own.Pause):
        def validate(self, instance: Any) -> None:
            seen.append(instance)

    monkeypatch.setitem(own.OWN, own.PAUSE, Counted)
    body = compile_body(schema)
    assert body.violations(value) == []
    assert seen == []
    assert body.violations(value, aside=True) == []
    assert len(seen) == pauses


@pytest.mark.parametrize(
    "schema",
    [
        {"items": {"type": "string"}},
        {"items": {"anyOf": [{"type": "string"}, {"type": "object", "required": ["a"]}]}},
        {"additionalProperties": False},
        {"uniqueItems": True, "items": {"not": {"items": {"type": "integer"}}}},
        {"contains": {"const": 7}},
    ],
)
@pytest.mark.parametrize("value", [[1, {}, "a", "a", [1]], {"b": 1}])
def test_a_large_value_is_told_the_same(schema: dict[str, Any], value: Any) -> None:
    """Pauses change nothing of what is wrong with it, nor of what is said of it."""
    body = compile_body(schema)
    assert body.violations(value, aside=True) == body.violations(value)
