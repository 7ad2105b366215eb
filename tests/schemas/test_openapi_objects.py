"""Declarations as the OpenAPI document shows them."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from aggregator.schemas import compile_parameter, parameter_object, relocate


@pytest.mark.parametrize(
    ("declaration", "location", "shown"),
    [
        ("integer", "path", {"in": "path", "required": True, "schema": {"type": "integer"}}),
        (
            {"type": "integer", "default": 1, "minimum": 1, "description": "Page.", "example": 2, "deprecated": True},
            "query",
            {
                "in": "query",
                "required": False,
                "description": "Page.",
                "deprecated": True,
                "example": 2,
                "schema": {"type": "integer", "default": 1, "minimum": 1},
            },
        ),
        (
            {"type": "array", "items": {"type": "string"}, "explode": False, "required": True},
            "query",
            {
                "in": "query",
                "required": True,
                "style": "form",
                "explode": False,
                "schema": {"type": "array", "items": {"type": "string"}},
            },
        ),
        (
            {"enum": [1, 2]},
            "header",
            {"in": "header", "required": False, "schema": {"enum": [1, 2], "type": "integer"}},
        ),
    ],
)
def test_parameters_are_shown_as_they_are_enforced(declaration: Any, location: Any, shown: dict[str, Any]) -> None:
    """Name, place, obligation and schema; descriptions beside it."""
    assert parameter_object(compile_parameter("p", declaration, location)) == {"name": "p", **shown}


def test_references_are_moved_with_their_schema() -> None:
    """A reference starts at the root of its schema, in the document at the root of that; the original stays."""
    schema = {
        "$ref": "#/$defs/a",
        "$defs": {"a": {"properties": {"$ref": {"$ref": "#"}}, "items": {"$ref": "#/$defs/a"}}},
        "example": {"$ref": "#/untouched"},
    }
    before = copy.deepcopy(schema)
    assert relocate(schema, "/components/schemas/B") == {
        "$ref": "#/components/schemas/B/$defs/a",
        "$defs": {
            "a": {
                "properties": {"$ref": {"$ref": "#/components/schemas/B"}},
                "items": {"$ref": "#/components/schemas/B/$defs/a"},
            }
        },
        "example": {"$ref": "#/untouched"},
    }
    assert schema == before
    assert relocate(True, "/x") is True
