"""Mistakes in declarations, found at load: all of them, each with its place and the way out."""

from __future__ import annotations

from typing import Any

import pytest

from aggregator.schemas import InvalidSchema, compile_body, compile_parameter
from aggregator.schemas.check import MAX_DEPTH
from aggregator.schemas.judging import engine as engine_module
from aggregator.schemas.openapi import relocate


def problems(declare: Any) -> list[tuple[str, str, str | None]]:
    """Return path, message and hint of every mistake."""
    with pytest.raises(InvalidSchema) as caught:
        declare()
    assert str(caught.value)
    return [(".".join(map(str, p.path)), p.message, p.hint) for p in caught.value.problems]


TYPES = "one of string, integer, number, boolean, array, object, null"
REQUIRED_HINT = "list the name under `required` of the object around it"


@pytest.mark.parametrize(
    ("schema", "path", "message", "hint"),
    [
        ({"type": "integr"}, "type", "There is no type `integr`.", "did you mean `integer`?"),
        ({"type": "xyz"}, "type", "There is no type `xyz`.", TYPES),
        ({"type": ["string", None]}, "type", "The type of null is a text.", 'write "null" in quotes'),
        ({"type": []}, "type", "`type` takes a type or a list of different types.", None),
        ({"type": ["string", "string"]}, "type", "`type` takes a type or a list of different types.", None),
        ({"minimun": 1}, "minimun", "JSON Schema has no keyword `minimun`.", "did you mean `minimum`?"),
        ({1: 2}, "1", "JSON Schema has no keyword `1`.", None),
        (
            {"nullable": True},
            "nullable",
            "JSON Schema has no keyword `nullable`.",
            'write `type: [string, "null"]` instead',
        ),
        ({"properties": {"a": {"$id": "x"}}}, "properties.a.$id", "Only the whole schema can have `$id`.", "remove it"),
        (
            {"$schema": "http://json-schema.org/schema#"},
            "$schema",
            "This is another dialect of JSON Schema.",
            "every schema here is JSON Schema 2020-12: remove it",
        ),
        ({"$id": 5}, "$id", "`$id` takes a text.", None),
        ({"type": "integer", "minLength": 1}, "minLength", "`minLength` says nothing about type integer.", None),
        (
            {"type": ["object", "null"], "minItems": 1},
            "minItems",
            "`minItems` says nothing about type null or type object.",
            None,
        ),
        ({"type": "boolean", "format": "date"}, "format", "The format `date` says nothing about type boolean.", None),
        ({"format": "emial"}, "format", "There is no format `emial`.", "did you mean `email`?"),
        ({"format": 5}, "format", "`format` takes a text.", None),
        ({"minimum": "1"}, "minimum", "`minimum` takes a number.", None),
        ({"minimum": True}, "minimum", "`minimum` takes a number.", None),
        ({"multipleOf": 0}, "multipleOf", "`multipleOf` takes a number above zero.", None),
        ({"maxLength": -1}, "maxLength", "`maxLength` takes a whole number, zero or more.", None),
        ({"maxLength": 1.5}, "maxLength", "`maxLength` takes a whole number, zero or more.", None),
        ({"uniqueItems": "yes"}, "uniqueItems", "`uniqueItems` takes true or false.", None),
        ({"type": [[], []]}, "type", "`type` takes a type or a list of different types.", None),
        ({"enum": []}, "enum", "`enum` takes a list of at least one value.", None),
        ({"type": "integer", "enum": [1, "2"]}, "enum.1", "This value is not of type integer.", None),
        ({"required": True}, "required", "`required` takes a list of different names.", REQUIRED_HINT),
        ({"required": ["a", "a"]}, "required", "`required` takes a list of different names.", None),
        (
            {"dependentRequired": {"a": "b"}},
            "dependentRequired",
            "`dependentRequired` takes a mapping of lists of names.",
            None,
        ),
        ({"properties": ["a"]}, "properties", "`properties` takes a mapping of names (texts) to schemas.", None),
        ({"properties": {1: {}}}, "properties", "`properties` takes a mapping of names (texts) to schemas.", None),
        ({"properties": {"a": "string"}}, "properties.a", "A schema is a mapping of keywords.", "write `type: string`"),
        ({"items": [{}]}, "items", "A schema is a mapping of keywords.", None),
        ({"anyOf": {}}, "anyOf", "`anyOf` takes a list of at least one schema.", None),
        ({"allOf": [{"typ": 1}]}, "allOf.0.typ", "JSON Schema has no keyword `typ`.", "did you mean `type`?"),
        (
            {"patternProperties": {"(": {}}},
            "patternProperties.(",
            "This is not a regular expression, or one that grows too large.",
            None,
        ),
        (
            {"pattern": "(?=a)"},
            "pattern",
            "This pattern cannot be used; look-around and back-references are not supported.",
            None,
        ),
        (
            {"pattern": r"(a)\1"},
            "pattern",
            "This pattern cannot be used; look-around and back-references are not supported.",
            None,
        ),
        (
            {"pattern": "a{90000}{9000}"},
            "pattern",
            "This is not a regular expression, or one that grows too large.",
            None,
        ),
        ({"pattern": "a" * 1001}, "pattern", "A pattern has at most 1000 characters.", None),
        (
            {"$ref": "http://127.0.0.1/x"},
            "$ref",
            "`$ref` leads to a place in this schema.",
            "write it like '#/$defs/name'",
        ),
        ({"$ref": "#name"}, "$ref", "`$ref` leads to a place in this schema.", "write it like '#/$defs/name'"),
        ({"$ref": "#/$defs/x"}, "$ref", "`#/$defs/x` leads to no schema.", None),
        ({"$ref": "#/title", "title": "t"}, "$ref", "`#/title` leads to no schema.", None),
        (
            {"$ref": "#/allOf/0/title/x", "allOf": [{"title": "t"}]},
            "$ref",
            "`#/allOf/0/title/x` leads to no schema.",
            None,
        ),
        ({"$ref": "#/allOf/7", "allOf": [{}]}, "$ref", "`#/allOf/7` leads to no schema.", None),
        ({"examples": 5}, "examples", "`examples` takes a list.", None),
        ({"title": 5}, "title", "`title` takes a text.", None),
        ("strng", "type", "There is no type `strng`.", "did you mean `string`?"),
        (None, "", "A schema is a mapping of keywords.", None),
    ],
)
def test_a_wrong_schema_is_named(schema: Any, path: str, message: str, hint: str | None) -> None:
    """The place, what is wrong there, and how to write it."""
    assert problems(lambda: compile_body(schema)) == [(path, message, hint)]


def test_every_mistake_is_found_at_once() -> None:
    """Nobody fixes a file one message at a time."""
    schema = {
        "type": "object",
        "requird": ["a"],
        "properties": {"a": {"type": "strng"}, "b": {"items": {"minimum": "x"}}},
        "additionalProperties": "no",
    }
    assert [path for path, _, _ in problems(lambda: compile_body(schema))] == [
        "requird", "properties.a.type", "properties.b.items.minimum", "additionalProperties",
    ]  # fmt: skip


def test_endless_schemas_are_refused() -> None:
    """Deeper than anyone writes by hand; at the limit they are taken."""
    schema: Any = {}
    for _ in range(MAX_DEPTH):
        schema = {"not": schema}
    compile_body(schema)
    assert problems(lambda: compile_body({"not": schema}))[0][1] == "The schema is nested too deeply."


def test_what_only_the_compiler_finds_is_a_problem_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """No exception of the validator's package gets out."""
    monkeypatch.setattr(engine_module, "rewrite", lambda *_: {"type": "nonsense"})
    assert problems(lambda: compile_body({})) == [("", "The schema cannot be compiled.", None)]


PARAMETER_TYPES = "one of string, integer, number, boolean, array"


@pytest.mark.parametrize(
    ("declaration", "location", "found"),
    [
        (5, "query", [("", "A parameter is declared by a type or a mapping.", "write `integer`")]),
        ("int", "query", [("type", "There is no type `int`.", "did you mean `integer`?")]),
        ("object", "query", [("type", "A parameter is a text, which cannot be read as object.", PARAMETER_TYPES)]),
        (
            {"type": ["integer", "null"]},
            "query",
            [("type", "A parameter is a text, which cannot be read as a list of types.", PARAMETER_TYPES)],
        ),
        (
            {"type": "array", "items": {"type": "object"}},
            "query",
            [("items", "The items of a parameter are texts of one type.", "one of string, integer, number, boolean")],
        ),
        ({"required": ["a"]}, "query", [("required", "`required` of a parameter takes true or false.", None)]),
        (
            {"requird": True},
            "query",
            [("requird", "JSON Schema has no keyword `requird`.", "did you mean `required`?")],
        ),
        (
            {"$ref": "#"},
            "query",
            [
                (
                    "$ref",
                    "`$ref` has no meaning in a parameter.",
                    "write the schema where it is used; several share one by a YAML anchor: `&id`, then `*id`",
                )
            ],
        ),
        ({"required": False}, "path", [("required", "A path parameter is always there.", "leave `required` out")]),
        ({"default": "a"}, "path", [("default", "A path parameter is always there.", "leave `default` out")]),
        (
            {"required": True, "default": "a"},
            "query",
            [("required", "A parameter with a default is never required.", "keep one of the two")],
        ),
        ({"type": "array", "explode": True}, "header", [("explode", "`explode` is for arrays in a query.", None)]),
        ({"type": "string", "explode": False}, "query", [("explode", "`explode` is for arrays in a query.", None)]),
        (
            {"type": "integer", "minimum": 3, "default": "a", "example": 1, "examples": [4, 2]},
            "query",
            [
                ("default", "This value is not an integer.", None),
                ("example", "This value must be at least 3.", None),
                ("examples.1", "This value must be at least 3.", None),
            ],
        ),
        (
            {"type": "array", "items": {"type": "integer"}, "default": ["a"]},
            "query",
            [("default", "This value is not an array.", None)],
        ),
    ],
)
def test_a_wrong_parameter_is_named(declaration: Any, location: Any, found: list[Any]) -> None:
    """What a parameter adds to a schema is checked as strictly; defaults and examples have to fit."""
    assert problems(lambda: compile_parameter("p", declaration, location)) == found


def test_a_schema_may_say_what_it_is() -> None:
    """`$schema` and `$id` of a schema that was copied whole are let through, and change neither checks nor references."""
    named = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "https://example.com/order"}
    schema = compile_body({**named, "$defs": {"id": {"type": "integer"}}, "properties": {"id": {"$ref": "#/$defs/id"}}})
    assert schema.violations({"id": 1}) == []
    assert [violation.pointer for violation in schema.violations({"id": "1"})] == ["/id"]
    assert not {"$id", "$schema"} & set(relocate(schema.schema, "/components/schemas/Body"))


@pytest.mark.parametrize("name", ["$schema", "$id"])
def test_a_parameter_has_no_name_of_its_own(name: str) -> None:
    """What names a whole schema says nothing of a parameter."""
    with pytest.raises(InvalidSchema):
        compile_parameter("x", {"type": "string", name: "https://json-schema.org/draft/2020-12/schema"}, "query")
