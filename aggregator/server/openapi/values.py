"""The shape of a value that the file describes, as a JSON Schema: constants by type, expressions as far as known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from aggregator.server.openapi.components import Schema
from aggregator.templates import Const, Expr, ListNode, MapNode, Node, Template, Text

Lookup = Callable[[Sequence[str | int]], Schema]
"""From the path of an expression to the schema of what it reads; ``{}`` for what is not known."""

_TYPES: dict[type, str] = {str: "string", bool: "boolean", int: "integer", float: "number"}


def unknown(_: Sequence[str | int]) -> Schema:
    """Return the schema of a value of which nothing is known."""
    return {}


def schema_of(template: Template, lookup: Lookup = unknown) -> Schema:
    """Return the schema of what *template* renders to, missing values as null."""
    return _node_schema(template.node, lookup)


def _node_schema(node: Node, lookup: Lookup) -> Schema:
    match node:
        case Const():
            return value_schema(node.value)
        case Expr():
            path = node.expression.path
            return {} if path is None else dict(lookup(path))
        case Text():
            return {"type": "string"}
        case ListNode():
            return list_schema([_node_schema(item, lookup) for item in node.items])
        case MapNode():
            return object_schema({key: _node_schema(value, lookup) for key, value in node.entries})


def value_schema(value: Any) -> Schema:
    """Return the schema that *value* fits: its type and those inside, never the value, which may come from a secret."""
    if value is None:
        return {"type": "null"}
    if isinstance(value, dict):
        return object_schema({key: value_schema(item) for key, item in value.items()})
    if isinstance(value, list):
        return list_schema([value_schema(item) for item in value])
    return {"type": _TYPES[type(value)]}


def object_schema(properties: dict[str, Schema]) -> Schema:
    """Return the schema of an object that has all of *properties*."""
    schema: Schema = {"type": "object"}
    return schema | {"properties": properties, "required": list(properties)} if properties else schema


def list_schema(items: list[Schema]) -> Schema:
    """Return the schema of an array of items that each fit one of *items*."""
    schema: Schema = {"type": "array"}
    one = any_of(items)
    return schema | {"items": one} if one else schema


def any_of(schemas: list[Schema]) -> Schema:
    """Return the schema of a value that fits one of *schemas*."""
    distinct: list[Schema] = []
    for schema in schemas:
        if schema not in distinct:
            distinct.append(schema)
    if not distinct or {} in distinct:
        return {}
    return distinct[0] if len(distinct) == 1 else {"anyOf": distinct}


def nullable(schema: Schema) -> Schema:
    """Return the schema of a value that fits *schema* or is null."""
    if "anyOf" in schema:
        return schema | {"anyOf": [*schema["anyOf"], {"type": "null"}]}
    kind = schema.get("type")
    if isinstance(kind, str) and "enum" not in schema and "const" not in schema:
        return schema if kind == "null" else schema | {"type": [kind, "null"]}
    return any_of([schema, {"type": "null"}]) if schema else schema
