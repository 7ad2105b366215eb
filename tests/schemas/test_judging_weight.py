"""How often judging looks at one member, of which `check` warns."""

from __future__ import annotations

from typing import Any

import pytest

from aggregator.schemas.judging.weight import MOST_LOOKS, looks_of

STRING = {"type": "string"}
TREE = {"oneOf": [{"properties": {name: {"items": {"$ref": "#"}}, "of": {"$ref": "#"}}} for name in ("all", "any")]}


def nested(levels: int) -> dict[str, Any]:
    """Return *levels* of four alternatives each, for arrays within arrays."""
    return {"oneOf": [{"items": nested(levels - 1)}] * 4} if levels else STRING


@pytest.mark.parametrize(
    ("schema", "looks"),
    [
        (True, 0),
        (STRING, 1),
        ({"anyOf": [STRING, STRING, True]}, 3),
        ({"allOf": [STRING], "not": STRING, "if": STRING, "then": STRING}, 5),
        ({"properties": {"a": {"anyOf": [STRING] * 9}}, "additionalProperties": STRING}, 10),
        ({"anyOf": [{"properties": {"a": STRING}}, {"additionalProperties": {"anyOf": [STRING] * 3}}]}, 5),
        ({"prefixItems": [STRING, {"anyOf": [STRING] * 4}], "items": STRING, "contains": STRING}, 6),
        ({"$defs": {"a": {"anyOf": [STRING] * 2}}, "items": {"anyOf": [{"$ref": "#/$defs/a"}] * 3}}, 13),
        ({"items": {"uniqueItems": True}}, 11),
        ({"items": {"enum": [1, 2.5]}}, 41),
        (nested(1), 5),
        (nested(3), 80),
        (nested(9), MOST_LOOKS),
        (TREE, 3),
        ({"$ref": "#"}, 1),
        ({"$defs": {str(at): {"$ref": f"#/$defs/{at + 1}"} for at in range(2000)}, "$ref": "#/$defs/0"}, 200),
    ],
)
def test_looks_are_counted_where_they_are_most(schema: Any, looks: int) -> None:
    """Each rule that holds for the same member is one; a schema within itself is counted once."""
    assert looks_of(schema) == looks
