"""Declarations as OpenAPI 3.1 shows them: parameter objects, and schemas with references that lead there."""

from __future__ import annotations

from typing import Any

from aggregator.schemas.keywords import IDENTIFYING, Schema, rewrite
from aggregator.schemas.parameter import Parameter

_OUTSIDE = ("description", "deprecated", "example")


def parameter_object(parameter: Parameter) -> dict[str, Any]:
    """Return the Parameter Object (OpenAPI 3.1 §4.8.12) of *parameter*."""
    declared = parameter.declaration
    shown: dict[str, Any] = {"name": parameter.name, "in": parameter.location, "required": declared.required}
    shown |= {name: declared.shown[name] for name in _OUTSIDE if name in declared.shown}
    if declared.is_array and parameter.location == "query":
        shown |= {"style": "form", "explode": declared.explode}
    shown["schema"] = {name: value for name, value in declared.shown.items() if name not in _OUTSIDE}
    return shown


def relocate(schema: Any, pointer: str) -> Any:
    """Return a copy of *schema* for a document that holds it at *pointer*: ``/components/schemas/Body``.

    Its references start at its own root; in the document they have to start at the root of that.
    """

    def move(part: Schema) -> Schema:
        for name in IDENTIFYING:
            part.pop(name, None)  # the document has its own
        if "$ref" in part:
            part["$ref"] = f"#{pointer}{part['$ref'][1:]}"
        return part

    return rewrite(schema, move)
